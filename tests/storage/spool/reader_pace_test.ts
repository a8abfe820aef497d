/** The pace of a reader: when it has fallen behind, when it has stalled, and when to look again. */

import assert from "node:assert/strict";
import { type PaceLimits, ReaderPace } from "../../../storage/spool/reader_pace.ts";

const LIMITS: PaceLimits = {
  spillAfter: 10_000,
  spillRate: 1_000,
  stallTimeout: 120_000,
  maxHeldUp: 60_000,
};

/** A pace whose source is held up from the start, at 0. */
function heldUpPace(limits: Partial<PaceLimits> = {}): ReaderPace {
  const pace = new ReaderPace({ ...LIMITS, ...limits });
  pace.offered(0);
  pace.heldUp(0);
  return pace;
}

Deno.test("a reader that takes nothing has fallen behind after spillAfter, and stalls after stallTimeout", () => {
  const pace = heldUpPace();
  assert.equal(pace.nextLook(0, false), 10_000);
  assert.equal(pace.hasFallenBehind(9_999, false), false);
  assert.equal(pace.hasFallenBehind(10_000, false), true);
  assert.equal(pace.stalledAt, 120_000);
  pace.took(1, 50_000);
  assert.deepEqual([pace.idleSince, pace.stalledAt], [50_000, 170_000]);
});

Deno.test("time in which there was nothing to take does not count", () => {
  const pace = new ReaderPace(LIMITS);
  pace.took(100, 0);
  pace.offered(1_000_000);
  pace.heldUp(1_000_000);
  assert.equal(pace.hasFallenBehind(1_009_999, false), false);
  assert.equal(pace.stalledAt, 1_120_000);
});

for (const [bytes, behind] of [[9_999, true], [10_000, false]] as const) {
  Deno.test(`a reader that takes ${bytes} bytes in ten seconds is ${behind ? "" : "not "}too slow`, () => {
    const pace = heldUpPace();
    pace.took(bytes, 9_999);
    assert.equal(pace.hasFallenBehind(9_999, false), false, "the window is not over");
    assert.equal(pace.hasFallenBehind(10_000, false), behind);
  });
}

Deno.test("windows follow one another: a good one does not hide a bad one", () => {
  const pace = heldUpPace();
  pace.took(1_000_000, 9_999);
  assert.equal(pace.hasFallenBehind(10_000, false), false);
  pace.took(1, 15_000);
  pace.took(1, 19_000);
  assert.equal(pace.hasFallenBehind(19_999, false), false);
  assert.equal(pace.hasFallenBehind(20_000, false), true);
});

Deno.test("a source that waits for less than half of the time is slow itself", () => {
  const pace = new ReaderPace(LIMITS);
  pace.offered(0);
  pace.heldUp(0);
  pace.goesOn(4_999);
  pace.took(1, 9_000);
  pace.heldUp(10_000);
  assert.equal(pace.hasFallenBehind(10_000, false), false);

  const other = new ReaderPace(LIMITS);
  other.offered(0);
  other.heldUp(0);
  other.goesOn(5_000);
  other.took(1, 9_000);
  other.heldUp(10_000);
  assert.equal(other.hasFallenBehind(10_000, false), true);
});

Deno.test("where others wait, a second in which the source waited for half of it is enough", () => {
  const pace = heldUpPace();
  pace.took(1_000_000, 500);
  assert.equal(pace.nextLook(0, true), 1_000);
  assert.equal(pace.hasFallenBehind(999, true), false);
  assert.equal(pace.hasFallenBehind(1_000, true), true);
  // The next second is measured anew.
  pace.goesOn(1_000);
  pace.took(1, 1_600);
  pace.heldUp(1_501);
  assert.equal(pace.hasFallenBehind(2_000, true), false);
});

Deno.test("a source that has waited for maxHeldUp in all waits no longer, however fast the reader is", () => {
  const pace = heldUpPace({ maxHeldUp: 3_000, spillAfter: 100_000, spillRate: 0 });
  pace.goesOn(2_000);
  pace.took(1_000_000, 2_000);
  pace.heldUp(50_000);
  assert.equal(pace.nextLook(50_000, false), 51_000);
  pace.took(1_000_000, 50_500);
  assert.equal(pace.hasFallenBehind(50_999, false), false);
  assert.equal(pace.hasFallenBehind(51_000, false), true);
});

Deno.test("a reader that took everything that was on the disk begins anew", () => {
  const pace = heldUpPace({ maxHeldUp: 3_000 });
  pace.took(1, 2_999);
  pace.caughtUp(2_999);
  assert.equal(pace.hasFallenBehind(5_998, false), false);
  assert.equal(pace.hasFallenBehind(5_999, false), true);
});
