/** Slots are for runs that work: what else a run may hold, and when it has to give its slot back. */

import assert from "node:assert/strict";
import { Admission } from "../../runs/admission.ts";
import type { RunReport } from "../../runs/observer.ts";
import { createRuns, type RunDependencies } from "../../runs/run.ts";
import { FakeClock, FakeSpool, settle } from "../storage/spool/fake_spool.ts";
import { fakeRunner, slowReader } from "./fake_runner.ts";
import { fakeTask } from "./fixture.ts";

const KIB = 1024;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

interface Setup {
  readonly slots?: number;
  /** Bytes in memory for runs that have ended. @default none */
  readonly endedBytes?: number;
  readonly spill?: RunDependencies["spill"];
}

/** Runs with an own clock, whose clients and workers do what the test says. */
function setup({ slots = 1, endedBytes = 0, spill = {} }: Setup) {
  const clock = new FakeClock();
  const runner = fakeRunner();
  const admission = new Admission(slots, { endedBytes });
  const reports: RunReport[] = [];
  const startRun = createRuns({
    admission,
    pool: runner,
    limits: { firstRow: MINUTE, sourceIdle: MINUTE, run: 60 * MINUTE },
    spill: { stallTimeout: 60 * MINUTE, ...spill },
    observers: [{ ended: (report) => void reports.push(report) }],
    clock,
  });
  let started = 0;
  return {
    admission,
    clock,
    reports,
    /** Starts a run whose source has so many bytes to give. */
    async start(bytes: number) {
      const id = `run-${started++}`;
      const starting = startRun(id, fakeTask("any"));
      await settle();
      const task = runner.tasks.at(-1)!;
      task.give(bytes);
      return { id, task, client: slowReader((await starting).body) };
    },
  };
}

Deno.test("a run whose source has ended has no slot, as long as there is memory for what is left of it", async () => {
  const { admission, start } = setup({ slots: 2, endedBytes: 300 * KIB });
  const [first, second] = [await start(256 * KIB), await start(256 * KIB)];
  assert.equal(admission.taken, 2);
  first.task.end();
  await settle();
  assert.deepEqual([admission.taken, admission.endedBytes], [1, 256 * KIB]);
  second.task.end();
  await settle();
  assert.deepEqual(
    [admission.taken, admission.endedBytes],
    [1, 256 * KIB],
    "there is no more memory",
  );

  await first.client.read(256 * KIB);
  assert.deepEqual([admission.taken, admission.endedBytes], [0, 256 * KIB], "now there is");
  await second.client.leave();
  await settle();
  assert.deepEqual([admission.taken, admission.endedBytes], [0, 0]);
});

Deno.test("a small run that has ended does not wait for memory behind a large one", async () => {
  const { admission, start } = setup({ slots: 3, endedBytes: 500 * KIB });
  const runs = [await start(320 * KIB), await start(320 * KIB), await start(128 * KIB)];
  for (const { task } of runs) task.end();
  await settle();
  assert.deepEqual([admission.taken, admission.endedBytes], [1, 448 * KIB]);
  for (const { client } of runs) await client.leave();
  assert.deepEqual([admission.taken, admission.endedBytes], [0, 0]);
});

Deno.test("what has ended and finds no memory is on the disk at once, and its client gets all of it", async () => {
  const spool = new FakeSpool();
  const { admission, start, reports } = setup({ spill: { spool } });
  const { task, client } = await start(700 * KIB);
  assert.equal(spool.stored, 0);
  task.end();
  await settle();
  assert.equal(admission.taken, 0);
  assert.equal(spool.stored, 700 * KIB);
  await client.read(Infinity);
  assert.equal(client.bytes, 700 * KIB);
  await settle();
  assert.deepEqual([spool.stored, spool.reserved, spool.misuse], [0, 0, []]);
  assert.deepEqual([reports[0]!.state, reports[0]!.spilled], ["complete", true]);
});

Deno.test("where neither memory nor disk has room, a run keeps its slot until one of them has", async () => {
  const spool = new FakeSpool();
  spool.quota = 0;
  const { admission, clock, start } = setup({ spill: { spool } });
  const { task, client } = await start(700 * KIB);
  task.end();
  await clock.pass(30 * SECOND);
  assert.equal(admission.state, "full");
  spool.quota = Infinity;
  // The disk is asked again half a minute later, at the latest.
  await clock.pass(30 * SECOND);
  assert.deepEqual([admission.taken, spool.stored], [0, 700 * KIB]);
  await client.leave();

  spool.quota = 0;
  const other = await start(700 * KIB);
  other.task.end();
  await settle();
  assert.equal(admission.taken, 1);
  await other.client.leave();
  await settle();
  assert.equal(admission.taken, 0, "its client has left it");
});

Deno.test("when the last slot is taken, runs that wait for their clients are spilled at once", async () => {
  const spool = new FakeSpool();
  // Its clients would never be too slow.
  const spill = { spool, spillAfter: 10 * MINUTE, spillRate: 0 };
  const { admission, clock, start } = setup({ slots: 3, spill });
  const slow = [await start(6_000 * KIB), await start(6_000 * KIB)];
  for (let second = 0; second < 60; second++) {
    for (const { client } of slow) await client.read(64 * KIB);
    await clock.pass(SECOND);
  }
  assert.deepEqual(spool.calls, [], "nobody needs their slots");
  assert.ok(slow.every(({ task }) => task.taken < 6_000 * KIB));

  const third = await start(6_000 * KIB);
  await settle();
  assert.deepEqual(slow.map(({ task }) => task.taken), [6_000 * KIB, 6_000 * KIB]);
  for (const { task } of slow) task.end();
  await settle();
  assert.equal(admission.taken, 1);

  // Slots are free again: the third has its source wait for as long as it likes.
  await clock.pass(5 * MINUTE);
  assert.ok(third.task.taken < 6_000 * KIB);
  await start(64 * KIB);
  await start(64 * KIB);
  await settle();
  assert.equal(third.task.taken, 6_000 * KIB);
});

Deno.test("a run that takes the last slot itself is spilled once it has waited for a second", async () => {
  const spool = new FakeSpool();
  const { clock, start } = setup({ spill: { spool } });
  const { task } = await start(2_000 * KIB);
  await clock.pass(SECOND - 1);
  assert.deepEqual(spool.calls, []);
  await clock.pass(1);
  assert.equal(task.taken, 2_000 * KIB);
});

Deno.test("a client that keeps up is not spilled, however many wait for its slot", async () => {
  const spool = new FakeSpool();
  const { clock, start } = setup({ spill: { spool } });
  const { task, client } = await start(64 * KIB);
  for (let turn = 0; turn < 200; turn++) {
    // The worker is ahead of its client for 40 ms of each 100.
    task.give(1_000 * KIB);
    await clock.pass(40);
    await client.read(1_000 * KIB);
    await clock.pass(60);
  }
  assert.deepEqual(spool.calls, []);
});

Deno.test("a run that has waited for its client for a tenth of limits.run is spilled at any rate", async () => {
  const spool = new FakeSpool();
  const { clock, start } = setup({ slots: 2, spill: { spool, spillRate: 0 } });
  const { task, client } = await start(6_000 * KIB);
  const begun = clock.now();
  // Not for long enough a pause to be taken for a client that has stopped.
  while (spool.calls.length === 0 && clock.now() - begun < 60 * MINUTE) {
    await client.read(64 * KIB);
    await clock.pass(9 * SECOND);
  }
  assert.equal(clock.now() - begun, 6 * MINUTE);
  assert.equal(task.taken, 6_000 * KIB);
});
