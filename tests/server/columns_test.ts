/** What a server remembers of the columns of its exports. */

import assert from "node:assert/strict";
import type { ExportDefinition } from "../../catalog/config.ts";
import { createColumns } from "../../server/columns.ts";
import type { RunTask } from "../../runs/protocol.ts";
import type { ObservedRun, RunReport } from "../../runs/observer.ts";
import type { StartRun } from "../../runs/run.ts";

const AUDIT = { name: "audit", source: "app", query: "select 1", columns: {}, params: new Map() };
const DEFINITION = AUDIT as unknown as ExportDefinition;
const SOURCES = new Map([["app", { type: "sqlite", config: {} }]]);
const PERSONAL = {
  ...AUDIT,
  name: "personal",
  params: new Map([["org", {
    name: "org",
    type: "string",
    required: true,
    from: { kind: "tenant" },
  }]]),
} as unknown as ExportDefinition;
const EXPORTS = new Map([["audit", DEFINITION], ["personal", PERSONAL]]);
const COLUMNS = [{ name: "id", type: "integer" as const }, { name: "note" }];

function report(id: string, columns?: RunReport["columns"]): RunReport {
  return {
    id,
    state: columns ? "complete" : "failed",
    rows: 0,
    bytes: 0,
    duration: 1,
    times: { worker: 0, client: 0 },
    steps: { worked: 1 },
    warnings: [],
    spilled: false,
    ...(columns ? { columns } : {}),
  };
}

/** A run of a task. */
function runOf(task: RunTask): ObservedRun {
  return { id: "run", task, startedAt: new Date(0), delivery: "direct", cancel: () => {} };
}

/** Columns whose tasks end as they are told to. */
function columnsOf(answer: (id: string, task: RunTask) => RunReport | Error) {
  const tasks: RunTask[] = [];
  const startRun: StartRun = (id, task) => {
    tasks.push(task);
    const told = answer(id, task);
    if (told instanceof Error) return Promise.reject(told);
    queueMicrotask(() => known.ended(told, runOf(task)));
    return Promise.resolve({ id, body: new Response("").body! });
  };
  const known = createColumns({ startRun, sources: SOURCES, exports: EXPORTS });
  return { known, tasks };
}

Deno.test("a source is asked once for the columns of an export", async () => {
  const { known, tasks } = columnsOf((id) => report(id, [COLUMNS]));
  const both = await Promise.all([known.of(DEFINITION), known.of(DEFINITION)]);
  assert.deepEqual([...both, await known.of(DEFINITION)], [COLUMNS, COLUMNS, COLUMNS]);
  assert.deepEqual(tasks.map(({ export: name, describe }) => [name, describe]), [[
    "audit",
    "columns",
  ]]);
});

Deno.test("a run tells the columns of its exports, so that their sources need not be asked", async () => {
  const { known, tasks } = columnsOf(() => new Error("asked"));
  const task = { export: "people,audit" } as RunTask;
  known.ended(report("a", [null, COLUMNS]), runOf(task));
  assert.deepEqual(await known.of(DEFINITION), COLUMNS);
  // The newest are right.
  known.ended(report("b", [[{ name: "id" }]]), runOf({ export: "audit" } as RunTask));
  assert.deepEqual(await known.of(DEFINITION), [{ name: "id" }]);
  assert.deepEqual(tasks, []);
});

Deno.test("a source that fails, has no slot or does not know is not asked again at once", async () => {
  for (const fails of [() => new Error("no slot"), (id: string) => report(id)]) {
    const { known, tasks } = columnsOf(fails);
    assert.equal(await known.of(DEFINITION), undefined);
    assert.equal(await known.of(DEFINITION), undefined);
    assert.equal(tasks.length, 1);
  }
});

Deno.test("what a run for one tenant had for columns is not told to another", async () => {
  const { known, tasks } = columnsOf((id) => report(id, [[{ name: "id" }]]));
  const task = { export: "personal,audit" } as RunTask;
  known.ended(report("a", [COLUMNS, COLUMNS]), runOf(task));
  assert.deepEqual(await known.of(PERSONAL), [{ name: "id" }]);
  assert.deepEqual(await known.of(DEFINITION), COLUMNS);
  assert.deepEqual(tasks.map(({ export: name }) => name), ["personal"]);
});
