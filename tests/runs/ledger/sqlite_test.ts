/** The ledger in SQLite: in memory, and in a file with a thread of its own. */

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { LedgerError } from "../../../runs/ledger/ledger.ts";
import { createMemoryLedger, openSqliteLedger } from "../../../runs/ledger/sqlite.ts";
import { row, testLedger } from "../../contracts/ledger_contract.ts";

const root = await Deno.makeTempDir({ prefix: "spillway-ledger-" });
Deno.test.afterAll(() => Deno.remove(root, { recursive: true }));

let files = 0;
const newFile = () => `${root}/${++files}/ledger.db`;
let last = "";

testLedger("memory", { open: (server) => Promise.resolve(createMemoryLedger(server)) });
testLedger("sqlite", {
  open: (server) => openSqliteLedger(last = newFile(), { server }),
  reopen: (server) => openSqliteLedger(last, { server }),
});

Deno.test("a ledger in memory has the last 10,000 runs that ended, and those that have not", async () => {
  await using ledger = createMemoryLedger("one");
  await ledger.insert(row("open", { state: "running" }));
  const endedAt = (index: number) => new Date(Date.UTC(2026, 0, 2) + index).toISOString();
  for (let index = 1; index < 12_000; index++) {
    await ledger.insert(row(`run-${index}`, { state: "failed", endedAt: endedAt(index) }));
  }
  const { rows } = await ledger.list({ principal: "key:k7f3q2", tenant: "42", limit: 20_000 });
  const ids = new Set(rows.map(({ id }) => id));
  assert.equal(ids.size, 10_001);
  for (const id of ["open", "run-2000", "run-11999"]) assert.ok(ids.has(id), id);
  assert.ok(!ids.has("run-1999"));
});

Deno.test("a ledger in memory keeps what is to be sent, and what the next run of a schedule goes on from", async () => {
  const time = (second: number) => new Date(Date.UTC(2026, 0, 2) + second * 1_000).toISOString();
  await using ledger = createMemoryLedger("one", () => Date.UTC(2026, 0, 5, 0, 0, 2));
  const notify = { url: "https://app.example.com/hook", state: "pending", attempts: [] } as const;
  const schedule = { name: "nightly" };
  const early = {
    "too-old": row("too-old", { notify }),
    "to-send": row("to-send", { notify }),
    before: row("before", { schedule, queuedAt: time(1) }),
    last: row("last", { schedule, queuedAt: time(2) }),
    "not-had": row("not-had", { schedule, queuedAt: time(3) }),
  };
  for (const [index, one] of Object.values(early).entries()) {
    await ledger.insert(one);
    await ledger.transition(one.id, { from: "queued", attempt: 1, to: "running" });
    await ledger.transition(one.id, { from: "running", attempt: 1, to: "complete" }, {
      endedAt: time(1 + index),
    });
  }
  for (const id of ["before", "last"]) await ledger.handOver(id, new Date(time(9)));
  for (let index = 0; index < 11_000; index++) {
    await ledger.insert(row(`run-${index}`, { state: "failed", endedAt: time(10 + index) }));
  }
  const kept: string[] = [];
  for (const id of Object.keys(early)) if (await ledger.get(id)) kept.push(id);
  assert.deepEqual(kept, ["to-send", "last"]);
});

Deno.test("its file is for its owner alone to read, and for one server", async () => {
  const path = newFile();
  await using ledger = await openSqliteLedger(path, { server: "one" });
  await ledger.insert(row("a"));
  for (const suffix of ["", "-wal", "-shm", ".lock"]) {
    assert.equal(Deno.statSync(path + suffix).mode! & 0o777, 0o600, suffix);
  }
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `import { openSqliteLedger } from "${import.meta.resolve("../../../runs/ledger/sqlite.ts")}";
      await openSqliteLedger(${JSON.stringify(path)}, { server: "two" })
        .catch(({ message }) => console.log(message)); Deno.exit(3)`,
    ],
    stderr: "null",
  }).output();
  assert.equal(code, 3);
  assert.equal(
    new TextDecoder().decode(stdout),
    `Cannot open the ledger ${path}: another process has it open\n`,
  );
});

Deno.test("what is no ledger, or one of a version to come, is not opened", async () => {
  const path = newFile();
  {
    await using _ledger = await openSqliteLedger(path, { server: "one" });
  }
  const database = new DatabaseSync(path);
  database.exec("update spillway_ledger set version = 99");
  database.close();
  await assert.rejects(() => openSqliteLedger(path, { server: "two" }), (error: Error) => {
    assert.ok(error instanceof LedgerError);
    assert.match(error.message, /: it is of version 99, and this Spillway knows 4$/);
    return true;
  });
  await Deno.writeTextFile(path, "no database at all, but a text that is long enough to be one");
  await assert.rejects(() => openSqliteLedger(path, { server: "two" }), LedgerError);
});

Deno.test("a statement that fails fails alone, and nothing after it", async () => {
  let failing = false;
  await using ledger = await openSqliteLedger(newFile(), {
    server: "one",
    wrap: (executeBatch) => (batch) =>
      failing && batch.some(({ values }) => values.includes("bad"))
        ? Promise.reject(new Error("database or disk is full"))
        : executeBatch(batch),
  });
  failing = true;
  const written = await Promise.allSettled(
    ["a", "bad", "b"].map((id) => ledger.insert(row(id))),
  );
  assert.deepEqual(written.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assert.match(
    String((written[1] as PromiseRejectedResult).reason),
    /^LedgerError: Cannot write a receipt: database or disk is full$/,
  );
  failing = false;
  assert.equal(await ledger.insert(row("bad")), undefined);
  assert.deepEqual(
    (await ledger.list({ principal: "key:k7f3q2", tenant: "42", limit: 9 })).rows
      .map(({ id }) => id),
    ["bad", "b", "a"],
  );
});
