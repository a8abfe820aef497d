import assert from "node:assert/strict";
import type { WorkerPool } from "../../runs/pool.ts";
import { Admission, AdmissionError } from "../../runs/admission.ts";
import {
  createRuns,
  type RunDependencies,
  type RunLimits,
  type RunReport,
  RunTimeoutError,
} from "../../runs/run.ts";
import { TaskError } from "../../runs/running_task.ts";
import { StallError } from "../../storage/spill_buffer.ts";
import { byteLength, fakePool, fakeTask, until } from "./fixture.ts";

const PATIENT: RunLimits = { firstRow: 10_000, sourceIdle: 10_000, run: 10_000 };

function setup(limits: RunLimits = PATIENT, slots = 1, spill: RunDependencies["spill"] = {}) {
  const pool = fakePool();
  const admission = new Admission(slots);
  const reports: RunReport[] = [];
  const start = createRuns({
    admission,
    pool,
    limits,
    spill,
    onEnd: (report) => void reports.push(report),
  });
  return {
    admission,
    reports,
    start,
    /** Has a worker started, so that the time it takes counts to no limit. */
    warm: () => pool.start(fakeTask("send:1"), "warm").ended,
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
  assert.deepEqual({ ...report, firstByte: 0, duration: 0 }, {
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

Deno.test("a run whose worker has ended frees its slot, and as many may linger as there are slots", async () => {
  await using server = setup();
  const bodies: ReadableStream<Uint8Array>[] = [];
  for (const id of ["a", "b"]) {
    bodies.push((await server.start(id, fakeTask("send:3"))).body);
    // The first one lingers, the second one finds no room to.
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(server.admission.taken, bodies.length - 1);
  }
  await assert.rejects(server.start("c", fakeTask("send:1")), AdmissionError);
  for (const body of bodies) assert.equal(await byteLength(body), 3 * 65536);
  await until(() => server.admission.taken === 0);
  assert.equal(await byteLength((await server.start("d", fakeTask("send:1"))).body), 65536);
});

Deno.test("a worker that cannot be started costs no slot", async () => {
  const admission = new Admission(1);
  const start = createRuns({
    admission,
    pool: {
      start: () => {
        throw new Error("Too many open files");
      },
    } as unknown as WorkerPool,
    limits: PATIENT,
    onEnd: () => {},
  });
  await assert.rejects(start("a", fakeTask("send:1")), /Too many open files/);
  assert.equal(admission.taken, 0);
});

Deno.test("a reader that never comes back is given up, and the slot comes back without it", async () => {
  await using server = setup(PATIENT, 1, { stallTimeout: 300 });
  const { body } = await server.start("a", fakeTask("send:1000"));
  const reader = body.getReader();
  await reader.read();
  await until(() => server.admission.taken === 0);
  await until(() => server.reports.length === 1);
  assert.equal(server.reports[0]!.state, "failed");
  assert.match(server.reports[0]!.error!.message, /^The reader took nothing for \d+ ms$/);
  await assert.rejects(reader.read(), StallError);
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
  await until(() => server.admission.taken === 0, 1000);
  assert.equal(server.reports[0]!.state, "cancelled");
});

Deno.test("a caller that leaves before the first chunk cancels the run", async () => {
  await using server = setup();
  const caller = new AbortController();
  const run = server.start("a", fakeTask("silent"), { abandoned: caller.signal });
  setTimeout(() => caller.abort(new Error("gone")), 50);
  await assert.rejects(run, /gone/);
  await until(() => server.admission.taken === 0, 1000);
  assert.equal(server.reports[0]!.state, "cancelled");
});

Deno.test("a source without a first row times out", async () => {
  await using server = setup({ ...PATIENT, firstRow: 100 });
  await assert.rejects(server.start("a", fakeTask("silent")), (error) => {
    assert.ok(error instanceof RunTimeoutError);
    assert.equal(error.message, "The source gave no row within 100 ms");
    return true;
  });
  await until(() => server.admission.taken === 0, 1000);
  assert.equal(server.reports[0]!.state, "failed");
});

Deno.test("a source that falls silent while it is read times out and errors the body", async () => {
  await using server = setup({ ...PATIENT, sourceIdle: 400 });
  await server.warm();
  const { body } = await server.start("a", fakeTask("deaf"));
  await assert.rejects(byteLength(body), /The source gave nothing for 400 ms/);
  await until(() => server.admission.taken === 0, 2000);
});

Deno.test("a reader that does not read is not taken for a silent source", async () => {
  await using server = setup({ ...PATIENT, sourceIdle: 400 });
  await server.warm();
  const { body } = await server.start("a", fakeTask("send:100"));
  await new Promise((resolve) => setTimeout(resolve, 1200));
  assert.equal(await byteLength(body), 100 * 65536);
});

Deno.test("a run that takes too long is ended even while nobody reads", async () => {
  await using server = setup({ ...PATIENT, run: 400 });
  await server.warm();
  const { body } = await server.start("a", fakeTask("send:1000"));
  await until(() => server.admission.taken === 0, 2000);
  assert.equal(server.reports[0]!.state, "failed");
  await assert.rejects(byteLength(body), /The run took longer than 400 ms/);
});

Deno.test("draining refuses new runs and waits for those in flight", async () => {
  await using server = setup(PATIENT, 2);
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
