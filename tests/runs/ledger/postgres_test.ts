/** The ledger in PostgreSQL, over a real server. */

import assert from "node:assert/strict";
import { LedgerError } from "../../../runs/ledger/ledger.ts";
import { openPostgresLedger } from "../../../runs/ledger/postgres.ts";
import { row, testLedger } from "../../contracts/ledger_contract.ts";
import { postgresTest, sharedServer } from "../../sources/postgres/shared.ts";

let schemas = 0;

/** A URL that leads to a schema of its own. */
async function newSchema(): Promise<string> {
  const server = await sharedServer();
  const name = `ledger_${++schemas}`;
  await server.run(`create schema ${name} authorization reader`);
  return `${server.url()}?search_path=${name}`;
}

let last = "";

testLedger("postgres", {
  test: postgresTest,
  open: async (server) => openPostgresLedger(last = await newSchema(), { server }),
  async reopen(server) {
    // The server that is gone was seen long ago.
    const { run } = await sharedServer();
    const schema = new URL(last).searchParams.get("search_path");
    await run(`update ${schema}.spillway_server set seen_at = 0`);
    return openPostgresLedger(last, { server });
  },
});

postgresTest(
  "of servers that share a ledger none takes the runs of another that lives",
  async () => {
    const url = await newSchema();
    const [one, two] = await Promise.all([
      openPostgresLedger(url, { server: "one" }),
      openPostgresLedger(url, { server: "two" }),
    ]);
    await using _one = one;
    await using _two = two;
    await one.insert(row("a", { state: "running" }));
    assert.deepEqual(await two.abandoned(), []);
    assert.equal((await two.get("a"))?.server, "one");
  },
);

postgresTest("a ledger that does not answer says so without its password", async () => {
  const url = new URL(await newSchema());
  url.password = "wrong-word";
  await assert.rejects(
    () => openPostgresLedger(url.href, { server: "one" }),
    (error: Error) => {
      assert.ok(error instanceof LedgerError);
      assert.match(error.message, /^Cannot open the ledger at 127\.0\.0\.1:\d+\/postgres: /);
      assert.doesNotMatch(error.message, /wrong-word/);
      return true;
    },
  );
});
