/** The order in which things expire. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ExpiryQueue } from "../../storage/expiry_queue.ts";

Deno.test("what has expired is taken, first what expired first, and nothing that was deleted", () => {
  const queue = new ExpiryQueue<string>();
  for (const [item, at] of [["c", 30], ["a", 10], ["d", 40], ["b", 20]] as const) {
    queue.add(item, new Date(at));
  }
  assert.deepEqual(queue.takeExpired(new Date(9)), []);
  queue.delete("b");
  queue.delete("never added");
  assert.deepEqual(queue.takeExpired(new Date(30)), ["a", "c"]);
  assert.equal(queue.size, 1);
  queue.add("a", new Date(35));
  assert.deepEqual(queue.takeExpired(new Date(1_000)), ["a", "d"]);
  assert.equal(queue.size, 0);
});

Deno.test("whatever is added and deleted, the order is that of a sorted list", () => {
  const step = fc.record({
    kind: fc.constantFrom("add", "add", "delete", "take"),
    at: fc.nat(100),
    pick: fc.nat(),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const queue = new ExpiryQueue<{ readonly at: number }>();
    let model: { readonly at: number }[] = [];
    for (const { kind, at, pick } of steps) {
      if (kind === "add") {
        const item = { at };
        model.push(item);
        queue.add(item, new Date(at));
      } else if (kind === "delete") {
        const [item] = model.splice(pick % Math.max(model.length, 1), 1);
        if (item) queue.delete(item);
      } else {
        const taken = queue.takeExpired(new Date(at));
        const expired = model.filter((item) => item.at <= at);
        assert.deepEqual(
          taken.map((item) => item.at),
          expired.map((item) => item.at).sort(byNumber),
        );
        assert.deepEqual(new Set(taken), new Set(expired));
        model = model.filter((item) => item.at > at);
      }
      assert.equal(queue.size, model.length);
    }
  }));
});

const byNumber = (a: number, b: number) => a - b;

Deno.test("ten thousand things cost a few steps each", () => {
  let steps = 0;
  const dates = (at: number) => ({ getTime: () => (steps++, at) }) as Date;
  const queue = new ExpiryQueue<number>();
  for (let item = 0; item < 10_000; item++) queue.add(item, dates(item * 7919 % 10_000));
  assert.equal(steps, 10_000, "a time is looked at when it is added");
  steps = 0;
  for (let time = 0; time < 1_000; time++) assert.deepEqual(queue.takeExpired(dates(-1)), []);
  assert.ok(steps <= 2_000, `${steps} looks, where nothing has expired`);
});
