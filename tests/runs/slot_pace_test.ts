/** How long a run would wait for a slot, by those that were freed. */

import assert from "node:assert/strict";
import { SlotPace } from "../../runs/slot_pace.ts";

Deno.test("eight slots that are held for a second each are freed every eighth of it", () => {
  const pace = new SlotPace(5_000);
  for (let slot = 0; slot < 8; slot++) pace.take(125 * slot);
  for (let time = 1_000; time <= 60_000; time += 125) {
    pace.free(time);
    pace.take(time);
  }
  const expected = [1, 8, 40].map((slots) => Math.round(pace.expect(slots, 60_000) / 10) * 10);
  assert.deepEqual(expected, [120, 960, 4_820]);
});

Deno.test("slots of which none was freed are waited for the longer, the longer that is", () => {
  const pace = new SlotPace(5_000);
  for (let slot = 0; slot < 8; slot++) pace.take(0);
  assert.equal(pace.expect(10, 0), 0, "nothing is known");
  const expected = [500, 5_000, 50_000].map((time) => Math.round(pace.expect(2, time)));
  assert.deepEqual(expected, [952, 6_321, 10_000]);
  pace.free(50_000);
  assert.ok(pace.expect(2, 50_000) < 6_000);
});

Deno.test("what was long ago says nothing, and neither does a time when no slot was taken", () => {
  const pace = new SlotPace(5_000);
  pace.take(0);
  pace.free(60_000);
  assert.equal(pace.expect(5, 60_000), 0);
  pace.take(200_000);
  assert.ok(pace.expect(5, 200_000) < 1);
});
