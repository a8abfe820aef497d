/** Waiting for what may never come. */

import assert from "node:assert/strict";
import { settlesWithin } from "../../storage/settles_within.ts";
import { FakeClock, settle } from "./spool/fake_spool.ts";

Deno.test("what settles in time is waited for, and what does not is not", async () => {
  const clock = new FakeClock();
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = settlesWithin(promise, 2_000, clock);
  const late = settlesWithin(new Promise(() => {}), 2_000, clock);
  await clock.pass(1_999);
  resolve();
  assert.equal(await done, true);
  assert.equal(clock.timers, 1);
  await clock.pass(1);
  assert.equal(await late, false);
  assert.equal(clock.timers, 0);
});

Deno.test("what fails in time fails, and what fails later is nobody's business", async () => {
  const clock = new FakeClock();
  await assert.rejects(settlesWithin(Promise.reject(new Error("broken")), 2_000, clock), /broken/);
  const { promise, reject } = Promise.withResolvers<void>();
  const late = settlesWithin(promise, 2_000, clock);
  await clock.pass(2_000);
  assert.equal(await late, false);
  reject(new Error("much later"));
  await settle();
});
