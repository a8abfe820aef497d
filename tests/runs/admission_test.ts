/** Admission: who has a slot, who is refused one and why, and memory in exchange for slots. */

import assert from "node:assert/strict";
import { Admission, AdmissionError } from "../../runs/admission.ts";

function refused(acquire: () => unknown): string {
  try {
    acquire();
  } catch (error) {
    assert.ok(error instanceof AdmissionError);
    return `${error.reason}: ${error.message}`;
  }
  return "not refused";
}

Deno.test("slots are given until there are none, and again when one comes back", () => {
  const admission = new Admission(2);
  assert.equal(admission.state, "ready");
  const one = admission.acquire();
  admission.acquire();
  assert.deepEqual([admission.taken, admission.state, admission.contended], [2, "full", true]);
  assert.equal(refused(() => admission.acquire()), "full: Every slot is taken");
  one.release();
  one.release();
  assert.deepEqual([admission.taken, admission.state, admission.contended], [1, "ready", false]);
  admission.acquire();
  assert.deepEqual(admission.refused, { full: 1, draining: 0, memory: 0 });
});

Deno.test("a run is refused while memory is short, and counted as begun where it is not", () => {
  let begun = 0;
  const memory = { short: true, begin: () => (begun++, () => {}) };
  const admission = new Admission(2, 0, memory);
  assert.equal(refused(() => admission.acquire()), "memory: The server is short of memory");
  assert.deepEqual([begun, admission.taken], [0, 0]);
  memory.short = false;
  admission.acquire();
  assert.deepEqual([begun, admission.taken], [1, 1]);
  assert.deepEqual(admission.refused, { full: 0, draining: 0, memory: 1 });
});

Deno.test("a server that drains admits no run, and is drained when the last slot comes back", async () => {
  const admission = new Admission(3);
  const slots = [admission.acquire(), admission.acquire()];
  let drained = false;
  const draining = admission.drain().then(() => drained = true);
  assert.equal(admission.state, "draining");
  assert.equal(refused(() => admission.acquire()), "draining: The server is stopping");
  slots[0]!.release();
  await Promise.resolve();
  assert.equal(drained, false);
  slots[1]!.release();
  await draining;
  await new Admission(1).drain();
});

Deno.test("listeners are called each time that the last slot is taken, until they take that back", () => {
  const admission = new Admission(2);
  let calls = 0;
  const stop = admission.onContended(() => calls++);
  admission.acquire();
  assert.equal(calls, 0);
  const last = admission.acquire();
  assert.equal(calls, 1);
  last.release();
  admission.acquire().release();
  assert.equal(calls, 2);
  stop();
  admission.acquire();
  assert.equal(calls, 2);
});

Deno.test("a slot is exchanged for memory at once where there is some", () => {
  const admission = new Admission(1, 100);
  const slot = admission.acquire();
  assert.equal(slot.exchange(100), true);
  assert.deepEqual([admission.taken, admission.endedBytes], [0, 100]);
  admission.acquire();
  slot.release();
  slot.release();
  assert.deepEqual([admission.taken, admission.endedBytes], [1, 0]);
});

Deno.test("without memory a run keeps its slot until others give theirs back, those that fit first", () => {
  const admission = new Admission(4, 100);
  const [first, large, small, last] = Array.from({ length: 4 }, () => admission.acquire());
  assert.equal(first!.exchange(90), true);
  assert.equal(large!.exchange(95), false);
  assert.equal(small!.exchange(10), true, "it fits beside the first");
  assert.equal(last!.exchange(20), false);
  assert.deepEqual([admission.taken, admission.endedBytes], [2, 100]);
  first!.release();
  assert.deepEqual(
    [admission.taken, admission.endedBytes],
    [1, 30],
    "large does not fit, last does",
  );
  small!.release();
  last!.release();
  assert.deepEqual([admission.taken, admission.endedBytes], [0, 95]);
  large!.release();
  assert.deepEqual([admission.taken, admission.endedBytes], [0, 0]);
});

Deno.test("a run that waits for memory and ends gives its slot back, and is given none", () => {
  const admission = new Admission(2, 10);
  const [first, second] = [admission.acquire(), admission.acquire()];
  first.exchange(10);
  assert.equal(second.exchange(10), false);
  second.release();
  assert.deepEqual([admission.taken, admission.endedBytes], [0, 10]);
  first.release();
  assert.deepEqual([admission.taken, admission.endedBytes], [0, 0]);
});
