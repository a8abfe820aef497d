/** Receipts over a ledger that fails on purpose. */

import assert from "node:assert/strict";
import { type Ledger, LedgerError } from "../../runs/ledger/ledger.ts";
import { createMemoryLedger } from "../../runs/ledger/memory.ts";
import type { ObservedRun, RunReport } from "../../runs/observer.ts";
import type { RunState } from "../../runs/receipt.ts";
import { createReceipts, type LedgerIssue } from "../../runs/receipts.ts";
import type { RunRequest } from "../../requests/run_request.ts";
import { FakeClock, settle } from "../storage/spool/fake_spool.ts";
import { row } from "../contracts/ledger_contract.ts";
import { fakeTask } from "./fixture.ts";

const REQUEST = {
  principal: { id: "key:k7f3q2", tenant: "42" },
  exports: [{ name: "rows" }],
  format: { key: "csv" },
  given: [["since", "2026-01-01"], ["ids", "1"], ["ids", "2"], ["_bom", "true"], ["_reason", "x"]],
  reason: "x",
} as unknown as RunRequest;

/** Receipts over a ledger whose calls fail while `failing` says so. */
function setup(required = false) {
  const memory = createMemoryLedger("one");
  const clock = new FakeClock();
  const issues: LedgerIssue[] = [];
  const state = { calls: 0, failing: (_call: number) => false };
  const guard = <Args extends unknown[], Result>(
    call: (...args: Args) => Promise<Result>,
  ): (...args: Args) => Promise<Result> =>
  (...args) =>
    state.failing(state.calls++)
      ? Promise.reject(new LedgerError("database or disk is full"))
      : call(...args);
  const ledger: Ledger = {
    ...memory,
    insert: guard(memory.insert),
    transition: guard(memory.transition),
  };
  const receipts = createReceipts({
    ledger,
    server: "one",
    required,
    clock,
    now: () => new Date("2026-01-01T12:00:05.000Z"),
    onIssue: (issue) => issues.push(issue),
  });
  const cancelled: string[] = [];
  const run = (id: string): ObservedRun => ({
    id,
    task: fakeTask("rows"),
    request: REQUEST,
    startedAt: new Date("2026-01-01T12:00:03.000Z"),
    waited: 1000,
    delivery: "direct",
    cancel: () => void cancelled.push(id),
  });
  const report = (id: string, state: RunReport["state"] = "complete"): RunReport => ({
    id,
    state,
    rows: 7,
    bytes: 99,
    duration: 2,
    times: { worker: 0, client: 0 },
    steps: { worked: 1 },
    warnings: [],
    spilled: false,
    ...(state === "complete" ? { sha256: "ab" } : {}),
  });
  const states = async () => {
    const { rows } = await memory.list({ principal: "key:k7f3q2", tenant: "42", limit: 99 });
    return Object.fromEntries(rows.map(({ id, state }) => [id, state]));
  };
  return { memory, receipts, clock, issues, state, run, report, states, cancelled };
}

Deno.test("a run is written down when it starts, and when it is over", async () => {
  const { memory, receipts, run, report, states } = setup();
  receipts.observer.started!(run("a"));
  assert.equal((await receipts.get("a"))?.state, "running");
  receipts.observer.progress!({ rows: 5, bytes: 50 }, run("a"));
  assert.equal((await receipts.get("a"))?.rows, 5);
  receipts.observer.ended!(report("a"), run("a"));
  await receipts.written("a");
  // So that no name is one of a prototype's.
  const named = (values: object) => Object.assign(Object.create(null), values);
  assert.deepEqual(await memory.get("a"), {
    id: "a",
    state: "complete",
    attempt: 1,
    server: "one",
    request: {
      exports: ["rows"],
      format: "csv",
      params: named({ since: "2026-01-01", ids: ["1", "2"] }),
      options: named({ bom: "true" }),
      delivery: "direct",
    },
    principal: "key:k7f3q2",
    tenant: "42",
    reason: "x",
    rows: 7,
    bytes: 99,
    sha256: "ab",
    warnings: [],
    masks: [],
    truncated: [],
    queuedAt: "2026-01-01T12:00:02.000Z",
    startedAt: "2026-01-01T12:00:03.000Z",
    endedAt: "2026-01-01T12:00:05.000Z",
  });
  assert.deepEqual(await states(), { a: "complete" });
});

for (const failing of [0, 1, 2]) {
  Deno.test(`the ledger may fail at call ${failing}: what it was not told, it is told later`, async () => {
    const { receipts, clock, issues, state, run, report, states } = setup();
    state.failing = (call) => call === failing;
    for (const id of ["a", "b"]) {
      receipts.observer.started!(run(id));
      receipts.observer.ended!(report(id, id === "a" ? "complete" : "cancelled"), run(id));
    }
    await settle();
    assert.equal(receipts.counts.waiting, 1);
    // Until then it is known all the same.
    assert.equal((await receipts.get("a"))?.state, "complete");
    await clock.pass(1_000);
    await settle();
    assert.deepEqual(await states(), { a: "complete", b: "cancelled" });
    assert.deepEqual(receipts.counts, { failures: 1, waiting: 0, lost: 0 });
    assert.deepEqual(issues.map(({ kind }) => kind), ["failing", "recovered"]);
  });
}

Deno.test("runs that are never written down are counted, and said, when the server ends", async () => {
  const { receipts, clock, issues, state, run, report } = setup();
  state.failing = () => true;
  receipts.observer.started!(run("a"));
  receipts.observer.ended!(report("a"), run("a"));
  await clock.pass(5_000);
  assert.equal(receipts.state, "ready");
  await receipts.flush();
  assert.equal(receipts.counts.lost, 1);
  assert.deepEqual(issues.at(-1), { kind: "lost", id: "a", state: "complete" });
});

Deno.test("where receipts are required, a run that cannot be written down is refused", async () => {
  const { receipts, state, run, report, states } = setup(true);
  state.failing = () => true;
  await assert.rejects(async () => await receipts.observer.started!(run("a")), LedgerError);
  assert.equal(receipts.state, "failing");
  receipts.observer.ended!(report("a", "failed"), run("a"));
  assert.equal(await receipts.get("a"), undefined);
  state.failing = () => false;
  await receipts.observer.started!(run("b"));
  assert.equal(receipts.state, "ready");
  receipts.observer.ended!(report("b"), run("b"));
  await receipts.written("b");
  assert.deepEqual(await states(), { b: "complete" });
  assert.deepEqual(receipts.counts, { failures: 1, waiting: 0, lost: 0 });
});

Deno.test("where receipts are required, a ledger that does not answer refuses runs in time", async () => {
  const { receipts, memory, clock, state, run, report, states } = setup(true);
  const held = Promise.withResolvers<void>();
  const insert = memory.insert;
  state.failing = () => false;
  const slow = createReceipts({
    ledger: { ...memory, insert: (row) => held.promise.then(() => insert(row)) },
    server: "one",
    required: true,
    clock,
  });
  const starting = Promise.resolve(slow.observer.started!(run("a")));
  starting.catch(() => {});
  await clock.pass(5_000);
  await assert.rejects(() => starting, LedgerError);
  slow.observer.ended!(report("a", "failed"), run("a"));
  held.resolve();
  await settle();
  assert.deepEqual(await states(), { a: "failed" });
  assert.equal(receipts.counts.lost, 0);
});

Deno.test("a run that is written down too late for its caller has failed, and does not wait for ever", async () => {
  const { memory, clock, states } = setup();
  const held = Promise.withResolvers<void>();
  const { insert } = memory;
  const slow = createReceipts({
    ledger: { ...memory, insert: (row) => held.promise.then(() => insert(row)) },
    server: "one",
    clock,
  });
  const enqueuing = slow.enqueue(row("a"), () => {});
  enqueuing.catch(() => {});
  await clock.pass(5_000);
  await assert.rejects(() => enqueuing, LedgerError);
  held.resolve();
  await settle();
  assert.deepEqual(await states(), { a: "failed" });
  assert.equal(slow.cancel("a"), false);
});

Deno.test("a run that another server has taken stays as that has left it", async () => {
  const { memory, receipts, issues, run, report, states } = setup();
  receipts.observer.started!(run("a"));
  await receipts.written("a");
  await memory.transition("a", { from: "running", attempt: 1, to: "queued" }, { attempt: 2 });
  receipts.observer.ended!(report("a"), run("a"));
  await settle();
  assert.deepEqual(await states(), { a: "queued" });
  assert.deepEqual(issues, [{ kind: "taken", id: "a", state: "complete" }]);
});

Deno.test("a run that waits is written down before its caller is answered, and may be cancelled", async () => {
  const { receipts, state, run, cancelled, states } = setup();
  state.failing = (call) => call === 0;
  await assert.rejects(() => receipts.enqueue(row("a"), () => {}), LedgerError);
  assert.deepEqual(await states(), {});
  assert.equal(await receipts.enqueue(row("a"), () => cancelled.push("queued")), undefined);
  assert.equal(receipts.cancel("a"), true);
  receipts.observer.started!({ ...run("a"), delivery: "background" });
  assert.equal(receipts.cancel("a"), true);
  assert.deepEqual(cancelled, ["queued", "a"]);
  const seen: RunState[] = [];
  receipts.watch("a", ({ state }) => seen.push(state));
  receipts.conclude("a", { error: new Error("broken") });
  await settle();
  assert.deepEqual(seen, ["failed"]);
  assert.equal(receipts.cancel("a"), false);
  assert.deepEqual((await receipts.get("a"))?.problem, {
    code: "internal",
    detail: "The server failed; its log says why",
  });
});
