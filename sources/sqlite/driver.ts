/** Reads rows from an SQLite database, which it cannot write to. */

import { setTimeout } from "node:timers/promises";
import {
  BATCH_ROWS,
  type Query,
  type ReadOptions,
  type RowStream,
  type SourceColumn,
  type SourceDriver,
  SourceError,
} from "../source.ts";
import type { SqliteConfig } from "./config.ts";
import { Connection, LockedError } from "./connection.ts";
import { Connections } from "./connections.ts";
import { bindQuery } from "./params.ts";
import { readBatches } from "./rows.ts";
import { messageOf } from "../../table/message_of.ts";

/** The connections that this process keeps. */
const connections = new Connections();

/**
 * SQLite, through `node:sqlite`.
 *
 * A query sees one snapshot, from when it is opened to its end; a database in WAL mode goes on taking
 * writes meanwhile, one in rollback mode does not. Integers, text and blobs are exact. Nothing
 * interrupts a statement: a sort that takes a minute holds its thread for a minute.
 */
export const sqliteDriver: SourceDriver<SqliteConfig> = {
  open: (config, query, options = {}) => openQuery(config, query, options),
  describe: describeQuery,
};

/** Opens a query on a connection of a cache; on one of its own where nothing is to be kept. */
export async function openQuery(
  { path, max_row: maxRow }: SqliteConfig,
  asked: Query,
  options: ReadOptions,
  cache = connections,
): Promise<RowStream> {
  const { batchRows = BATCH_ROWS, types = {}, keep = false, invalidText, signal } = options;
  signal?.throwIfAborted();
  const bound = bindQuery(asked);
  const open = () => keep ? cache.acquire(path, maxRow) : Connection.open(path, maxRow);
  const connection = await whenFree(open, signal);
  return closeOnError(connection, () => {
    const query = connection.prepare(bound, types);
    let held = false;
    return {
      columns: query.columns,
      get mayBlock() {
        return query.mayBlock || held;
      },
      batches: readBatches(connection.database, query, bound, {
        batchRows,
        maxRow,
        invalidText,
        onHold: () => held = true,
        overwritten: () => connection.overwritten(),
        release: (inOrder) => inOrder && keep ? cache.release(connection) : connection.close(),
      }),
    };
  });
}

/** The columns of a query, which is prepared and not run. */
async function describeQuery(
  { path, max_row: maxRow }: SqliteConfig,
  query: Query | undefined,
  { signal }: Pick<ReadOptions, "signal"> = {},
): Promise<readonly SourceColumn[] | undefined> {
  const bound = query && bindQuery(query);
  const connection = await whenFree(() => Connection.open(path, maxRow), signal);
  const columns = closeOnError(connection, () => bound && connection.prepare(bound, {}).columns);
  connection.close();
  return columns;
}

/** Milliseconds that a writer which holds the whole database is waited for, and between two attempts. */
const LOCK_TIMEOUT_MS = 5000;
const LOCK_PAUSE_MS = 20;

/** Opens a database when no writer holds it. SQLite itself would wait with the whole thread. */
async function whenFree(
  open: () => Connection,
  signal: AbortSignal | undefined,
): Promise<Connection> {
  const until = performance.now() + LOCK_TIMEOUT_MS;
  for (;;) {
    try {
      return open();
    } catch (error) {
      if (!(error instanceof LockedError) || performance.now() >= until) throw error;
    }
    await setTimeout(LOCK_PAUSE_MS, undefined, signal && { signal });
  }
}

function closeOnError<T>(connection: Connection, act: () => T): T {
  try {
    return act();
  } catch (error) {
    connection.close();
    if (error instanceof SourceError) throw error;
    const reason = messageOf(error);
    throw new SourceError(`Cannot run the query: ${reason}`, { cause: error });
  }
}
