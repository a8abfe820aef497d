/** Runs that no client waits for: their turns, and what becomes of them when nothing goes well. */

import assert from "node:assert/strict";
import { AdmissionError } from "../../runs/admission_error.ts";
import { createBackground } from "../../runs/background.ts";
import { createMemoryLedger } from "../../runs/ledger/memory.ts";
import type { RunTask } from "../../runs/protocol.ts";
import { createReceipts } from "../../runs/receipts.ts";
import type { RunRequest } from "../../requests/run_request.ts";
import type { MakeOptions, WholeFiles } from "../../runs/whole_files.ts";
import { FakeClock, settle } from "../storage/spool/fake_spool.ts";
import { fakeTask } from "./fixture.ts";

/** A background whose files are made when the test says so. */
function setup(maxQueued = 100, concurrent = 1) {
  const ledger = createMemoryLedger("one");
  const clock = new FakeClock();
  const receipts = createReceipts({ ledger, server: "one", clock });
  const made: { id: string; options: MakeOptions; end: PromiseWithResolvers<void> }[] = [];
  const files: Pick<WholeFiles, "make"> = {
    make(_task, options) {
      const end = Promise.withResolvers<void>();
      made.push({ id: options.id, options, end });
      options.signal.addEventListener("abort", () => end.reject(options.signal.reason));
      return end.promise as Promise<never>;
    },
  };
  const errors: unknown[] = [];
  const background = createBackground({
    files,
    receipts,
    server: "one",
    concurrent,
    maxQueued,
    keep: 1000,
    prepare: () => {
      throw new Error('There is no export "gone"');
    },
    onError: (error) => errors.push(error),
    clock,
  });
  const submit = (id: string, tenant?: string, key?: string, task = fakeTask("rows")) =>
    background.submit(id, {
      startRun: () => Promise.reject(new Error("not used")),
      task,
      request: {
        principal: { id: `key:${tenant}`, via: "key", ...(tenant ? { tenant } : {}) },
        exports: [{ name: "rows" }],
        format: { key: "csv" },
        given: [],
      } as unknown as RunRequest,
      mediaType: "text/csv",
      filename: "rows.csv",
      ...(key === undefined ? {} : { key }),
    });
  const stateOf = async (id: string) => (await receipts.get(id))?.state;
  return { background, ledger, receipts, clock, made, errors, submit, stateOf };
}

Deno.test("turns go to who has the fewest, and not to who asked first", async () => {
  const { made, submit } = setup();
  for (const id of ["a1", "a2", "a3"]) await submit(id, "a");
  await submit("b1", "b");
  const order: string[] = [];
  for (let turn = 0; turn < 4; turn++) {
    const { id, end } = made[turn]!;
    order.push(id);
    end.resolve();
    await settle();
  }
  assert.deepEqual(order, ["a1", "a2", "b1", "a3"]);
});

Deno.test("a tenant may have half of those that wait, and all together no more than there may be", async () => {
  const { submit } = setup(4);
  await submit("running", "a");
  for (const id of ["a1", "a2"]) await submit(id, "a");
  const refused = async (id: string, tenant: string) =>
    await submit(id, tenant).then(() => "taken", (error: AdmissionError) => error.reason);
  assert.equal(await refused("a3", "a"), "tenant");
  assert.equal(await refused("b1", "b"), "taken");
  assert.equal(await refused("c1", "c"), "taken");
  assert.equal(await refused("d1", "d"), "full");
});

Deno.test("a run that finds no slot tries again, until it is cancelled", async () => {
  const { made, submit, clock, receipts, stateOf } = setup();
  await submit("a");
  made[0]!.end.reject(new AdmissionError("full"));
  await settle();
  assert.equal(await stateOf("a"), "queued");
  await clock.pass(500);
  assert.equal(made.length, 2);
  made[1]!.end.reject(new AdmissionError("memory"));
  await settle();
  assert.equal(receipts.cancel("a"), true);
  await settle();
  assert.equal(await stateOf("a"), "cancelled");
  await clock.pass(5_000);
  assert.equal(made.length, 2);
});

Deno.test("a run that cannot be made has failed, and the next one has its turn", async () => {
  const { made, submit, stateOf, errors } = setup();
  await submit("a");
  await submit("b");
  made[0]!.end.reject(new Error("broken"));
  await settle();
  assert.equal(await stateOf("a"), "failed");
  assert.equal(made[1]!.id, "b");
  assert.deepEqual(errors, []);
});

Deno.test("runs of a server that ends wait for the next one, those that were running as another attempt", async () => {
  const { background, ledger, made, submit } = setup();
  await submit("running");
  await ledger.transition("running", { from: "queued", attempt: 1, to: "running" });
  await submit("waiting");
  await background.close();
  await settle();
  assert.equal(made.length, 1);
  assert.equal((await ledger.get("waiting"))?.state, "queued");
  await assert.rejects(() => submit("late"), AdmissionError);
});

Deno.test("runs of uploads end with their server, whether they had begun or waited", async () => {
  const { background, ledger, made, submit } = setup();
  const task: RunTask = {
    ...fakeTask("/convert"),
    tables: [{
      source: { type: "upload", config: {}, uploaded: true },
      query: { text: "", params: {}, types: {} },
      title: "convert",
      columns: {},
    }],
  };
  for (const id of ["begun", "waiting"]) await submit(id, "a", undefined, task);
  await background.close();
  await settle();
  assert.equal(made.length, 1);
  for (const id of ["begun", "waiting"]) {
    const { state, problem, caller } = (await ledger.get(id))!;
    assert.deepEqual([state, problem?.code, caller], ["failed", "interrupted", undefined]);
  }
});

Deno.test("a run whose export is gone fails when it should begin again", async () => {
  const { background, ledger, submit, receipts } = setup();
  await submit("a");
  const row = (await ledger.get("a"))!;
  const next = setup();
  await next.ledger.insert({ ...row, state: "running", server: "one" });
  await next.background.resume([{ ...row, state: "running" }]);
  await settle();
  const { state, attempt, problem } = (await next.receipts.get("a"))!;
  assert.deepEqual([state, attempt, problem?.code], ["failed", 2, "request"]);
  assert.equal(problem?.detail, 'There is no export "gone"');
  await background.close();
  assert.equal((await receipts.get("a"))?.state, "queued");
});

Deno.test("an equal request joins one that is being written down, and none that has ended", async () => {
  const { made, submit } = setup();
  const [one, two] = await Promise.all([submit("a", "t", "key"), submit("b", "t", "key")]);
  assert.deepEqual([one.id, two.id], ["a", "a"]);
  made[0]!.end.resolve();
  await settle();
  assert.equal((await submit("c", "t", "key")).id, "c");
});
