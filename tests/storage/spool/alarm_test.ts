/** The alarm and the delays of the spill buffer. */

import assert from "node:assert/strict";
import { Alarm } from "../../../storage/spool/alarm.ts";
import { Backoff } from "../../../storage/spool/backoff.ts";
import { FakeClock } from "./fake_spool.ts";

Deno.test("an alarm rings once, at the earliest time that it was set to", async () => {
  const clock = new FakeClock();
  const rings: number[] = [];
  const alarm = new Alarm(clock, () => rings.push(clock.now()));
  alarm.set(1_300);
  alarm.set(1_500);
  assert.equal(clock.set, 1, "a later one costs no timer");
  alarm.set(1_200);
  assert.deepEqual([clock.timers, alarm.isSet], [1, true]);
  await clock.pass(1_000);
  assert.deepEqual([rings, alarm.isSet], [[1_200], false]);
  alarm.set(2_500);
  alarm.stop();
  await clock.pass(1_000);
  assert.deepEqual([rings, clock.timers], [[1_200], 0]);
});

Deno.test("what is refused waits twice as long each time, up to the last delay, until it succeeds", () => {
  const backoff = new Backoff({ first: 1_000, last: 3_000 });
  const delays: number[] = [];
  for (let turn = 0; turn < 4; turn++) {
    backoff.refused(10_000);
    delays.push(backoff.until - 10_000);
  }
  backoff.succeeded();
  backoff.refused(10_000);
  delays.push(backoff.until - 10_000);
  assert.deepEqual(delays, [1_000, 2_000, 3_000, 3_000, 1_000]);
  backoff.skip();
  assert.ok(backoff.until < 10_000);
});
