/** What observers are told of a run, and when. */

import assert from "node:assert/strict";
import { Admission } from "../../runs/admission.ts";
import type { ObservedRun, RunObserver, RunProgress, RunReport } from "../../runs/observer.ts";
import { createRuns } from "../../runs/run.ts";
import type { RunRequest } from "../../requests/run_request.ts";
import { FakeClock, settle } from "../storage/spool/fake_spool.ts";
import { fakeRunner, slowReader } from "./fake_runner.ts";
import { fakeTask } from "./fixture.ts";

const KIB = 1024;
const REQUEST = { principal: { id: "key:k7f3q2" }, delivery: "auto" } as RunRequest;

/** An observer that writes down what it is told. */
function notes() {
  const lines: string[] = [];
  const runs: ObservedRun[] = [];
  const observer = {
    started(run: ObservedRun) {
      runs.push(run);
      lines.push(`started ${run.id}`);
    },
    progress({ rows, bytes }: RunProgress, run: ObservedRun) {
      lines.push(`progress ${run.id}: ${rows} rows, ${bytes} bytes`);
    },
    ended({ state, rows, bytes }: RunReport, run: ObservedRun) {
      runs.push(run);
      lines.push(`ended ${run.id}: ${state}, ${rows} rows, ${bytes} bytes`);
    },
  } satisfies RunObserver;
  return { lines, runs, observer };
}

function setup(observers: readonly RunObserver[]) {
  const clock = new FakeClock();
  const runner = fakeRunner();
  const startRun = createRuns({
    admission: new Admission(1),
    pool: runner,
    limits: { firstRow: 60_000, sourceIdle: 60_000, run: 60_000 },
    observers,
    clock,
  });
  return { clock, runner, startRun };
}

Deno.test("each observer is told of a run's start, its progress and its end, with who asked for what", async () => {
  const one = notes();
  const other = notes();
  const { clock, runner, startRun } = setup([one.observer, other.observer]);
  const before = Date.now();
  const task = fakeTask("any");
  const starting = startRun("a", task, { request: REQUEST, client: "192.0.2.1" });
  await settle();
  assert.deepEqual(one.lines, ["started a"]);
  runner.tasks[0]!.give(128 * KIB);
  const client = slowReader((await starting).body);
  await client.read(64 * KIB);
  await clock.pass(1_000);
  runner.tasks[0]!.end();
  await clock.pass(1_000);
  await client.read(Infinity);
  await clock.pass(1_000);
  assert.deepEqual(one.lines, [
    "started a",
    "progress a: 7 rows, 65536 bytes",
    "ended a: complete, 7 rows, 131072 bytes",
  ]);
  assert.deepEqual(other.lines, one.lines);
  const [run, ended] = one.runs;
  assert.equal(run, ended);
  assert.equal(run!.task, task);
  assert.equal(run!.request, REQUEST);
  assert.equal(run!.client, "192.0.2.1");
  const startedAt = run!.startedAt.getTime();
  assert.ok(before <= startedAt && startedAt <= Date.now());
  assert.equal(clock.timers, 0);
});

Deno.test("a run without a slot is not told of", async () => {
  const { lines, observer } = notes();
  const { runner, startRun } = setup([observer]);
  const first = startRun("a", fakeTask("any"));
  await assert.rejects(startRun("b", fakeTask("any")), /Every slot is taken/);
  await settle();
  runner.tasks[0]!.end();
  const { body } = await first;
  await body.cancel();
  await settle();
  assert.deepEqual(lines.map((line) => line.split(":")[0]), ["started a", "ended a"]);
});

Deno.test("what a run waited for is in its report: no worker, then a client that takes nothing", async () => {
  const reports: RunReport[] = [];
  const { clock, runner, startRun } = setup([{ ended: (report) => void reports.push(report) }]);
  const starting = startRun("a", fakeTask("any"));
  await clock.pass(300);
  runner.tasks[0]!.give(64 * KIB);
  const client = slowReader((await starting).body);
  await clock.pass(200);
  runner.tasks[0]!.end();
  await clock.pass(5_000);
  await client.read(Infinity);
  await clock.pass(0);
  const [{ times, steps, duration } = assert.fail()] = reports;
  // The fake does not say when it began, nor what it waited for.
  assert.deepEqual(times, { worker: 500, client: 5_000 });
  assert.equal(steps.worked, 500);
  assert.equal(duration, 5_500);
});

Deno.test("a run is digested where an observer wants that, and only a complete one has a digest", async () => {
  const reports: RunReport[] = [];
  const ended = (report: RunReport) => void reports.push(report);
  const digested = setup([{ ended, digests: true }]);
  const plain = setup([{ ended }]);
  for (const { runner, startRun } of [digested, plain]) {
    const starting = startRun("a", fakeTask("any"));
    await settle();
    runner.tasks[0]!.give(64 * KIB);
    runner.tasks[0]!.end();
    await slowReader((await starting).body).read(Infinity);
    await settle();
  }
  const cancelled = digested.startRun("b", fakeTask("any"));
  await settle();
  digested.runner.tasks[1]!.give(64 * KIB);
  await slowReader((await cancelled).body).leave();
  await settle();
  assert.deepEqual(reports.map(({ state, sha256 }) => [state, sha256]), [
    // `head -c 65536 /dev/zero | sha256sum`
    ["complete", "de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31"],
    ["complete", undefined],
    ["cancelled", undefined],
  ]);
});
