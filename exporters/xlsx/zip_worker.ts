/**
 * Adds an entry to a ZIP file by way of zip.js's protocol between itself and a web worker: the worker
 * is this module, on the same thread.
 *
 * Nothing else relies on that protocol, which zip.js does not publish: `lib/core/codec-worker-web.js` of
 * 2.24.0 is what this was written against, and `zip_worker_test.ts` holds zip.js to it. Through the
 * streams that it publishes a workbook takes a fifth more time (docs/design.md, "A row of a workbook").
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { configure, type ZipWriter } from "@zip.js/zip.js";
import { type Blocks, type Deflate, deflateBlocks, type DeflatedChunks } from "./deflate_blocks.ts";

/** zip.js says which entry it hands to a worker by no more than when it does. */
const entries = new AsyncLocalStorage<DeflatedChunks>();

/**
 * Adds an entry of any size below 4 GiB, made as it is written.
 *
 * Without `zip64: false` zip.js writes ZIP64 fields of zeros into the local header of an entry of
 * unknown size, which Excel, SheetJS and Java's ZipInputStream refuse.
 */
export async function addDeflated<T>(
  writer: ZipWriter<T>,
  name: string,
  blocks: Blocks,
  deflate: Deflate,
): Promise<void> {
  const options = { zip64: false, useWebWorkers: true };
  await entries.run(
    deflateBlocks(blocks, deflate),
    () => writer.add(name, new Blob([]).stream(), options),
  );
}

/**
 * What zip.js sends: `start` once an entry, and `ack` when it has written what it was sent. It does not
 * send the entry's bytes, as it is never asked to (`pull`).
 */
interface ZipMessage {
  readonly type: "start" | "ack";
}

/** A worker as zip.js sees it, for one entry after another: each message of zip.js asks for the next chunk. */
class EntryWorker extends EventTarget {
  #chunks!: DeflatedChunks;

  postMessage({ type }: ZipMessage): void {
    if (type === "start") this.#chunks = entries.getStore()!;
    void this.#sendNext(this.#chunks);
  }

  /** The file is closed: what is still to come of the entry is not made. */
  terminate(): void {
    void this.#chunks.return(undefined);
  }

  async #sendNext(chunks: DeflatedChunks): Promise<void> {
    try {
      const { done, value } = await chunks.next();
      if (done) this.#send({ type: "close", result: value });
      else this.#send({ type: "data", value, messageId: 0 });
    } catch (error) {
      // As both, as zip.js copies the name and the code of the one to the other.
      this.#send({ error, errorValue: { value: error } });
    }
  }

  #send(data: unknown): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
}

configure({
  useWebWorkers: false,
  createWorker: () => new EntryWorker() as unknown as Worker,
  // Neither starts slowly nor costs anything to keep; zip.js waits for the one and ends the other.
  workerStartupTimeout: Infinity,
  terminateWorkerTimeout: Infinity,
  // Entries in the whole process that may be open at once: at the default of one a core, a client
  // that stalls would stop the others.
  maxWorkers: Number.MAX_SAFE_INTEGER,
});
