import assert from "node:assert/strict";
import type { RunReport } from "../../runs/observer.ts";
import { Admission } from "../../runs/admission.ts";
import { createRuns } from "../../runs/run.ts";
import { TaskError } from "../../runs/running_task.ts";
import { byteLength, fakePool, fakeTask, until } from "./fixture.ts";

/** No limit of time matters here: those have a clock of their own in `run_limits_test.ts`. */
const LIMITS = { firstRow: 600_000, sourceIdle: 600_000, run: 600_000 };

function setup(slots = 1) {
  const pool = fakePool();
  const admission = new Admission(slots);
  const reports: RunReport[] = [];
  const start = createRuns({
    admission,
    pool,
    limits: LIMITS,
    observers: [{ ended: (report) => void reports.push(report) }],
  });
  return {
    admission,
    reports,
    start,
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

Deno.test("a run gives its whole body, then its slot back and a report", async () => {
  await using server = setup();
  const { body } = await server.start("a", fakeTask("send:40"));
  assert.equal(server.admission.taken, 1);
  assert.equal(await byteLength(body), 40 * 65536);
  await until(() => server.admission.taken === 0);
  const [report] = server.reports;
  assert.ok(report && report.firstByte! <= report.duration);
  const { times, steps, ...rest } = report;
  assert.ok(times.worker <= steps.worked && steps.worked <= report.duration);
  assert.deepEqual({ ...rest, firstByte: 0, duration: 0 }, {
    id: "a",
    state: "complete",
    rows: 40,
    bytes: 40 * 65536,
    firstByte: 0,
    duration: 0,
    warnings: [{ kind: "text-cut", count: 1 }],
    spilled: false,
  });
});

Deno.test("a worker that cannot be started costs no slot", async () => {
  const admission = new Admission(1);
  const start = createRuns({
    admission,
    pool: {
      contended: false,
      onContended: () => () => {},
      start: () => {
        throw new Error("Too many open files");
      },
    },
    limits: LIMITS,
  });
  await assert.rejects(start("a", fakeTask("send:1")), /Too many open files/);
  assert.equal(admission.taken, 0);
});

Deno.test("a failure before the first chunk rejects, and the slot comes back", async () => {
  await using server = setup();
  await assert.rejects(server.start("a", fakeTask("refuse")), (error) => {
    assert.ok(error instanceof TaskError);
    assert.equal(error.kind, "table");
    return true;
  });
  await until(() => server.reports.length === 1);
  assert.equal(server.reports[0]!.state, "failed");
  assert.equal(server.admission.taken, 0);
});

Deno.test("a failure after the first chunk errors the body and is reported", async () => {
  await using server = setup();
  const { body } = await server.start("a", fakeTask("exit"));
  await assert.rejects(byteLength(body), /The worker died: exit status 3/);
  await until(() => server.reports.length === 1);
  assert.equal(server.reports[0]!.state, "failed");
  assert.match(server.reports[0]!.error!.message, /exit status 3/);
  assert.equal(server.admission.taken, 0);
});

Deno.test("a reader that leaves cancels the run", async () => {
  await using server = setup();
  const { body } = await server.start("a", fakeTask("send:1000"));
  const reader = body.getReader();
  await reader.read();
  await reader.cancel();
  await until(() => server.reports.length > 0);
  await until(() => server.admission.taken === 0);
  assert.equal(server.reports[0]!.state, "cancelled");
});

Deno.test("a caller that leaves before the first chunk cancels the run", async () => {
  await using server = setup();
  const caller = new AbortController();
  const run = server.start("a", fakeTask("silent"), { signal: caller.signal });
  setTimeout(() => caller.abort(new Error("gone")), 50);
  await assert.rejects(run, /gone/);
  await until(() => server.reports.length > 0);
  await until(() => server.admission.taken === 0);
  assert.equal(server.reports[0]!.state, "cancelled");
});

Deno.test("draining refuses new runs and waits for those in flight", async () => {
  await using server = setup(2);
  const { body } = await server.start("a", fakeTask("send:40"));
  let drained = false;
  const draining = server.admission.drain().then(() => drained = true);
  assert.equal(server.admission.state, "draining");
  await assert.rejects(server.start("b", fakeTask("send:1")), /The server is stopping/);
  assert.equal(drained, false);
  await byteLength(body);
  await draining;
});

Deno.test("a failed run reports the rows that its source gave", async () => {
  await using server = setup();
  await assert.rejects(server.start("a", fakeTask("fail")).then(({ body }) => byteLength(body)));
  await until(() => server.reports.length === 1);
  assert.equal(server.reports[0]!.rows, 7);
});
