/** Reads rows from a MySQL or MariaDB database, which it cannot write to. */

import type { MysqlConfig } from "./config.ts";
import type { Connections } from "./connection.ts";
import { toSourceError } from "./errors.ts";
import { bindParams } from "./params.ts";
import { namesOf } from "./query.ts";
import { NO_ROWS, readRows, toColumn } from "./rows.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";
import { createServerCache } from "../connection_cache.ts";
import {
  BATCH_ROWS,
  type ParamValue,
  type Query,
  type ReadOptions,
  type RowStream,
  type SourceColumn,
  type SourceDriver,
  SourceError,
} from "../source.ts";

/**
 * MySQL and MariaDB, through mysql2. A run has a connection to itself, a read-only transaction of one
 * snapshot and a prepared statement, whose rows come in the binary protocol: as exact as they are
 * stored, floats included, which the text protocol rounds to six digits.
 */
export const mysqlDriver: SourceDriver<MysqlConfig> = {
  open: (config, query, options = {}) => openQuery(config, query, options),
  describe,
};

/** The connections that this process keeps. */
const connections: Connections = createServerCache();

/** Opens a query on a connection of a cache; on one of its own where nothing is to be kept. */
export async function openQuery(
  config: MysqlConfig,
  query: Query,
  options: ReadOptions,
  cache = connections,
): Promise<RowStream> {
  const { batchRows = BATCH_ROWS, types = {}, run, signal, keep = false } = options;
  return await inSession(
    config,
    { signal, connections: keep ? cache : undefined },
    async (session) => {
      const statement = bindParams(await inZone(query, session), session.mode);
      const text = comment(run) + statement.text;
      const { max_row: maxRow } = config;
      return await readRows(session, { ...statement, text }, { batchRows, types, maxRow });
    },
  );
}

async function describe(
  config: MysqlConfig,
  query: Query | undefined,
  { signal }: Pick<ReadOptions, "signal"> = {},
): Promise<readonly SourceColumn[] | undefined> {
  return await inSession(config, { signal }, async (session) => {
    const columns = query && await describeColumns(session, query);
    await session.end();
    return columns;
  });
}

/** Prepares a query, for which its account must have the rights to run it. */
async function describeColumns(session: Session, query: Query): Promise<readonly SourceColumn[]> {
  const names = namesOf(query.text, session.mode);
  const unused = Object.keys(query.params).find((name) => !names.includes(name));
  if (unused !== undefined) {
    throw new SourceError(
      `Cannot run the query: it does not name :${unused}, as the server's sql_mode reads it`,
    );
  }
  const { columns } = await session.prepare(bindParams(query, session.mode).text);
  if (columns.length === 0) throw new SourceError(NO_ROWS);
  return columns.map(toColumn);
}

/** The query with its datetimes as the session's clock shows them, which is how the server reads them. */
async function inZone(query: Query, session: Session): Promise<Query> {
  const { params, types = {} } = query;
  const named = Object.entries(params).filter(([name]) => types[name]?.startsWith("datetime"));
  const given = [...new Set(named.flatMap(([, value]) => itemsOf(value)))];
  const local = await session.localTimes(given);
  const times = new Map(given.map((datetime, index) => [datetime, local[index]!]));
  const changed = named.map(([name, value]) => {
    const items = itemsOf(value).map((datetime) => times.get(datetime)!);
    return [name, Array.isArray(value) ? items : items[0] ?? null];
  });
  return { ...query, params: { ...params, ...Object.fromEntries(changed) } };
}

function itemsOf(value: ParamValue): readonly string[] {
  if (value === null) return [];
  return typeof value === "object" ? value.map(String) : [String(value)];
}

/** Opens a session for something; closed where that fails. */
async function inSession<T>(
  config: MysqlConfig,
  options: SessionOptions,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const { signal } = options;
  signal?.throwIfAborted();
  const session = await openSession(config, options).catch((error) => {
    throw toSourceError("Cannot open source", error);
  });
  const abort = () => void session.kill();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    return await use(session);
  } catch (error) {
    await session.release(error);
    throw toSourceError("Cannot run the query", error);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** What a process list shows of a run: MariaDB has no other place for it unless it is told to. */
function comment(run: string | undefined): string {
  return run === undefined ? "" : `/* spillway:${run.replace(/[^\w-]/g, "_")} */ `;
}
