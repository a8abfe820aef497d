/** How long a run may take, and its steps: by a clock of the test's own. */

import assert from "node:assert/strict";
import { ANONYMOUS } from "../../access/principal.ts";
import type { RunRequest } from "../../requests/run_request.ts";
import { Admission } from "../../runs/admission.ts";
import { AdmissionError } from "../../runs/admission_error.ts";
import type { RunReport } from "../../runs/observer.ts";
import { createRuns, type RunOptions } from "../../runs/run.ts";
import { StallError } from "../../storage/spool/spill_buffer.ts";
import { FakeClock, settle } from "../storage/spool/fake_spool.ts";
import { fakeRunner, slowReader } from "./fake_runner.ts";
import { fakeTask } from "./fixture.ts";

const KIB = 1024;
const SECOND = 1_000;
const LIMITS = { firstRow: 10 * SECOND, sourceIdle: 20 * SECOND, run: 100 * SECOND };

function setup({ stallTimeout = 1_000 * SECOND, waiting = false } = {}) {
  const clock = new FakeClock();
  const runner = fakeRunner({ waiting });
  const admission = new Admission(1);
  const reports: RunReport[] = [];
  const startRun = createRuns({
    admission,
    pool: runner,
    limits: LIMITS,
    spill: { stallTimeout },
    observers: [{ ended: (report) => void reports.push(report) }],
    clock,
  });
  return {
    clock,
    runner,
    /** The task of the run that was started last. */
    get task() {
      return runner.tasks.at(-1)!;
    },
    startRun: (options?: RunOptions) => startRun("a", fakeTask("any"), options),
    /** Starts a run, whose source gives so many bytes at once. */
    async begin(bytes: number) {
      const starting = startRun("a", fakeTask("any"));
      await settle();
      runner.tasks.at(-1)!.give(bytes);
      return slowReader((await starting).body);
    },
    /** The run is over: it failed of this, and nothing of it is left. */
    async assertFailed(message: string, kind: string): Promise<void> {
      await settle();
      const [report] = reports;
      assert.equal(report?.state, "failed");
      assert.equal(report.error?.name, kind);
      assert.equal(report.error?.message, message);
      assert.equal(runner.tasks[0]!.cancelled, true);
      assert.deepEqual([admission.taken, admission.endedBytes, clock.timers], [0, 0, 0]);
    },
    reports,
  };
}

Deno.test("a source without a first row times out", async () => {
  const { clock, startRun, assertFailed } = setup();
  const starting = startRun().catch((error) => error);
  await clock.pass(10 * SECOND);
  assert.equal((await Promise.race([starting, "waits"])) as unknown, "waits");
  await clock.pass(SECOND);
  assert.equal((await starting as Error).message, "The source gave no row within 10000 ms");
  await assertFailed("The source gave no row within 10000 ms", "RunTimeoutError");
});

Deno.test("the time that a run waits for a worker is not its source's", async () => {
  const { clock, startRun, runner } = setup({ waiting: true });
  const starting = startRun();
  await clock.pass(9 * SECOND);
  runner.tasks[0]!.begin();
  await clock.pass(9 * SECOND);
  runner.tasks[0]!.give(64 * KIB);
  const client = slowReader((await starting).body);
  await client.read(64 * KIB);
  await client.leave();
});

Deno.test("a run that finds no worker for as long as a source may take is refused", async () => {
  const { clock, startRun, assertFailed } = setup({ waiting: true });
  const starting = startRun().catch((error) => error);
  await clock.pass(11 * SECOND);
  assert.ok(await starting instanceof AdmissionError);
  await assertFailed("Every slot is taken", "AdmissionError");
});

Deno.test("a source that falls silent while it is read times out and errors the body", async () => {
  const { clock, begin, assertFailed } = setup();
  const client = await begin(64 * KIB);
  const reading = client.read(Infinity).catch((error) => error);
  await clock.pass(21 * SECOND);
  assert.equal((await reading as Error).message, "The source gave nothing for 20000 ms");
  await assertFailed("The source gave nothing for 20000 ms", "RunTimeoutError");
});

Deno.test("a source that is slow, and gives signs of life, does not time out", async () => {
  const server = setup();
  const client = await server.begin(64 * KIB);
  const reading = client.read(Infinity);
  for (let turn = 0; turn < 4; turn++) {
    await server.clock.pass(19 * SECOND);
    server.task.beat();
  }
  server.task.end();
  await reading;
  await settle();
  assert.equal(server.reports[0]?.state, "complete");
});

Deno.test("a client that does not read is not taken for a silent source", async () => {
  const server = setup();
  const client = await server.begin(2_000 * KIB);
  await server.clock.pass(90 * SECOND);
  server.task.end();
  await client.read(Infinity);
  assert.equal(client.bytes, 2_000 * KIB);
  await settle();
  assert.equal(server.reports[0]?.state, "complete");
});

Deno.test("a run that takes too long is ended even while nobody reads", async () => {
  const { clock, begin, assertFailed } = setup();
  const client = await begin(2_000 * KIB);
  await clock.pass(101 * SECOND);
  await assert.rejects(client.closed, /The run took longer than 100000 ms/);
  await assertFailed("The run took longer than 100000 ms", "RunTimeoutError");
});

Deno.test("a run whose source has ended may take its client as long as it likes", async () => {
  const server = setup();
  const client = await server.begin(2_000 * KIB);
  server.task.end();
  await server.clock.pass(900 * SECOND);
  await client.read(Infinity);
  assert.equal(client.bytes, 2_000 * KIB);
  await settle();
  assert.equal(server.reports[0]?.state, "complete");
});

Deno.test("a client that never comes back is given up, and the slot comes back without it", async () => {
  const { clock, begin, assertFailed } = setup({ stallTimeout: 30 * SECOND });
  const client = await begin(2_000 * KIB);
  await clock.pass(30 * SECOND);
  await assert.rejects(client.closed, StallError);
  await assertFailed("The reader took nothing for 30000 ms", "StallError");
});

/** A request of a caller with these limits. */
function cappedAt(caps: RunRequest["caps"]): RunOptions {
  return { request: { principal: ANONYMOUS, caps } as RunRequest };
}

Deno.test("a run that takes longer than its caller's limit fails, before its first byte or after", async () => {
  const before = setup();
  const starting = before.startRun(cappedAt({ maxDuration: 5 * SECOND })).catch((error) => error);
  await before.clock.pass(6 * SECOND);
  const message = "The export took longer than the 5000 ms that it may take for you";
  assert.equal((await starting as Error).message, message);
  await before.assertFailed(message, "RunLimitError");

  const after = setup();
  const begun = after.startRun(cappedAt({ maxDuration: 5 * SECOND }));
  await settle();
  after.task.give(64 * KIB);
  const client = slowReader((await begun).body);
  const reading = client.read(Infinity).catch((error) => error);
  await after.clock.pass(6 * SECOND);
  assert.equal((await reading as Error).message, message);
  await after.assertFailed(message, "RunLimitError");
});

Deno.test("a file of as many bytes as its caller may have is whole, and a byte more is an error", async () => {
  const exact = setup();
  const starting = exact.startRun(cappedAt({ maxBytes: 64 * KIB }));
  await settle();
  exact.task.give(64 * KIB);
  exact.task.end();
  const client = slowReader((await starting).body);
  await client.read(Infinity);
  await settle();
  assert.deepEqual(exact.reports.map(({ state, bytes }) => [state, bytes]), [[
    "complete",
    64 * KIB,
  ]]);

  const more = setup();
  const tooMuch = more.startRun(cappedAt({ maxBytes: 64 * KIB - 1 })).catch((error) => error);
  await settle();
  more.task.give(64 * KIB);
  const message = "The file has more than the 65535 bytes that you may have";
  assert.equal((await tooMuch as Error).message, message);
  await more.assertFailed(message, "RunLimitError");
});
