/** The ledger in a file of SQLite. */

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { LedgerError } from "../../../runs/ledger/ledger.ts";
import { openSqliteLedger } from "../../../runs/ledger/sqlite.ts";
import { row, testLedger } from "../../contracts/ledger_contract.ts";

const root = await Deno.makeTempDir({ prefix: "spillway-ledger-" });
Deno.test.afterAll(() => Deno.remove(root, { recursive: true }));

let files = 0;
const newFile = () => `${root}/${++files}/ledger.db`;
let last = "";

testLedger("sqlite", {
  open: (server) => openSqliteLedger(last = newFile(), { server }),
  reopen: (server) => openSqliteLedger(last, { server }),
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
