/**
 * Adds an entry to a ZIP file without zip.js's streams: zip.js hands an entry to a web worker where
 * it is told to, and waits for the deflated bytes. This module is that worker, on the same thread.
 *
 * Through a codec class each byte of a sheet is copied four times and passes ten streams, which took
 * 50 ms of a workbook of 1 M cells, where the cells themselves take 100 and deflate 110.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { crc32 } from "node:zlib";
import { configure, type ZipWriter } from "@zip.js/zip.js";
import type { IdleCores } from "../exporter.ts";
import { BlockDeflater } from "./block_deflater.ts";

/**
 * The bytes of an entry in blocks, each to be deflated alone. A block's buffer is the taker's, who may
 * give back one that is done with. What they return is for whoever made them.
 */
export type Blocks<R = void> = AsyncGenerator<
  Uint8Array<ArrayBuffer>,
  R,
  Uint8Array<ArrayBuffer> | undefined
>;

/** How a file is deflated. */
export interface Deflate {
  /** The level, 0 to 9. */
  readonly level: number;
  /** Cores that may help. */
  readonly cores: IdleCores;
}

/** An entry that is being written. */
interface Entry {
  readonly blocks: Blocks;
  readonly deflate: Deflate;
}

/** zip.js says which entry it hands to a worker by no more than when it does. */
const entries = new AsyncLocalStorage<Entry>();

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
  await entries.run({ blocks, deflate }, () => writer.add(name, new Blob([]).stream(), options));
}

/** What zip.js 2.24.0 tells a worker. What it answers to `pull`, which is never asked, is left out. */
type Told =
  | { readonly type: "start" }
  | { readonly type: "ack"; readonly messageId: number };

/** What a worker tells zip.js: some deflated bytes, that there are no more, or why not. */
type Tells =
  | { readonly type: "data"; readonly value: Uint8Array; readonly messageId: number }
  | {
    readonly type: "close";
    readonly result: {
      readonly crc32: number;
      readonly inputSize: number;
      readonly outputSize: number;
    };
  }
  | { readonly error: unknown; readonly errorValue: { readonly value: unknown } };

/** A worker as zip.js sees it, for one entry after another. */
class EntryWorker extends EventTarget {
  #written = Promise.withResolvers<void>();
  #ended = false;

  postMessage({ type }: Told): void {
    if (type === "ack") this.#written.resolve();
    else void this.#deflate(entries.getStore()!);
  }

  /** Nobody wants the entry any more. */
  terminate(): void {
    this.#ended = true;
    this.#written.reject(new Error("Cannot write an entry: its file is closed"));
  }

  async #deflate({ blocks, deflate: { level, cores } }: Entry): Promise<void> {
    const deflated: Uint8Array[] = [];
    const deflater = new BlockDeflater(level, cores, (bytes) => deflated.push(bytes));
    const result = { crc32: 0, inputSize: 0, outputSize: 0 };

    const write = async () => {
      for (let bytes; (bytes = deflated.shift());) {
        result.outputSize += bytes.length;
        await this.#write(bytes);
      }
    };

    try {
      let spare: Uint8Array<ArrayBuffer> | undefined;
      for (;;) {
        const { done, value: block } = await blocks.next(spare);
        if (done) break;
        result.crc32 = crc32(block, result.crc32);
        result.inputSize += block.length;
        spare = await deflater.add(block);
        await write();
      }
      await deflater.finish();
      await write();
      this.#tell({ type: "close", result });
    } catch (error) {
      if (!this.#ended) {
        // As both, as zip.js copies the name and the code of the one to the other.
        this.#tell({ error, errorValue: { value: error } });
      }
    } finally {
      deflater.close();
      await blocks.return();
    }
  }

  /** Resolves when zip.js has passed the bytes on. */
  #write(value: Uint8Array): Promise<void> {
    this.#written = Promise.withResolvers();
    this.#tell({ type: "data", value, messageId: 0 });
    return this.#written.promise;
  }

  #tell(data: Tells): void {
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
