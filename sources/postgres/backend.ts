/** One connection to PostgreSQL, which may serve one run after another. */

import { setImmediate, setTimeout } from "node:timers/promises";
import postgres, { type Sql } from "postgres";
import type { ConnectionCache } from "../connection_cache.ts";
import { type Endpoint, endpointOf, type PostgresConfig } from "./config.ts";
import { cancelBackend, dial } from "./socket.ts";
import { hungUp, Wire } from "./wire.ts";
import { SourceError } from "../source.ts";

/** Milliseconds in which a backend obeys a cancel; then the connection is closed all the same. */
const CANCEL_MS = 500;

/** Milliseconds before a backend is asked again. */
const CANCEL_PAUSE_MS = 20;

/** Milliseconds that the server has to say goodbye, or to make a connection as if it were new. */
const END_TIMEOUT_MS = 1000;

/** Connections that a process keeps. */
export type Backends = ConnectionCache<Backend>;

/** A connection that no other run has. */
export class Backend {
  /** The library's side of it; it logs in with its first statement. */
  readonly sql: Sql;
  /** The connection below the library. */
  readonly wire: Wire;
  /** What its last run left behind is gone, or not; absent while it serves its first one. */
  clean: Promise<boolean> | undefined;
  /** Whether its server looks while it works whether its client is still there; absent until it was asked. */
  checksClient: boolean | undefined;
  readonly #config: PostgresConfig;
  readonly #endpoint: Endpoint;

  private constructor(config: PostgresConfig, endpoint: Endpoint, wire: Wire) {
    this.#config = config;
    this.#endpoint = endpoint;
    this.wire = wire;
    this.sql = createSql(endpoint, wire);
  }

  /**
   * Connects.
   *
   * @throws {SourceError} when the server cannot be reached, or is not who it must be
   */
  static async open(config: PostgresConfig, signal?: AbortSignal): Promise<Backend> {
    const endpoint = endpointOf(config);
    const { ca, connect_timeout: timeout, max_row: maxRow } = config;
    const wire = new Wire(await dial(endpoint, { ca, timeout, signal }), maxRow);
    return new Backend(config, endpoint, wire);
  }

  /** Ends the transaction and takes from the session what the run has left in it, for the next one. */
  reset(): void {
    this.clean = (async () => {
      // The last rows are on their way first.
      await setImmediate();
      const timer = globalThis.setTimeout(() => this.wire.destroy(cancelled()), END_TIMEOUT_MS);
      try {
        // One after the other: inside of a transaction there is no `discard all`.
        return await this.wire.ask(["commit", "discard all"]) && this.wire.rest();
      } finally {
        clearTimeout(timer);
      }
    })();
    void this.clean.then((clean) => clean || this.close());
  }

  /** Says goodbye, and waits for the server's for some time. */
  async end(timeout = END_TIMEOUT_MS): Promise<void> {
    await this.sql.end({ timeout: timeout / 1000 });
    this.wire.destroy();
  }

  /** Closes it; the server's goodbye is not waited for. */
  close(): void {
    void this.end().catch(() => this.wire.destroy());
  }

  /** Ends the transaction and the connection. */
  async commit(): Promise<void> {
    // Its answer changes nothing: nothing was written, and all rows have come. So it is not waited
    // for where the server says nothing any more.
    const timer = globalThis.setTimeout(() => this.wire.destroy(cancelled()), END_TIMEOUT_MS);
    await this.sql.unsafe("commit").catch(() => {});
    clearTimeout(timer);
    await this.end();
  }

  /**
   * Takes back what the server does, and closes the connection. A backend ignores a cancel that comes between
   * two messages, and those of a query come together: it is asked until it obeys. What it sends meanwhile is
   * dropped, so that it does not wait to send.
   *
   * @param running settles when it does nothing any more; absent where it does nothing
   */
  async cancel(running: Promise<unknown> | undefined): Promise<void> {
    const { key } = this.wire;
    const settled = running?.catch(() => {});
    if (!key || !settled) return this.wire.destroy(cancelled());
    this.wire.drop();
    let obeyed = false;
    void settled.then(() => obeyed = true);
    const { ca } = this.#config;
    const started = performance.now();
    while (!obeyed && performance.now() - started < CANCEL_MS) {
      // To its end: the connection that asks is closed too when this is over.
      await cancelBackend(this.#endpoint, key, { ca, timeout: CANCEL_MS });
      await Promise.race([settled, setTimeout(CANCEL_PAUSE_MS)]);
    }
    if (obeyed) await this.end(CANCEL_MS);
    this.wire.destroy(cancelled());
  }
}

function createSql({ host, port, user, password, database }: Endpoint, wire: Wire): Sql {
  let taken = false;
  const options = {
    host,
    port,
    user,
    pass: password,
    database,
    connection: { application_name: "spillway" },
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
  return sql;
}

function cancelled(): SourceError {
  return new SourceError("Cannot run the query: it was cancelled");
}
