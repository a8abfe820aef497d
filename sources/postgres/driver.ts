/** Reads rows from a PostgreSQL database, which it cannot write to. */

import type { Backends } from "./backend.ts";
import type { PostgresConfig } from "./config.ts";
import { toQueryError, toSourceError } from "./errors.ts";
import {
  AS_LITERALS,
  bind,
  type BoundParam,
  type BoundQuery,
  retype,
  type ServerError,
  type Typing,
} from "./params.ts";
import { parseQuery, type Statement } from "./query.ts";
import { readRows } from "./rows.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";
import { createServerCache } from "../connection_cache.ts";
import {
  BATCH_ROWS,
  type Query,
  type ReadOptions,
  type RowStream,
  type SourceDriver,
} from "../source.ts";

/**
 * PostgreSQL, through postgres.js. A run has a connection to itself, and a read-only transaction of
 * one snapshot. Text forms are exact, and no `Date` comes near them.
 */
export const postgresDriver: SourceDriver<PostgresConfig> = {
  open: (config, query, options = {}) => openQuery(config, query, options),
  describe,
};

/** The connections that this process keeps. */
const backends: Backends = createServerCache();

/** Opens a query on a connection of a cache; on one of its own where nothing is to be kept. */
export async function openQuery(
  config: PostgresConfig,
  query: Query,
  options: ReadOptions,
  cache = backends,
): Promise<RowStream> {
  const { batchRows = BATCH_ROWS, types = {}, text = false, run, signal, keep = false } = options;
  const statement = parseQuery(query.text, Object.keys(query.params));
  return await inSession(
    config,
    { run, signal, backends: keep ? cache : undefined },
    (session) =>
      withTypes(
        session,
        statement,
        query,
        (bound) => readRows(session, bound, { batchRows, types, text }),
      ),
  );
}

async function describe(
  config: PostgresConfig,
  query: Query | undefined,
  { signal }: Pick<ReadOptions, "signal"> = {},
) {
  const statement = query && parseQuery(query.text, Object.keys(query.params));
  return await inSession(config, { signal }, async (session) => {
    const columns = query && await withTypes(session, statement!, query, session.describe);
    if (!query) await session.begin();
    await session.end();
    return columns;
  });
}

/**
 * Opens a session for something; closed where that fails. Where a connection that was kept is not there any
 * more, or not fit, that is done on a new one.
 */
async function inSession<T>(
  config: PostgresConfig,
  options: SessionOptions,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const { signal } = options;
  signal?.throwIfAborted();
  const session = await openSession(config, options).catch((error) => {
    throw toSourceError("Cannot open source", error, { signal });
  });
  const abort = () => void session.cancel();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    return await use(session);
  } catch (error) {
    // Whatever the server says of a query that is not wanted.
    if (signal?.aborted || !session.begun) await session.cancel();
    else await session.close();
    if (session.reused && !session.begun && !signal?.aborted) {
      return await inSession(config, { ...options, reuse: false }, use);
    }
    const action = session.begun ? "Cannot run the query" : "Cannot open source";
    throw toSourceError(action, error, { signal });
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** Types that the server took in the place of those of literals, by the query that was sent first. */
const learned = new Map<string, Typing>();

/** Queries that are remembered so; a configuration has few that need it. */
const MAX_LEARNED = 1000;

/**
 * Tries the types of a query's params until the server takes them, or none are left to try. What it takes is
 * remembered: each try costs two round trips and a line of the server's log.
 *
 * @throws what the server said of the first ones
 */
async function withTypes<T>(
  session: Session,
  statement: Statement,
  query: Query,
  use: (bound: BoundQuery) => Promise<T>,
): Promise<T> {
  const literal = bind(statement, query);
  const known = JSON.stringify([literal.text, literal.params.map(({ oid }) => oid)]);
  let typing = learned.get(known) ?? AS_LITERALS;
  let first: { readonly error: unknown; readonly params: readonly BoundParam[] } | undefined;
  for (;;) {
    const bound = bind(statement, query, typing);
    try {
      const used = await use(bound);
      if (first && learned.size < MAX_LEARNED) learned.set(known, typing);
      return used;
    } catch (error) {
      first ??= { error, params: bound.params };
      const next = session.begun ? retype(error as ServerError, bound, typing) : undefined;
      if (next === undefined) {
        learned.delete(known);
        throw toQueryError(first.error, first.params);
      }
      typing = next;
      session.restart();
    }
  }
}
