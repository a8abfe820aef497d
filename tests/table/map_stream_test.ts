/** A mapped stream: read as it is read, cancelled at once, broken with its source. */

import assert from "node:assert/strict";
import { mapStream } from "../../table/map_stream.ts";
import { turns } from "../waiting.ts";

/** A source that gives what it is told to, and says how it was treated. */
function source() {
  const state = { pulls: 0, cancelledWith: undefined as unknown };
  let controller!: ReadableStreamDefaultController<string>;
  const reader = new ReadableStream<string>({
    start: (itself) => {
      controller = itself;
    },
    pull: () => {
      state.pulls++;
      return new Promise(() => {});
    },
    cancel: (reason) => {
      state.cancelledWith = reason;
    },
  }, { highWaterMark: 0 }).getReader();
  return { reader, state, controller };
}

const upper = (text: string) => text.toUpperCase();

Deno.test("values come in order, each mapped, a first one before them", async () => {
  const { reader, controller } = source();
  for (const value of ["b", "c"]) controller.enqueue(value);
  controller.close();
  assert.deepEqual(await Array.fromAsync(mapStream(reader, upper, "a")), ["A", "B", "C"]);
});

Deno.test("nothing is read before the result is", async () => {
  const { reader, state } = source();
  const mapped = mapStream(reader, upper).getReader();
  await turns();
  assert.equal(state.pulls, 0);
  void mapped.read();
  await turns();
  assert.equal(state.pulls, 1);
  await mapped.cancel();
});

Deno.test("cancelling reaches a source that stalls in a read", async () => {
  const { reader, state } = source();
  const mapped = mapStream(reader, upper).getReader();
  const reading = mapped.read();
  await turns();
  await mapped.cancel("enough");
  assert.equal(state.cancelledWith, "enough");
  assert.deepEqual(await reading, { done: true, value: undefined });
});

Deno.test("an error of the source, or of the mapping, is the result's", async () => {
  const broken = source();
  const error = new Error("the source broke");
  broken.controller.error(error);
  await assert.rejects(mapStream(broken.reader, upper).getReader().read(), (one) => one === error);

  const { reader, controller } = source();
  controller.enqueue("a");
  const refuse = (): string => {
    throw error;
  };
  await assert.rejects(mapStream(reader, refuse).getReader().read(), (one) => one === error);
});
