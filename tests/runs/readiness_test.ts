/** Readiness: the first thing that is in the way, and an answer whatever the things do. */

import assert from "node:assert/strict";
import { type CheckState, createReadiness } from "../../runs/readiness.ts";
import { FakeClock } from "../storage/spool/fake_spool.ts";

Deno.test("a server is ready when everything is, and else what the first thing is that is not", async () => {
  const states: Record<string, CheckState> = { slots: "ready", spool: "ready", workers: "ready" };
  const readiness = createReadiness(
    Object.keys(states).map((name) => ({ name, state: () => states[name]! })),
  );
  assert.deepEqual(await readiness(), { status: "ready", checks: states });
  states.workers = "failing";
  assert.deepEqual(await readiness(), { status: "failing", checks: states });
  states.slots = "draining";
  assert.deepEqual(await readiness(), {
    status: "draining",
    checks: { slots: "draining", spool: "ready", workers: "failing" },
  });
  assert.deepEqual(await createReadiness([])(), { status: "ready", checks: {} });
});

Deno.test("a thing that throws is failing", async () => {
  const readiness = createReadiness([{
    name: "spool",
    state: () => {
      throw new Error("broken");
    },
  }]);
  assert.deepEqual(await readiness(), { status: "failing", checks: { spool: "failing" } });
});

Deno.test("a thing that does not answer is failing after a second, and is not asked twice at once", async () => {
  const clock = new FakeClock();
  let asked = 0;
  let answer = Promise.withResolvers<CheckState>();
  const check = {
    name: "spool",
    state: () => {
      asked++;
      return answer.promise;
    },
  };
  const readiness = createReadiness([check], clock);
  const status = async () => {
    const asking = readiness();
    await clock.pass(1_000);
    return (await asking).status;
  };
  assert.deepEqual([await status(), await status()], ["failing", "failing"]);
  assert.equal(asked, 1);
  answer.resolve("ready");
  assert.equal(await status(), "ready");
  answer = Promise.withResolvers();
  answer.resolve("full");
  assert.equal(await status(), "full");
  assert.equal(clock.timers, 0);
});
