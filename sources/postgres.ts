/** Reads rows from a PostgreSQL database, which it cannot write to. */

import { config, hostOf, type PostgresConfig } from "./postgres_config.ts";
import { bindQuery, placeholders } from "./postgres_query.ts";
import { readRows } from "./postgres_rows.ts";
import { openSession } from "./postgres_session.ts";
import {
  BATCH_ROWS,
  type Query,
  type ReadOptions,
  SourceError,
  type SourceKind,
} from "./source.ts";

/**
 * PostgreSQL, through postgres.js. A run has a connection of its own, and a read-only transaction of
 * one snapshot. Text forms are exact, and no `Date` comes near them.
 */
export const postgres: SourceKind<PostgresConfig> = {
  config,
  language: { query: "required", placeholders },
  paths: ["ca"],
  leave: (config) => ({ net: [hostOf(config)] }),
  open,
};

async function open(config: PostgresConfig, query: Query, options: ReadOptions = {}) {
  const { batchRows = BATCH_ROWS, types = {}, text = false, run, signal } = options;
  const bound = bindQuery(query);
  signal?.throwIfAborted();
  const session = await openSession(config, run, signal).catch((error) => {
    throw sourceError("Cannot open source", error, signal);
  });
  const abort = () => void session.cancel();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    return await readRows(session, bound, { batchRows, types, text });
  } catch (error) {
    // Whatever the server says of a query that nobody wants.
    if (signal?.aborted) await session.cancel();
    else await session.end();
    throw sourceError("Cannot run the query", error, signal);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/**
 * The codes of what may be over in a moment (PostgreSQL, appendix A): connection exceptions, too many
 * connections, a server that stops, crashed or starts.
 */
const PASSING = /^(?:08...|53300|57P0[123])$/;

function sourceError(action: string, error: unknown, signal?: AbortSignal): SourceError {
  if (signal?.aborted) {
    return new SourceError(`${action}: it was cancelled`, { cause: signal.reason });
  }
  if (error instanceof SourceError) return error;
  const { code = "", message = String(error) } = error as { code?: string; message?: string };
  return new SourceError(`${action}: ${message}`, {
    cause: error,
    connection: PASSING.test(code),
  });
}
