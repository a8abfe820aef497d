/** A read-only transaction on a connection to PostgreSQL, for one query. */

import { Backend, type Backends } from "./backend.ts";
import type { PostgresConfig } from "./config.ts";
import type { BoundParam, BoundQuery } from "./params.ts";
import { noAnswer } from "./socket.ts";
import { columnOf } from "./types.ts";
import type { RowSink } from "./wire.ts";
import { type SourceColumn, SourceError } from "../source.ts";

/** Milliseconds in which a transaction begins on a connection that was kept: then it is taken for dead. */
const REUSE_TIMEOUT_MS = 2000;

/** Only the extended protocol has params, and it takes no second statement. */
const EXTENDED = { prepare: false, simple: false };

/** What the library tells of a statement that it only describes; its declarations leave the name out. */
interface Described {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: number }[];
}

/** A connection in a read-only transaction, which begins with the first statement. */
export interface Session {
  /** Whether its connection has served another run. */
  readonly reused: boolean;
  /** Whether the server has begun the transaction: what fails until then is not the query. */
  readonly begun: boolean;
  /** Begins the transaction, for nothing else. */
  begin(): Promise<void>;
  /** Sends the query; its rows go to the sink. It settles when the server says that it was complete. */
  run(query: BoundQuery, sink: RowSink): Promise<void>;
  /** Whether the server has taken over the values of the query that was sent, and planned it. */
  readonly running: boolean;
  /**
   * Says which columns a query gives, without running it.
   *
   * @throws {unknown} what the library throws when the server refuses it, or the role may not read it
   */
  readonly describe: (query: BoundQuery) => Promise<readonly SourceColumn[]>;
  /** Has the transaction begin anew with the next statement, after an error. */
  restart(): void;
  /** Reads once from the connection; settles when something came, nothing will, or at a {@linkcode wake}. */
  read(): Promise<void>;
  /** Settles what {@linkcode read} gave and has not settled. */
  wake(): void;
  /** Ends the transaction, of which all rows have come; the connection is left to the next run, or ended. */
  end(): Promise<void>;
  /** Ends the transaction and the connection. */
  close(): Promise<void>;
  /** Takes back what the server does, and closes the connection at once. */
  cancel(): Promise<void>;
}

/** Which connection a session has. */
export interface SessionOptions {
  /** The run's id, which the server shows with the connection. */
  readonly run?: string | undefined;
  /** Ends the attempt. */
  readonly signal?: AbortSignal | undefined;
  /** Where connections are kept. @default nowhere */
  readonly backends?: Backends | undefined;
  /** Whether one that was kept will do; else none of its source is kept any longer. @default true */
  readonly reuse?: boolean;
}

/**
 * Opens a connection, or takes one that was kept, for a transaction that reads one snapshot and writes nothing.
 *
 * @throws {SourceError} when the server cannot be reached
 */
export async function openSession(
  config: PostgresConfig,
  { run, signal, backends, reuse = true }: SessionOptions,
): Promise<Session> {
  const started = performance.now();
  // Whatever is another's in it, the password too, is another connection.
  const key = JSON.stringify(config);
  if (!reuse) backends?.evict(key);
  const kept = backends && await takeKept(backends, key);
  const backend = kept ?? await Backend.open(config, signal);
  const { sql, wire } = backend;
  const timeout = kept ? REUSE_TIMEOUT_MS : config.connect_timeout;
  const timer = setTimeout(
    () => wire.destroy(noAnswer(timeout)),
    timeout - (performance.now() - started),
  );

  let begun = false;
  let running: Promise<void> | undefined;
  let cancelling: Promise<void> | undefined;

  /** Has the next statement begin the transaction. */
  function precede(before: readonly string[] = []): void {
    let checksClient = false;
    wire.precede({
      statements: [...before, ...beginning(config, run, backend.checksClient)],
      onRow: (left) => checksClient ||= left === 1 && backend.checksClient === undefined,
      onDone() {
        backend.checksClient ??= checksClient;
        begun = true;
        clearTimeout(timer);
      },
    });
  }

  /** No values, of the types that they have. */
  function nulls(params: readonly BoundParam[]) {
    return params.map(({ oid }) => sql.typed(null as unknown as string, oid));
  }

  precede();
  return {
    reused: kept !== undefined,
    get begun() {
      return begun;
    },
    begin: () => sql.unsafe("select", [], EXTENDED).then(() => {}),
    run({ text, params }, sink) {
      wire.divert(sink);
      const values = params.map(({ value, oid }) => sql.typed(value as string, oid));
      return running = sql.unsafe(text, values, EXTENDED).then(() => {}).finally(() => {
        wire.release();
        running = undefined;
      });
    },
    get running() {
      return wire.bound;
    },
    async describe({ text, params }) {
      const { columns, name } = await sql.unsafe(text, nulls(params)).describe() as Described;
      await sql.unsafe(`deallocate "${name}"`);
      if (columns.length === 0) throw new SourceError("Cannot run the query: it gives no columns");
      // What a role may read is looked at when a query begins to run, which this does and ends there.
      await sql.unsafe(`explain (costs off) ${text}`, nulls(params), EXTENDED);
      return columns.map(({ name, type }) => columnOf(name, type));
    },
    restart: () => precede(["rollback"]),
    read: () => wire.read(),
    wake: () => wire.wake(),
    async end() {
      // A cancel that is on its way would meet the next run.
      if (cancelling) return await cancelling;
      if (!backends) return await backend.commit();
      backend.reset();
      backends.put(key, backend);
    },
    async close() {
      clearTimeout(timer);
      backends?.discard(key, backend);
      await (cancelling ?? backend.commit());
    },
    cancel() {
      clearTimeout(timer);
      backends?.discard(key, backend);
      return cancelling ??= backend.cancel(running);
    },
  };
}

/** Takes a connection that was kept, and proven to be as good as a new one. */
async function takeKept(backends: Backends, key: string): Promise<Backend | undefined> {
  for (let kept = await backends.acquire(key); kept; kept = backends.take(key)) {
    if (await kept.clean && kept.wire.rouse()) return kept;
    backends.discard(key, kept);
    kept.close();
  }
  return undefined;
}

/**
 * Begins the transaction, with settings that end with it, so that they reach neither another client
 * of a pooler nor, with it, another database connection than the one that the query runs on.
 */
function beginning(
  config: PostgresConfig,
  run: string | undefined,
  checksClient: boolean | undefined,
): readonly string[] {
  const { statement_timeout, idle_in_transaction_session_timeout, search_path, timezone } = config;
  const settings: Readonly<Record<string, string | number>> = {
    ...(run === undefined ? {} : { application_name: `spillway:${run.replace(/[^\w.:-]/g, "_")}` }),
    statement_timeout,
    idle_in_transaction_session_timeout,
    // What makes the text of every type exact, and the same whatever the role's settings are. The
    // order of day and month and the time zone stay the role's: queries depend on them.
    datestyle: "ISO",
    intervalstyle: "iso_8601",
    extra_float_digits: 1,
    bytea_output: "hex",
    client_encoding: "UTF8",
    // What the placeholders were found by.
    standard_conforming_strings: "on",
    ...(search_path === undefined ? {} : { search_path }),
    ...(timezone === undefined ? {} : { timezone }),
    ...(checksClient ? { client_connection_check_interval: CHECK_MS } : {}),
  };
  // None of these values can hold a quote.
  const calls = Object.entries(settings).map(([name, value]) =>
    `set_config('${name}', '${value}', true)`
  );
  return [
    "begin transaction isolation level repeatable read, read only",
    `select ${calls.join(", ")}`,
    // To look takes longer than all of the others, and it stays the same.
    ...(checksClient === undefined
      ? [`select set_config(name, '${CHECK_MS}', true) from pg_settings
        where name = 'client_connection_check_interval' and version() ~ 'linux'`]
      : []),
  ];
}

/**
 * Milliseconds between two looks of the server whether its client is still there, so that the query of
 * a worker that was killed ends: PostgreSQL 14 and later, where the system can tell.
 */
const CHECK_MS = 500;
