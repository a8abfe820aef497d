/** Peaks of fixed windows, which asking does not change. */

import assert from "node:assert/strict";
import { createPeak } from "../../../storage/disk/peak.ts";

const MINUTE = 60_000;

Deno.test("a peak is the highest of this minute and the last one, however often it is asked for", () => {
  let time = 10 * MINUTE + 5_000;
  const peak = createPeak(() => time);
  assert.equal(peak.value, 0);
  peak.set(70);
  peak.set(40);
  assert.deepEqual([peak.value, peak.value], [70, 70]);
  time = 11 * MINUTE;
  peak.set(50);
  peak.set(20);
  assert.equal(peak.value, 70, "of the last minute");
  time = 12 * MINUTE - 1;
  assert.deepEqual([peak.value, peak.value], [70, 70]);
  time = 12 * MINUTE;
  assert.equal(peak.value, 50, "of the minute before, whose own is 20");
  time = 13 * MINUTE;
  assert.equal(peak.value, 20);
});

Deno.test("where nothing happens for long, the peak is what there is", () => {
  let time = 0;
  const peak = createPeak(() => time);
  peak.set(100);
  peak.set(30);
  time = 2 * MINUTE;
  assert.equal(peak.value, 30);
  time = 500 * MINUTE;
  peak.set(0);
  assert.equal(peak.value, 30, "it was so until just now");
  time = 502 * MINUTE;
  assert.equal(peak.value, 0);
});
