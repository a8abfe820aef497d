/** A read-only transaction on a connection to MySQL or MariaDB, for one query. */

import type { Socket } from "node:net";
import type { Connection as Driver, PrepareStatementInfo } from "mysql2";
import type { MysqlColumn } from "./cells.ts";
import { hostOf, type MysqlConfig } from "./config.ts";
import { ask, Connection, type Connections, execute } from "./connection.ts";
import type { SqlMode } from "./query.ts";
import { askZone, type ZoneOffsets } from "./zone.ts";
import { SourceError } from "../source.ts";

/** What a server warns of and goes on with: a result, or a value in it, that is not whole. */
const CUTS: Readonly<Record<string, string>> = {
  1260: "group_concat was cut off",
  1301: "the result of a function is longer than max_allowed_packet",
  1931: "the server stopped it at the limit of its rows examined",
};

/** A prepared statement, with the columns that the driver's declarations leave out. */
export interface Prepared extends PrepareStatementInfo {
  /** Its columns; none where it gives no rows. */
  readonly columns: readonly MysqlColumn[];
}

/** A connection in a read-only transaction. */
export interface Session {
  /** The driver's connection. */
  readonly connection: Driver;
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
  /** Ends the transaction, of which all rows have come; the connection is left to the next run, or closed. */
  end(): Promise<void>;
  /** Has the server stop whatever it does for the connection, which is closed at once. */
  kill(): Promise<void>;
  /** Closes the connection after an error, with a kill where the server may still work. */
  release(error: unknown): Promise<void>;
}

/** Which connection a session has. */
export interface SessionOptions {
  /** Ends the attempt. */
  readonly signal?: AbortSignal | undefined;
  /** Where connections are kept. @default nowhere */
  readonly connections?: Connections | undefined;
}

/**
 * Opens a connection, or takes one that was kept, and begins a transaction that reads one snapshot and writes
 * nothing.
 *
 * @throws {Error} the driver's, when the server cannot be reached or refuses the connection
 */
export async function openSession(
  config: MysqlConfig,
  { signal, connections }: SessionOptions,
): Promise<Session> {
  // Whatever is another's in it, the password too, is another connection.
  const key = JSON.stringify(config);
  const kept = connections && await takeKept(connections, key);
  const connection = kept ?? await Connection.open(config, signal);
  const { driver } = connection;

  const session: Session = {
    connection: driver,
    get stream() {
      return connection.stream;
    },
    mode: connection.mode,
    async zone() {
      const { zone } = connection;
      if (zone === undefined) return undefined;
      const key = `${hostOf(config)} ${zone}`;
      const known = zones.get(key) ?? await askZone((moments) => askOffsets(driver, moments));
      zones.set(key, known);
      return known;
    },
    async localTimes(datetimes) {
      if (connection.zone === undefined || datetimes.length === 0) return datetimes;
      // One column, as a result has 4096 at most.
      const calls = datetimes.map(() => "ifnull(convert_tz(?, '+00:00', @@session.time_zone), '')");
      const statement = `select concat_ws(',', ${calls.join(", ")})`;
      const [row] = await execute(driver, statement, datetimes);
      return String(row![0]).split(",").map((local, index) => local || datetimes[index]!);
    },
    prepare: (text: string) =>
      new Promise<Prepared>((resolve, reject) =>
        driver.prepare(
          text,
          (error, statement) => error ? reject(error) : resolve(statement as Prepared),
        )
      ),
    async checkWhole() {
      const warnings = await ask(driver, "show warnings");
      const [, code, message] = warnings.find(([, code]) => String(code) in CUTS) ?? [];
      if (code === undefined) return;
      throw new SourceError(`Cannot read the query: ${CUTS[String(code)]}`, {
        cause: new Error(String(message)),
      });
    },
    refuseRow: (bytes) => connection.refuseRow(bytes),
    async end() {
      // Killing it would meet the next run.
      if (connection.killed) return await connection.kill();
      if (!connections || !connection.resettable) {
        connections?.discard(key, connection);
        return await connection.end();
      }
      connection.reset();
      connections.put(key, connection);
    },
    kill() {
      connections?.discard(key, connection);
      return connection.kill();
    },
    release(error) {
      connections?.discard(key, connection);
      return connection.killed || !endsStatement(error) ? connection.kill() : connection.end();
    },
  };
  return session;
}

/** Takes a connection that was kept, and is as good as a new one; its transaction has begun. */
async function takeKept(connections: Connections, key: string): Promise<Connection | undefined> {
  const kept = await connections.acquire(key);
  if (!kept || await kept.begin()) return kept;
  connections.discard(key, kept);
  kept.close();
  // What has become of it has become of the others.
  connections.evict(key);
  return undefined;
}

/** The offsets of zones, by server and zone: this process asks for each of them once. */
const zones = new Map<string, ZoneOffsets>();

/** The session's offset from UTC at each of some moments. */
async function askOffsets(
  driver: Driver,
  moments: readonly number[],
): Promise<readonly (number | null)[]> {
  const offsets = moments.map((moment) =>
    `ifnull(timestampdiff(second, '1970-01-01', from_unixtime(${moment})) - ${moment}, '')`
  );
  const [row] = await ask(driver, `select concat_ws(',', ${offsets.join(", ")})`);
  return String(row![0]).split(",").map((text) => text === "" ? null : Number(text));
}

/** Whether an error says that nothing runs any more: one of ours before a statement, or the server's. */
function endsStatement(error: unknown): boolean {
  return error instanceof SourceError ||
    typeof (error as { readonly sqlState?: unknown }).sqlState === "string";
}
