/** PostgreSQL behind PgBouncer in transaction mode: a server's connection is everybody's, a transaction long. */

import assert from "node:assert/strict";
import { createServerCache } from "../../../sources/connection_cache.ts";
import { postgres } from "../../../sources/postgres/descriptor.ts";
import { openQuery } from "../../../sources/postgres/driver.ts";
import type { Backend } from "../../../sources/postgres/backend.ts";
import type { ParamValue, ReadOptions } from "../../../sources/source.ts";
import { until } from "../../waiting.ts";
import { createClock } from "../own_clock.ts";
import { INSTALLED, startPgBouncer } from "./pgbouncer.ts";
import { connectionsTo } from "../proxy.ts";
import { BINARIES } from "./server.ts";
import { sharedServer } from "./shared.ts";

function bouncerTest(name: string, body: () => Promise<void>): void {
  const missing = BINARIES === undefined ? "PostgreSQL server" : "PgBouncer";
  if (BINARIES !== undefined && INSTALLED) Deno.test(name, body);
  else Deno.test.ignore(`${name} (no ${missing} is installed)`, body);
}

/** Runs of a source on kept connections to a pooler that has so many to its server. */
async function createRuns(connections: number) {
  const server = await sharedServer();
  const bouncer = await startPgBouncer(server, connections);
  const { clock, pass } = createClock();
  const backends = createServerCache<Backend>(clock);
  const url = bouncer.url();
  async function open(
    text: string,
    params: Readonly<Record<string, ParamValue>> = {},
    options: ReadOptions & { readonly config?: object } = {},
  ) {
    const config = postgres.config.parse({ url, ...options.config });
    return await openQuery(config, { text, params }, { keep: true, ...options }, backends);
  }
  return {
    server,
    backends,
    open,
    async read(...args: Parameters<typeof open>) {
      return (await Array.fromAsync((await open(...args)).batches)).flat();
    },
    async [Symbol.asyncDispose]() {
      pass(100_000);
      await until(() => connectionsTo(Number(new URL(url).port)) === 0);
      await bouncer[Symbol.asyncDispose]();
    },
  };
}

bouncerTest("pgbouncer: runs follow each other on one connection of the server", async () => {
  await using runs = await createRuns(1);
  const text = "select n, :note::text, pg_backend_pid() from generate_series(1, :count) as n";
  const [[, , pid] = []] = await runs.read(text, { note: "x", count: 2 });
  for (let run = 0; run < 3; run++) {
    assert.deepEqual(await runs.read(text, { note: `'${run}`, count: 2 }), [
      [1, `'${run}`, pid],
      [2, `'${run}`, pid],
    ]);
  }
  assert.equal(runs.backends.size, 1);
});

bouncerTest("pgbouncer: many runs at once share what there is", async () => {
  await using runs = await createRuns(2);
  const text = "select sum(n), :run::int from generate_series(1, 10000) as n";
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, run) => runs.read(text, { run })),
  );
  assert.deepEqual(all, Array.from({ length: 20 }, (_, run) => [[50005000, run]]));
});

bouncerTest("pgbouncer: the settings of a run end with its transaction", async () => {
  await using runs = await createRuns(1);
  const settings = `select current_setting('timezone'), current_setting('statement_timeout'),
    current_setting('search_path'), current_setting('transaction_read_only'), pg_backend_pid()`;
  const config = { timezone: "Asia/Tokyo", statement_timeout: "7m", search_path: "pg_catalog" };
  const [first] = await runs.read(settings, {}, { config, run: "4711" });
  assert.deepEqual(first!.slice(0, 4), ["Asia/Tokyo", "7min", "pg_catalog", "on"]);
  const admin = runs.server.connect();
  const [zone] = await admin`show timezone`;
  await admin.end();
  const [second] = await runs.read(settings);
  assert.deepEqual(second, [zone!.TimeZone, "1d", '"$user", public', "on", first!.at(-1)]);
});

bouncerTest(
  "pgbouncer: a cancel ends the query, and the next run has the server's connection",
  async () => {
    await using runs = await createRuns(1);
    const { batches } = await runs.open("select generate_series(1, 100000000) as n");
    const reader = batches.getReader();
    await reader.read();
    await reader.cancel();
    assert.deepEqual(await runs.read("select 7"), [[7]]);
    assert.equal(runs.backends.size, 1);
  },
);

bouncerTest("pgbouncer: a query is tried with other types for its params", async () => {
  await using runs = await createRuns(1);
  const text = "select 'a' || :n as text where '7'::text = :n";
  for (let run = 0; run < 2; run++) assert.deepEqual(await runs.read(text, { n: 7 }), [["a7"]]);
});
