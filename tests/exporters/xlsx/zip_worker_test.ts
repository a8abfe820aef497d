/**
 * Holds zip.js to the protocol that `zip_worker.ts` relies on, which it does not publish. Where a new
 * version fails here, read its `lib/core/codec-worker-web.js` and `codec-pool.js` before it is taken.
 */

import assert from "node:assert/strict";
import { configure, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import deno from "../../../deno.json" with { type: "json" };
import { readZip } from "./read_zip.ts";

/** "abc", deflated. */
const DEFLATED = [0x4b, 0x4c, 0x4a, 0x06, 0x00];

/** A worker that sends some messages, one for each that comes, and remembers those. */
class Recorder extends EventTarget {
  readonly received: unknown[] = [];
  readonly #answers: unknown[];

  constructor(answers: readonly unknown[]) {
    super();
    this.#answers = [...answers];
  }

  postMessage({ type, messageId }: { type: string; messageId?: number }): void {
    this.received.push(messageId === undefined ? type : `${type} ${messageId}`);
    const data = this.#answers.shift();
    if (data === undefined) return;
    queueMicrotask(() => this.dispatchEvent(new MessageEvent("message", { data })));
  }

  terminate(): void {
    this.received.push("terminate");
  }
}

/** Has zip.js give its next entry to a recorder. */
function record(...answers: readonly unknown[]): Recorder {
  const recorder = new Recorder(answers);
  configure({ createWorker: () => recorder as unknown as Worker, terminateWorkerTimeout: 0 });
  return recorder;
}

function data(from: number, to: number, messageId: number): unknown {
  return { type: "data", value: new Uint8Array(DEFLATED.slice(from, to)), messageId };
}

const OPTIONS = { useWebWorkers: true, zip64: false };

Deno.test("zip.js is the version whose protocol was read: 2.24.0", () => {
  assert.equal(deno.imports["@zip.js/zip.js"], "npm:@zip.js/zip.js@2.24.0");
});

Deno.test("zip.js starts an entry, acknowledges each chunk, and ends it with the sums it is told", async () => {
  const writer = new ZipWriter(new Uint8ArrayWriter());
  const sums = { crc32: 0x352441c2, inputSize: 3, outputSize: 5 };
  const recorder = record(data(0, 2, 7), data(2, 5, 8), { type: "close", result: sums });
  await writer.add("a.txt", new Blob([]).stream(), OPTIONS);
  const [entry] = readZip(await writer.close());
  assert.equal(new TextDecoder().decode(entry?.content), "abc");
  assert.equal(entry?.descriptor?.crc, 0x352441c2);
  assert.deepEqual(recorder.received.slice(0, 3), ["start", "ack 7", "ack 8"]);
});

Deno.test("zip.js rejects an entry with the very error that its worker sends", async () => {
  const writer = new ZipWriter(new Uint8ArrayWriter());
  const error = Object.assign(new RangeError("broken"), { code: "BROKEN" });
  record({ error, errorValue: { value: error } });
  await assert.rejects(
    writer.add("a.txt", new Blob([]).stream(), OPTIONS),
    (thrown) => thrown === error && error.name === "RangeError" && error.code === "BROKEN",
  );
});

Deno.test("zip.js terminates the worker whose chunk the file does not take", async () => {
  const output = new WritableStream<Uint8Array>({
    write(bytes) {
      // The local header is taken.
      if (bytes[0] !== 0x50) throw new Error("full");
    },
  });
  // A few of them lie between it and the file.
  const recorder = record(...Array.from({ length: 20 }, (_, id) => data(0, 5, id)));
  await assert.rejects(
    new ZipWriter(output).add("a.txt", new Blob([]).stream(), OPTIONS),
    /full/,
  );
  assert.ok(recorder.received.includes("terminate"));
});
