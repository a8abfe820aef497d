/** One connection to MySQL or MariaDB, which may serve one run after another. */

import type { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import mysql, { type Connection as Driver, type SslOptions } from "mysql2";
import { readCertificates } from "../certificates.ts";
import type { ConnectionCache } from "../connection_cache.ts";
import { rowTooLarge } from "../max_row.ts";
import { endpointOf, type MysqlConfig } from "./config.ts";
import { incomingBytes, socketOf, verifyHost } from "./driver_internals.ts";
import type { SqlMode } from "./query.ts";
import type { SourceError } from "../source.ts";

/** Milliseconds in which a server is asked to stop, or its connection is closed. */
const KILL_TIMEOUT_MS = 2000;

/** Milliseconds that a server has to say goodbye. */
const END_TIMEOUT_MS = 250;

/** Milliseconds that a server has to make a connection as if it were new. */
const RESET_TIMEOUT_MS = 1000;

/** Milliseconds in which a transaction begins on a connection that was kept: then it is taken for dead. */
const REUSE_TIMEOUT_MS = 2000;

/** Seconds for which the server waits on a reader that takes nothing: the run's own limits are shorter. */
const WRITE_TIMEOUT_S = 86_400;

/** The most rows that a statement can give, which is no limit. */
const ALL_ROWS = "18446744073709551615";

/** The longest text that `group_concat` can give: a packet's. The default cuts it off at 1 KiB. */
const GROUP_CONCAT_BYTES = 2 ** 30;

/** Warnings that the server keeps; those of a value for each row come before that of the limit. */
const WARNINGS = 1024;

/** What begins a run; each sees one snapshot, and writes nothing. */
const BEGIN = "start transaction with consistent snapshot, read only";

/** Connections that a process keeps. */
export type Connections = ConnectionCache<Connection>;

/** A connection that no other run has. */
export class Connection {
  /** The driver's. */
  readonly driver: Driver;
  /** How the server reads a statement. */
  mode: SqlMode = {};
  /** The session's zone; absent where it is UTC. */
  zone: string | undefined;
  /** Whether it can be made as good as a new one: what the server does at a login, it does only there. */
  resettable = false;
  /** Whether the session is as good as a new one; absent while it serves its first run. */
  clean: Promise<boolean> | undefined;
  readonly #config: MysqlConfig;
  readonly #ssl: SslOptions | undefined;
  #id: string | undefined;
  #killing: Promise<void> | undefined;
  /** Whether nothing may come. */
  #resting = false;
  #lost = false;

  private constructor(config: MysqlConfig, ssl: SslOptions | undefined) {
    this.#config = config;
    this.#ssl = ssl;
    this.driver = connect(config, ssl);
    this.driver.on("error", () => this.#lost = true);
  }

  /**
   * Connects, and begins a transaction.
   *
   * @throws {Error} the driver's, when the server cannot be reached or refuses the connection
   */
  static async open(config: MysqlConfig, signal: AbortSignal | undefined): Promise<Connection> {
    const ssl = await readTls(config);
    signal?.throwIfAborted();
    const connection = new Connection(config, ssl);
    const abort = () => void connection.kill();
    signal?.addEventListener("abort", abort, { once: true });
    // The driver's own ends with the password; a server may stall behind that (`init_connect`).
    const timer = setTimeout(() => connection.stream.destroy(late()), config.connect_timeout);
    try {
      await connected(connection.driver);
      await connection.#settle();
      signal?.throwIfAborted();
      await ask(connection.driver, BEGIN);
      connection.stream.on("data", () => connection.#look());
      return connection;
    } catch (error) {
      await connection.kill();
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** The socket; the one of TLS, once that is agreed on. */
  get stream(): Socket {
    return socketOf(this.driver);
  }

  /** Asks for what the session is like, and makes it what a run needs. */
  async #settle(): Promise<void> {
    const [row] = await ask(
      this.driver,
      "select connection_id(), version(), @@sql_mode, @@time_zone, @@system_time_zone, @@init_connect",
    );
    const [id, version, mode, own, system, atLogin] = row!.map(String);
    this.#id = id;
    this.resettable = atLogin === "";
    this.mode = {
      plainBackslash: mode!.includes("NO_BACKSLASH_ESCAPES"),
      ansiQuotes: mode!.includes("ANSI_QUOTES"),
    };
    const name = this.#config.timezone ?? own!;
    const isUtc = UTC.includes(name) || name === "SYSTEM" && system === "UTC";
    this.zone = isUtc ? undefined : name === "SYSTEM" ? `SYSTEM ${system}` : name;
    for (const statement of preparations(this.#config, version!)) await ask(this.driver, statement);
  }

  /** Looks at what came. */
  #look(): void {
    if (this.#resting) this.stream.destroy();
    else if (incomingBytes(this.driver) > this.#config.max_row) this.refuseRow();
  }

  /**
   * Breaks the connection, as a row is too large, and gives what is wrong.
   *
   * @param bytes its size; absent where all of it has not come
   */
  refuseRow(bytes?: number): SourceError {
    const error = rowTooLarge(this.#config.max_row, bytes);
    this.stream.destroy(error);
    return error;
  }

  /** Makes the session as good as a new one, for the next run; then it keeps no process from ending. */
  reset(): void {
    this.clean = (async () => {
      // The last rows are on their way first.
      await setImmediate();
      const timer = setTimeout(() => this.stream.destroy(late()), RESET_TIMEOUT_MS);
      // The last reader paused it.
      this.stream.resume();
      try {
        await resetSession(this.driver);
        await this.#settle();
        this.#resting = true;
        this.stream.unref();
        return this.resettable && !this.#lost;
      } catch {
        return false;
      } finally {
        clearTimeout(timer);
      }
    })();
    void this.clean.then((clean) => clean || this.close());
  }

  /** Begins a transaction on one that was kept; false where that cannot be done. */
  async begin(): Promise<boolean> {
    if (!await this.clean || this.#lost || this.stream.destroyed) return false;
    this.#resting = false;
    this.stream.ref();
    const timer = setTimeout(() => this.stream.destroy(late()), REUSE_TIMEOUT_MS);
    const begun = ask(this.driver, BEGIN).then(() => true, () => false);
    return await begun.finally(() => clearTimeout(timer));
  }

  /** Says goodbye; nothing runs any more. */
  async end(): Promise<void> {
    const { stream } = this;
    const timer = setTimeout(() => stream.destroy(), END_TIMEOUT_MS);
    const closed = untilClosed(stream);
    this.driver.end();
    // A paused socket would not hear that the server has closed it.
    stream.resume();
    await closed;
    clearTimeout(timer);
  }

  /** Closes it; the server's goodbye is not waited for. */
  close(): void {
    void this.end();
  }

  /** Whether the server is being asked to end it. */
  get killed(): boolean {
    return this.#killing !== undefined;
  }

  /** Has the server stop whatever it does for the connection, which is closed at once. */
  kill(): Promise<void> {
    return this.#killing ??= (async () => {
      await close(this.driver);
      if (this.#id !== undefined) await killConnection(this.#config, this.#ssl, this.#id);
    })();
  }
}

/** As the driver says it. */
function late(): Error {
  return Object.assign(new Error("the session did not begin in time"), { code: "ETIMEDOUT" });
}

/** Names of UTC; a server whose time zone tables are not loaded knows it as an offset alone. */
const UTC = ["UTC", "Etc/UTC", "Etc/GMT", "+00:00"];

/**
 * What makes a session exact, patient and read-only; `sql_mode` stays what it is, and so does the time zone
 * unless the source has one, as queries depend on them.
 */
function preparations(
  { statement_timeout: limit, timezone }: MysqlConfig,
  version: string,
): string[] {
  const zone = timezone !== undefined && UTC.includes(timezone) ? "+00:00" : timezone;
  return [
    `set names utf8mb4, ${zone === undefined ? "" : `time_zone = '${zone}', `}` +
    // The driver logs in with it, and a reset forgets it: else `count (*)` were an error now and then.
    "sql_mode = concat_ws(',', nullif(@@sql_mode, ''), 'IGNORE_SPACE'), " +
    `sql_select_limit = ${ALL_ROWS}, group_concat_max_len = ${GROUP_CONCAT_BYTES}, ` +
    `net_write_timeout = ${WRITE_TIMEOUT_S}, max_error_count = ${WARNINGS}, ` +
    (version.includes("MariaDB")
      ? `max_statement_time = ${limit / 1000}`
      : `max_execution_time = ${limit}`),
    // Of the session too: a procedure or function that commits leaves the transaction.
    "set session transaction isolation level repeatable read, read only",
  ];
}

/** How the connection is encrypted; nothing where it is not. */
async function readTls(config: MysqlConfig): Promise<SslOptions | undefined> {
  const { tls } = endpointOf(config);
  if (tls === "disable") return undefined;
  const verify = tls === "verify-full";
  return {
    rejectUnauthorized: verify,
    verifyIdentity: verify,
    minVersion: "TLSv1.2",
    ...(config.ca === undefined ? {} : { ca: await readCertificates(config.ca) }),
  };
}

function connect(
  config: MysqlConfig,
  ssl: SslOptions | undefined,
  timeout = config.connect_timeout,
): Driver {
  const { host, port, user, password, database } = endpointOf(config);
  const connection = mysql.createConnection({
    host,
    port,
    user,
    password,
    ...(database === "" ? {} : { database }),
    ...(ssl ? { ssl } : {}),
    connectTimeout: timeout,
    connectAttributes: { program_name: "spillway" },
    rowsAsArray: true,
    // One statement at a time, and no file of this machine for a server that asks for one.
    multipleStatements: false,
    flags: ["-LOCAL_FILES"],
  });
  verifyHost(connection, host);
  // Without a listener an error of the connection would end the process; who waits hears of it too.
  connection.on("error", () => {});
  return connection;
}

function connected(driver: Driver): Promise<void> {
  return new Promise((resolve, reject) =>
    driver.connect((error) => error ? reject(error) : resolve())
  );
}

function resetSession(driver: Driver): Promise<void> {
  return new Promise((resolve, reject) =>
    driver.reset((error) => error ? reject(error) : resolve())
  );
}

/** Runs a statement of the text protocol. */
export function ask(driver: Driver, statement: string): Promise<unknown[][]> {
  return new Promise((resolve, reject) =>
    driver.query(
      statement,
      (error, rows) => error ? reject(error) : resolve(rows as unknown[][]),
    )
  );
}

/** Runs a prepared statement. */
export function execute(
  driver: Driver,
  statement: string,
  values: readonly string[],
): Promise<unknown[][]> {
  return new Promise((resolve, reject) =>
    driver.execute(
      statement,
      [...values],
      (error, rows) => error ? reject(error) : resolve(rows as unknown[][]),
    )
  );
}

function untilClosed(stream: Socket): Promise<void> {
  return stream.closed
    ? Promise.resolve()
    : new Promise((resolve) => stream.once("close", () => resolve()));
}

/** Closes a connection as it is. */
async function close(driver: Driver): Promise<void> {
  const stream = socketOf(driver);
  const closed = untilClosed(stream);
  stream.destroy();
  await closed;
}

/**
 * Ends a connection over a second one. `kill query` would leave the first alone where it falls between
 * two statements, of which the second may have been sent. What fails here is not told: the closed
 * socket ends a query too, as soon as it has a row to send.
 */
async function killConnection(
  config: MysqlConfig,
  ssl: SslOptions | undefined,
  id: string,
): Promise<void> {
  const connection = connect(config, ssl, KILL_TIMEOUT_MS);
  const timer = setTimeout(() => void close(connection), KILL_TIMEOUT_MS);
  try {
    await connected(connection);
    await ask(connection, `kill ${id}`);
  } catch {
    // It has ended already, or no connection is left.
  } finally {
    clearTimeout(timer);
    await close(connection);
  }
}
