/** Tables that end, or fail, at a number of rows. */

import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { limitRows } from "../../../runs/worker/limit_rows.ts";
import type { Batch, TextBatch } from "../../../table/table.ts";

const BATCHES: readonly Batch[] = [[[1], [2]], [[3], [4], [5]], [[6]]];

/** What comes of the batches, whether the source was released, and how often a row too many was told. */
async function limited(maxRows: number, error?: Error) {
  let cancelled: unknown;
  let told = 0;
  let at = 0;
  const source = new ReadableStream<Batch>({
    pull(controller) {
      const batch = BATCHES[at++];
      if (batch) controller.enqueue(batch);
      else controller.close();
    },
    cancel: (reason) => void (cancelled = reason ?? "cancelled"),
  }, { highWaterMark: 0 });
  const limit = { maxRows, onMore: () => (told++, error) };
  const batches = await Array.fromAsync(limitRows(source, limit));
  return { rows: batches.flat(2), sizes: batches.map(({ length }) => length), told, cancelled };
}

Deno.test("a table ends at its limit, and the source is released", async () => {
  deepStrictEqual(await limited(4), {
    rows: [1, 2, 3, 4],
    sizes: [2, 2],
    told: 1,
    cancelled: "cancelled",
  });
  deepStrictEqual(await limited(2), { rows: [1, 2], sizes: [2], told: 1, cancelled: "cancelled" });
});

Deno.test("a table of as many rows as it may have is whole", async () => {
  const whole = { rows: [1, 2, 3, 4, 5, 6], sizes: [2, 3, 1], told: 0, cancelled: undefined };
  deepStrictEqual(await limited(6), whole);
  deepStrictEqual(await limited(Infinity), whole);
});

Deno.test("where it may not end early, a row too many is its error", async () => {
  const error = new Error("too many");
  await rejects(limited(4, error), (thrown) => thrown === error);
});

Deno.test("rows that are text are shortened too", async () => {
  const batch: TextBatch = { bytes: new Uint8Array(3), bounds: new Int32Array(6), length: 3 };
  const limit = { maxRows: 2, onMore: () => undefined };
  const [only] = await Array.fromAsync(limitRows(ReadableStream.from([batch]), limit));
  strictEqual(only!.length, 2);
});
