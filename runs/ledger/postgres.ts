/** A ledger in PostgreSQL, which several servers may share. */

import postgres from "postgres";
import { type Ledger, LedgerError } from "./ledger.ts";
import { type Dialect, migrations } from "./schema.ts";
import { inBatches, type SqlDriver, type SqlRow, type Statement } from "./sql_driver.ts";
import { createSqlLedger } from "./sql_ledger.ts";

/** What PostgreSQL calls otherwise. A text that is JSON is none to the library, which would quote it again. */
const DIALECT: Dialect = {
  json: "jsonb",
  jsonParam: "?::text::jsonb",
  mergedData: "data || ?::text::jsonb",
  indexOf: "strpos",
  now: "(extract(epoch from clock_timestamp()) * 1000)::bigint",
};

/** The number of the lock that keeps two servers from making the tables at once. */
const MIGRATION_LOCK = 7_325_411;

/** Seconds that a connection may take. */
const CONNECT_SECONDS = 10;

/** Milliseconds that a statement may take: a ledger is no place to wait for. */
const STATEMENT_MS = 10_000;

/** Seconds that the last statements may take. */
const CLOSE_SECONDS = 2;

/** How to open a ledger in PostgreSQL. */
export interface PostgresLedgerOptions {
  /** The id of this server. */
  readonly server: string;
}

/**
 * Opens a ledger in the first schema of the role's `search_path`, whose tables are made where there are none.
 *
 * @param url `postgres://user:password@host:port/database`, with `sslmode` as libpq takes it
 * @throws {LedgerError} saying why it cannot be opened, without the password
 */
export async function openPostgresLedger(
  url: string,
  { server }: PostgresLedgerOptions,
): Promise<Ledger> {
  // One connection: what was asked for first is done first.
  const sql = postgres(url, {
    max: 1,
    connect_timeout: CONNECT_SECONDS,
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: "spillway-ledger", statement_timeout: STATEMENT_MS },
  });
  const close = () => sql.end({ timeout: CLOSE_SECONDS });
  try {
    await sql.begin((transaction) => migrate(transaction, migrations(DIALECT)));
  } catch (cause) {
    await close();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LedgerError(`Cannot open the ledger at ${hostOf(url)}: ${reason}`, { cause });
  }
  const driver: SqlDriver = {
    execute: inBatches((batch) => executeBatch(sql, batch)),
    [Symbol.asyncDispose]: close,
  };
  const ledger = createSqlLedger({ driver, dialect: DIALECT, server, shared: true });
  await ledger.beat();
  return ledger;
}

/** Sends all statements of a transaction at once, and waits for the last answer. */
async function executeBatch(
  sql: postgres.Sql,
  batch: readonly Statement[],
): Promise<readonly (readonly SqlRow[])[]> {
  const results = await sql.begin((transaction) =>
    batch.map(({ text, values }) => transaction.unsafe(numbered(text), [...values], PREPARED))
  );
  return results as unknown as readonly (readonly SqlRow[])[];
}

const PREPARED = { prepare: true };

const texts = new Map<string, string>();

/** A statement with `$1`, `$2` and so on for its values; no text of one has another `?`. */
function numbered(text: string): string {
  let known = texts.get(text);
  if (known === undefined) {
    let count = 0;
    texts.set(text, known = text.replaceAll("?", () => `$${++count}`));
  }
  return known;
}

async function migrate(
  sql: postgres.TransactionSql,
  migrations: readonly (readonly string[])[],
): Promise<void> {
  await sql.unsafe(`select pg_advisory_xact_lock(${MIGRATION_LOCK})`);
  await sql.unsafe("create table if not exists spillway_ledger (version integer not null)");
  const [found] = await sql.unsafe("select version from spillway_ledger");
  const version = Number(found?.version ?? 0);
  if (version > migrations.length) {
    throw new Error(`it is of version ${version}, and this Spillway knows ${migrations.length}`);
  }
  if (version === migrations.length) return;
  for (const text of migrations.slice(version).flat()) await sql.unsafe(text);
  await sql.unsafe("delete from spillway_ledger");
  await sql.unsafe(`insert into spillway_ledger values (${migrations.length})`);
}

/** Where a URL leads, without the password. */
function hostOf(url: string): string {
  const { host = "", pathname = "" } = URL.parse(url) ?? {};
  return host + pathname;
}
