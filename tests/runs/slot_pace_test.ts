/** How many slots were freed of late, as far as that tells anything. */

import assert from "node:assert/strict";
import { SlotPace } from "../../runs/slot_pace.ts";

Deno.test("slots are counted that were freed in the window, once every one was taken for as long", () => {
  const pace = new SlotPace(1_000, 10);
  assert.equal(pace.isBelow(1, 5_000), false, "none was ever wanted");
  pace.update(true, 5_000);
  pace.free(5_100);
  pace.free(5_900);
  pace.update(true, 5_900);
  assert.equal(pace.isBelow(3, 5_999), false, "nothing is known yet");
  assert.deepEqual([2, 3].map((slots) => pace.isBelow(slots, 6_000)), [false, true]);
  assert.deepEqual([1, 2].map((slots) => pace.isBelow(slots, 6_200)), [false, true]);
  assert.equal(pace.isBelow(1, 6_901), true, "none was freed for a second");
  pace.update(false, 7_000);
  assert.equal(pace.isBelow(1, 7_000), false);
  pace.update(true, 7_000);
  assert.equal(pace.isBelow(1, 7_500), false, "what was before says nothing");
});

Deno.test("as many slots are remembered as are asked about", () => {
  const pace = new SlotPace(1_000, 3);
  pace.update(true, 0);
  for (let time = 1_000; time < 1_010; time++) pace.free(time);
  assert.deepEqual([3, 4].map((slots) => pace.isBelow(slots, 1_500)), [false, true]);
});
