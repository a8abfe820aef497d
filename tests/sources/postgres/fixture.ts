/** Makes schemas on a PostgreSQL server for tests, behind a proxy that counts. */

import type { Sql } from "postgres";
import { createServerCache } from "../../../sources/connection_cache.ts";
import { postgres } from "../../../sources/postgres/descriptor.ts";
import { openQuery, postgresDriver } from "../../../sources/postgres/driver.ts";
import type { Backend } from "../../../sources/postgres/backend.ts";
import type { Cell, Row } from "../../../table/table.ts";
import type { FixtureColumn, SourceFixture } from "../../contracts/source_contract.ts";
import type { PostgresServer } from "./server.ts";
import { until } from "../../waiting.ts";
import { createClock } from "../own_clock.ts";
import { connectionsTo, startProxy } from "../proxy.ts";
import { sharedServer } from "./shared.ts";

/** What tables of the fixture declare. */
const DECLARED: Readonly<Record<FixtureColumn["type"], string>> = {
  string: "text",
  integer: "bigint",
  number: "double precision",
  decimal: "numeric",
  boolean: "boolean",
  date: "date",
  datetime: "timestamp",
  time: "time",
  json: "json",
  binary: "bytea",
};

/** Rows in one statement: a statement of a megabyte. */
const INSERT_ROWS = 1000;

/** Milliseconds after which nothing is kept. */
const KEPT_MS = 100_000;

let count = 0;

/** Makes a schema of its own, in which the tables are; `reader` may read them; what runs leave is kept where asked. */
export async function createFixture({ keep = false } = {}): Promise<SourceFixture> {
  const { clock, pass } = createClock();
  const kept = createServerCache<Backend>(clock);
  const server = await sharedServer();
  const schema = `fixture_${++count}`;
  await using stack = new AsyncDisposableStack();
  const admin = stack.adopt(server.connect(), (sql) => sql.end());
  await admin.unsafe(`create schema ${schema}; grant usage on schema ${schema} to reader;
    alter default privileges in schema ${schema} grant select on tables to reader;
    set search_path = ${schema}`);
  const proxy = stack.use(startProxy(server.port));
  const url = server.url().replace(`:${server.port}/`, `:${proxy.port}/`);
  const config = postgres.config.parse({ url, search_path: schema });

  async function insert(name: string, rows: readonly Row[]): Promise<void> {
    const columns = await columnsOf(admin, schema, name);
    for (let at = 0; at < rows.length; at += INSERT_ROWS) {
      const values = rows.slice(at, at + INSERT_ROWS)
        .map((row) => `(${row.map(literal).join(", ")})`);
      await admin.unsafe(`insert into ${name} (${columns}) values ${values.join(", ")}`);
    }
  }

  const owned = stack.move();
  return {
    open: (query, options) => openQuery(config, query, { ...options, keep }, kept),
    describe: (query) => postgresDriver.describe!(config, query),
    async table(name, columns, rows) {
      const declared = columns.map(({ name, type }) => `${name} ${DECLARED[type]}`).join(", ");
      await admin.unsafe(`create table ${name} (${declared}, position bigserial)`);
      await insert(name, rows);
      return `select ${columns.map(({ name }) => name).join(", ")} from ${name} order by position`;
    },
    insert,
    named: (names) =>
      `select ${names.map((name, index) => `${index + 1} as "${name}"`).join(", ")}`,
    // In the list of columns and not in FROM, where all of it would be kept first.
    numbers: (count) => `select generate_series(1, ${count}) as n`,
    failing: (good) =>
      `select case when n = ${good + 1} then 1 / (n - n) else n end as n
       from (select generate_series(1, ${good + 5}) as n) as series`,
    refused: "select nothing from nowhere",
    echo: (value) =>
      typeof value === "string" || value === null
        ? "select :value as value"
        : `select :value::${Number.isInteger(Number(value)) ? "bigint" : "float8"} as value`,
    // What is kept is not held; what the server has closed may be kept for a while.
    held: () => Math.max(0, connectionsTo(proxy.port) - kept.size),
    holdsNul: false,
    sent: () => proxy.sent(),
    // The second column fills the 8 KiB that a backend gathers before it sends.
    stalling: (good) =>
      `select n, repeat('x', 100) from generate_series(1, ${good}) as n
       union all select 0, pg_sleep(600)::text`,
    async working(run) {
      const [row] = await admin`select count(*)::int as count from pg_stat_activity
        where application_name = ${`spillway:${run}`}`;
      return row!.count as number;
    },
    kill: () => killBackends(admin, server),
    async [Symbol.asyncDispose]() {
      await using _ = owned;
      pass(KEPT_MS);
      await until(() => connectionsTo(proxy.port) === 0);
      await server.run(`drop schema ${schema} cascade`);
    },
  };
}

async function columnsOf(sql: Sql, schema: string, table: string): Promise<string> {
  const columns = await sql`select column_name from information_schema.columns
    where table_schema = ${schema} and table_name = ${table} and column_name <> 'position'
    order by ordinal_position`;
  return columns.map(({ column_name }) => column_name).join(", ");
}

function literal(cell: Cell): string {
  if (cell === null) return "null";
  const text = cell instanceof Uint8Array ? `\\x${cell.toHex()}` : String(cell);
  return `'${text.replaceAll("'", "''")}'`;
}

/** Kills what serves `reader`; the server then ends all connections, and starts anew. */
async function killBackends(admin: Sql, server: PostgresServer): Promise<void> {
  const starts = () =>
    Deno.readTextFileSync(`${server.folder}/log`).split("ready to accept connections").length;
  const before = starts();
  const backends = await admin`select pid from pg_stat_activity where usename = 'reader'`;
  if (backends.length === 0) throw new Error("Nothing serves the reader");
  for (const { pid } of backends) Deno.kill(pid, "SIGKILL");
  // Until then it may answer still, and hang up on who has just asked.
  await until(() => starts() > before);
}
