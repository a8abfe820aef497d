/** One connection to PostgreSQL, for one query. */

import { setTimeout } from "node:timers/promises";
import postgres, { type Sql } from "postgres";
import { endpointOf, type PostgresConfig } from "./postgres_config.ts";
import type { BoundParam, BoundQuery } from "./postgres_params.ts";
import { cancelBackend, dial, noAnswer } from "./postgres_socket.ts";
import { columnOf } from "./postgres_types.ts";
import { type RowSink, Wire } from "./postgres_wire.ts";
import { type SourceColumn, SourceError } from "./source.ts";

/** Milliseconds in which a backend obeys a cancel; then the connection is closed all the same. */
const CANCEL_MS = 500;

/** Milliseconds before a backend is asked again. */
const CANCEL_PAUSE_MS = 20;

/** Milliseconds that the server has to say goodbye. */
const END_TIMEOUT_MS = 1000;

/** Only the extended protocol has params, and it takes no second statement. */
const EXTENDED = { prepare: false, simple: false };

/** What the library tells of a statement that it only describes; its declarations leave the name out. */
interface Described {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: number }[];
}

/** A connection in a read-only transaction. */
export interface Session {
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
  /** Begins the transaction anew, after an error. */
  restart(): Promise<void>;
  /** Reads once from the connection; settles when something came, nothing will, or at a {@linkcode wake}. */
  read(): Promise<void>;
  /** Settles what {@linkcode read} gave and has not settled. */
  wake(): void;
  /** Ends the transaction and the connection. */
  end(): Promise<void>;
  /** Takes back what the server does, and closes the connection at once. */
  cancel(): Promise<void>;
}

/**
 * Opens a connection and a transaction that reads one snapshot and writes nothing.
 *
 * @param run the run's id, which the server shows with the connection
 * @throws {SourceError} when the server cannot be reached or refuses the connection
 */
export async function openSession(
  config: PostgresConfig,
  run: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Session> {
  const endpoint = endpointOf(config);
  const { ca, connect_timeout: timeout } = config;
  const started = performance.now();
  const wire = new Wire(await dial(endpoint, { ca, timeout, signal }), config.max_row);
  const timer = globalThis.setTimeout(
    () => wire.destroy(noAnswer(timeout)),
    timeout - (performance.now() - started),
  );
  let taken = false;
  const options = {
    host: endpoint.host,
    port: endpoint.port,
    user: endpoint.user,
    pass: endpoint.password,
    database: endpoint.database,
    connection: { application_name: run === undefined ? "spillway" : `spillway:${run}` },
    // It has been encrypted already.
    ssl: false,
    socket: () => {
      // The library would connect anew where a server closes before it says anything, and wait for
      // ever for one that closed before it was asked.
      if (taken || wire.readyState === "closed") throw hungUp();
      taken = true;
      return wire;
    },
    max: 1,
    // The library's own counts whole seconds, and says nothing that a reader understands.
    connect_timeout: 0,
    max_lifetime: null,
    fetch_types: false,
    onnotice: () => {},
  };
  const sql = postgres(options);
  // Params are text already, which the library would read as dates, JSON or numbers.
  for (const oid of Object.keys(sql.options.serializers)) {
    delete sql.options.serializers[Number(oid)];
  }

  let running: Promise<void> | undefined;
  let cancelling: Promise<void> | undefined;
  const session: Session = {
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
    restart: () => begin(sql, config, "rollback;"),
    read: () => wire.read(),
    wake: () => wire.wake(),
    async end() {
      // Its answer changes nothing: nothing was written, and all rows have come. So it is not waited
      // for where the server says nothing any more.
      const timer = globalThis.setTimeout(() => wire.destroy(cancelled()), END_TIMEOUT_MS);
      await sql.unsafe("commit").catch(() => {});
      clearTimeout(timer);
      await leave(END_TIMEOUT_MS);
    },
    cancel: () => cancelling ??= cancel(),
  };

  /** No values, of the types that they have. */
  function nulls(params: readonly BoundParam[]) {
    return params.map(({ oid }) => sql.typed(null as unknown as string, oid));
  }

  /**
   * A backend ignores a cancel that comes between two messages, and those of a query come together:
   * it is asked until it obeys. What it sends meanwhile is dropped, so that it does not wait to send.
   */
  async function cancel(): Promise<void> {
    const { key } = wire;
    const settled = running?.catch(() => {});
    if (!key || !settled) return wire.destroy(cancelled());
    wire.drop();
    let obeyed = false;
    void settled.then(() => obeyed = true);
    const started = performance.now();
    while (!obeyed && performance.now() - started < CANCEL_MS) {
      // To its end: the connection that asks is closed too when this is over.
      await cancelBackend(endpoint, key, { ca, timeout: CANCEL_MS });
      await Promise.race([settled, setTimeout(CANCEL_PAUSE_MS)]);
    }
    if (obeyed) await leave(CANCEL_MS);
    wire.destroy(cancelled());
  }

  async function leave(timeout: number): Promise<void> {
    await sql.end({ timeout: timeout / 1000 });
    wire.destroy();
  }

  const abort = () => void session.cancel();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    await begin(sql, config);
    return session;
  } catch (error) {
    await session.cancel();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/**
 * Begins the transaction, with settings that end with it, so that they reach neither another client
 * of a pooler nor, with it, another database connection than the one that the query runs on.
 */
async function begin(sql: Sql, config: PostgresConfig, before = ""): Promise<void> {
  const { statement_timeout, idle_in_transaction_session_timeout, search_path, timezone } = config;
  const settings: Readonly<Record<string, string | number>> = {
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
  };
  // None of these values can hold a quote.
  const calls = Object.entries(settings).map(([name, value]) =>
    `set_config('${name}', '${value}', true)`
  );
  await sql.unsafe(`${before} begin transaction isolation level repeatable read, read only;
    select ${calls.join(", ")};
    select set_config(name, '${CHECK_MS}', true) from pg_settings
      where name = 'client_connection_check_interval' and version() ~ 'linux'`);
}

/**
 * Milliseconds between two looks of the server whether its client is still there, so that the query of
 * a worker that was killed ends: PostgreSQL 14 and later, where the system can tell.
 */
const CHECK_MS = 500;

function hungUp(): SourceError {
  const message = "Cannot open source: the server closed the connection";
  return new SourceError(message, { connection: true });
}

function cancelled(): SourceError {
  return new SourceError("Cannot run the query: it was cancelled");
}
