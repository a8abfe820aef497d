import assert from "node:assert/strict";
import { givingUp } from "../../storage/giving_up.ts";
import { StallError } from "../../storage/spill_buffer.ts";
import { turns, until } from "../waiting.ts";

const HOUR_MS = 3_600_000;

function numbers(count: number, events: unknown[] = []): ReadableStream<number> {
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      if (next < count) controller.enqueue(next++);
      else controller.close();
    },
    cancel: (reason) => void events.push(reason),
  }, { highWaterMark: 0 });
}

Deno.test("a reader that goes on gets everything, pauses included, and no timer is left", async () => {
  const read: number[] = [];
  for await (const number of givingUp(numbers(3), HOUR_MS)) {
    read.push(number);
    await turns();
  }
  assert.deepEqual(read, [0, 1, 2]);
});

Deno.test("a reader that stops is given up, and the source is let go", async () => {
  const events: unknown[] = [];
  const reader = givingUp(numbers(3, events), 50).getReader();
  await reader.read();
  await until(() => events.length === 1);
  await assert.rejects(reader.read(), (error) => {
    assert.ok(error instanceof StallError);
    assert.equal(error.message, "The reader took nothing for 50 ms");
    return true;
  });
});

Deno.test("a reader that leaves cancels the source", async () => {
  const events: unknown[] = [];
  const reader = givingUp(numbers(3, events), HOUR_MS).getReader();
  await reader.read();
  await reader.cancel("left");
  assert.deepEqual(events, ["left"]);
});
