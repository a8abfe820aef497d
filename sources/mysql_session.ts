/** One connection to MySQL or MariaDB, for one query. */

import type { Socket } from "node:net";
import mysql, { type Connection, type PrepareStatementInfo, type SslOptions } from "mysql2";
import { endpointOf, hostOf, type MysqlConfig } from "./mysql_config.ts";
import { rowTooLarge } from "./max_row.ts";
import type { MysqlColumn } from "./mysql_cells.ts";
import type { SqlMode } from "./mysql_params.ts";
import { askZone, type ZoneOffsets } from "./mysql_zone.ts";
import { SourceError } from "./source.ts";

/** Milliseconds in which a server is asked to stop, or that is given up. */
const KILL_TIMEOUT_MS = 2000;

/** Milliseconds that a server has to say goodbye. */
const END_TIMEOUT_MS = 250;

/** Seconds for which the server waits on a reader that takes nothing: the run's own limits are shorter. */
const WRITE_TIMEOUT_S = 86_400;

/** The most rows that a statement can give, which is no limit. */
const ALL_ROWS = "18446744073709551615";

/** The longest text that `group_concat` can give: a packet's. The default cuts it off at 1 KiB. */
const GROUP_CONCAT_BYTES = 2 ** 30;

/** What a server warns of and goes on with: a result, or a value in it, that is not whole. */
const CUTS: Readonly<Record<string, string>> = {
  1260: "group_concat was cut off",
  1301: "the result of a function is longer than max_allowed_packet",
  1931: "the server stopped it at the limit of its rows examined",
};

/** Warnings that the server keeps; those of a value for each row come before that of the limit. */
const WARNINGS = 1024;

/** What a connection keeps for itself and this module needs: `destroy()` only half closes a socket. */
interface Internals {
  readonly stream: Socket;
  /** What makes packets of the bytes that come. */
  readonly packetParser: {
    /** What has come of a packet that is not whole, and how many bytes it will have. */
    readonly buffer: readonly unknown[];
    readonly length: number;
    /** The parts that have come of what has more bytes than a packet can. */
    readonly largePacketParts: readonly { readonly length: number }[];
  };
}

/** A prepared statement, with the columns that the driver's declarations leave out. */
export interface Prepared extends PrepareStatementInfo {
  /** Its columns; none where it gives no rows. */
  readonly columns: readonly MysqlColumn[];
}

/** A connection in a read-only transaction. */
export interface Session {
  /** The driver's connection. */
  readonly connection: Connection;
  /** What its packets come from. Pausing `connection` instead makes it keep, and copy, each packet. */
  readonly stream: Socket;
  /** How the server reads a statement. */
  readonly mode: SqlMode;
  /** Prepares a statement. */
  prepare(text: string): Promise<Prepared>;
  /** Says which offsets the session's zone has had; nothing where it is UTC. */
  zone(): Promise<ZoneOffsets | undefined>;
  /** What the session's clock shows at some datetimes in UTC. */
  localTimes(datetimes: readonly string[]): Promise<readonly string[]>;
  /**
   * Makes sure that the statement that has ended gave all of its rows, and them as they are.
   *
   * @throws {SourceError} when the server has warned that it cut something off
   */
  checkWhole(): Promise<void>;
  /**
   * Breaks the connection, as a row is too large, and gives what is wrong.
   *
   * @param bytes its size; absent where all of it has not come
   */
  refuseRow(bytes?: number): SourceError;
  /** Closes the connection, on which nothing runs any more. */
  end(): Promise<void>;
  /** Has the server stop whatever it does for the connection, which is closed at once. */
  kill(): Promise<void>;
  /** One or the other, after an error. */
  release(error: unknown): Promise<void>;
}

/**
 * Opens a connection and a transaction that reads one snapshot and writes nothing.
 *
 * @param run the run's id, which the server shows among the connection's attributes
 * @throws {Error} the driver's, when the server cannot be reached or refuses the connection
 */
export async function openSession(
  config: MysqlConfig,
  run: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Session> {
  const ssl = await readTls(config);
  signal?.throwIfAborted();
  const connection = connect(config, ssl, run);
  let id: string | undefined;
  let killing: Promise<void> | undefined;

  async function kill(): Promise<void> {
    await close(connection);
    if (id !== undefined) await killConnection(config, ssl, id);
  }

  /** The session's zone; nothing where it is UTC. */
  let zone: string | undefined;

  const session: Session & { mode: SqlMode } = {
    connection,
    get stream() {
      return streamOf(connection);
    },
    mode: {},
    async zone() {
      if (zone === undefined) return undefined;
      const key = `${hostOf(config)} ${zone}`;
      const known = zones.get(key) ?? await askZone((moments) => askOffsets(connection, moments));
      zones.set(key, known);
      return known;
    },
    async localTimes(datetimes) {
      if (zone === undefined || datetimes.length === 0) return datetimes;
      // One column, as a result has 4096 at most.
      const calls = datetimes.map(() => "ifnull(convert_tz(?, '+00:00', @@session.time_zone), '')");
      const statement = `select concat_ws(',', ${calls.join(", ")})`;
      const [row] = await execute(connection, statement, datetimes);
      return String(row![0]).split(",").map((local, index) => local || datetimes[index]!);
    },
    prepare: (text: string) =>
      new Promise<Prepared>((resolve, reject) =>
        connection.prepare(
          text,
          (error, statement) => error ? reject(error) : resolve(statement as Prepared),
        )
      ),
    async checkWhole() {
      const warnings = await ask(connection, "show warnings");
      const [, code, message] = warnings.find(([, code]) => String(code) in CUTS) ?? [];
      if (code === undefined) return;
      throw new SourceError(`Cannot read the query: ${CUTS[String(code)]}`, {
        cause: new Error(String(message)),
      });
    },
    refuseRow(bytes) {
      const error = rowTooLarge(config.max_row, bytes);
      streamOf(connection).destroy(error);
      return error;
    },
    async end() {
      const stream = streamOf(connection);
      const timer = setTimeout(() => stream.destroy(), END_TIMEOUT_MS);
      const closed = untilClosed(stream);
      connection.end();
      // A paused socket would not hear that the server has closed it.
      stream.resume();
      await closed;
      clearTimeout(timer);
    },
    kill: () => killing ??= kill(),
    release: (error) => killing || !endsStatement(error) ? session.kill() : session.end(),
  };

  const abort = () => void session.kill();
  signal?.addEventListener("abort", abort, { once: true });
  // The driver's own ends with the password; a server may stall behind that (`init_connect`).
  const timer = setTimeout(() => streamOf(connection).destroy(late()), config.connect_timeout);
  try {
    await connected(connection);
    const [row] = await ask(
      connection,
      "select connection_id(), version(), @@sql_mode, @@time_zone, @@system_time_zone",
    );
    const [number, version, mode, own, system] = row!.map(String);
    id = number;
    signal?.throwIfAborted();
    session.mode = {
      plainBackslash: mode!.includes("NO_BACKSLASH_ESCAPES"),
      ansiQuotes: mode!.includes("ANSI_QUOTES"),
    };
    const name = config.timezone ?? own!;
    const isUtc = UTC.includes(name) || name === "SYSTEM" && system === "UTC";
    zone = isUtc ? undefined : name === "SYSTEM" ? `SYSTEM ${system}` : name;
    for (const statement of preparations(config, version!)) await ask(connection, statement);
    streamOf(connection).on("data", () => {
      if (comingBytes(connection) > config.max_row) session.refuseRow();
    });
    return session;
  } catch (error) {
    await session.kill();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** As the driver says it. */
function late(): Error {
  return Object.assign(new Error("the session did not begin in time"), { code: "ETIMEDOUT" });
}

/** The offsets of zones, by server and zone: this process asks for each of them once. */
const zones = new Map<string, ZoneOffsets>();

/** Names of UTC; a server whose time zone tables are not loaded knows it as an offset alone. */
const UTC = ["UTC", "Etc/UTC", "Etc/GMT", "+00:00"];

/** The session's offset from UTC at each of some moments. */
async function askOffsets(
  connection: Connection,
  moments: readonly number[],
): Promise<readonly (number | null)[]> {
  const offsets = moments.map((moment) =>
    `ifnull(timestampdiff(second, '1970-01-01', from_unixtime(${moment})) - ${moment}, '')`
  );
  const [row] = await ask(connection, `select concat_ws(',', ${offsets.join(", ")})`);
  return String(row![0]).split(",").map((text) => text === "" ? null : Number(text));
}

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
    `sql_select_limit = ${ALL_ROWS}, group_concat_max_len = ${GROUP_CONCAT_BYTES}, ` +
    `net_write_timeout = ${WRITE_TIMEOUT_S}, max_error_count = ${WARNINGS}, ` +
    (version.includes("MariaDB")
      ? `max_statement_time = ${limit / 1000}`
      : `max_execution_time = ${limit}`),
    // Of the session too: a procedure or function that commits leaves the transaction.
    "set session transaction isolation level repeatable read, read only",
    "start transaction with consistent snapshot, read only",
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
    ...(config.ca === undefined ? {} : { ca: await readCa(config.ca) }),
  };
}

async function readCa(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    // The system's message holds the path; the cause keeps it for the log.
    throw new SourceError("Cannot open source: the `ca` file is missing or cannot be read", {
      cause: error,
    });
  }
}

function connect(
  config: MysqlConfig,
  ssl: SslOptions | undefined,
  run: string | undefined,
  timeout = config.connect_timeout,
): Connection {
  const { host, port, user, password, database } = endpointOf(config);
  const connection = mysql.createConnection({
    host,
    port,
    user,
    password,
    ...(database === "" ? {} : { database }),
    ...(ssl ? { ssl } : {}),
    connectTimeout: timeout,
    connectAttributes: { program_name: "spillway", ...(run === undefined ? {} : { run }) },
    rowsAsArray: true,
    // One statement at a time, and no file of this machine for a server that asks for one.
    multipleStatements: false,
    flags: ["-LOCAL_FILES"],
  });
  // The driver tells TLS no name for an address, so that the certificate would have to be for
  // `localhost`, whoever the server is: Node then takes the name that the socket was opened with.
  Object.assign(streamOf(connection), { _host: host });
  // Without a listener an error of the connection would end the process; who waits hears of it too.
  connection.on("error", () => {});
  return connection;
}

function connected(connection: Connection): Promise<void> {
  return new Promise((resolve, reject) =>
    connection.connect((error) => error ? reject(error) : resolve())
  );
}

function ask(connection: Connection, statement: string): Promise<unknown[][]> {
  return new Promise((resolve, reject) =>
    connection.query(
      statement,
      (error, rows) => error ? reject(error) : resolve(rows as unknown[][]),
    )
  );
}

function execute(
  connection: Connection,
  statement: string,
  values: readonly string[],
): Promise<unknown[][]> {
  return new Promise((resolve, reject) =>
    connection.execute(
      statement,
      [...values],
      (error, rows) => error ? reject(error) : resolve(rows as unknown[][]),
    )
  );
}

/** The socket; the one of TLS, once that is agreed on. */
function streamOf(connection: Connection): Socket {
  return (connection as unknown as Internals).stream;
}

/** The bytes, at least, of what has come in part: a row, as little else is large. */
function comingBytes(connection: Connection): number {
  const { packetParser: { buffer, length, largePacketParts } } = connection as unknown as Internals;
  const parts = largePacketParts.reduce((bytes, part) => bytes + part.length, 0);
  return parts + (buffer.length > 0 ? length : 0);
}

function untilClosed(stream: Socket): Promise<void> {
  return stream.closed
    ? Promise.resolve()
    : new Promise((resolve) => stream.once("close", () => resolve()));
}

/** Whether an error says that nothing runs any more: one of ours before a statement, or the server's. */
function endsStatement(error: unknown): boolean {
  return error instanceof SourceError ||
    typeof (error as { readonly sqlState?: unknown }).sqlState === "string";
}

/** Closes a connection as it is. */
async function close(connection: Connection): Promise<void> {
  const stream = streamOf(connection);
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
  const connection = connect(config, ssl, undefined, KILL_TIMEOUT_MS);
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
