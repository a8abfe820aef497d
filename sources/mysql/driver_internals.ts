/**
 * What mysql2 does not publish and this folder relies on, all of it; what a new version must still have is
 * in `tests/sources/mysql/driver_internals_test.ts`.
 */

import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { Connection as Driver, Query as Command } from "mysql2";
import type { MysqlColumn } from "./cells.ts";

/** What a connection keeps for itself. */
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

/** The connection's socket: `destroy()` only half closes it. */
export function socketOf(driver: Driver): Socket {
  return (driver as unknown as Internals).stream;
}

/**
 * Gives TLS a name to verify. The driver gives none for an address, so that the certificate would have to be
 * for `localhost`, whatever the server is called: Node then takes the name that the socket was opened with.
 */
export function verifyHost(driver: Driver, host: string): void {
  Object.assign(socketOf(driver), { _host: host });
}

/** The bytes, at least, of what has come in part: a row, as little else is large. */
export function incomingBytes(driver: Driver): number {
  const { packetParser: { buffer, length, largePacketParts } } = driver as unknown as Internals;
  const parts = largePacketParts.reduce((bytes, part) => bytes + part.length, 0);
  return parts + (buffer.length > 0 ? length : 0);
}

/** The part of the driver's packet that a row is read from. */
export interface Packet {
  /** What it lies in. */
  readonly buffer: Buffer;
  /** Where its next byte is. */
  readonly offset: number;
  /** Where it ends. */
  readonly end: number;
}

/** The driver's command, with the method that makes its row parser. */
interface ExecuteCommand extends Command {
  buildParserFromFields(fields: readonly MysqlColumn[]): new () => { next(packet: Packet): void };
}

/**
 * Gives the rows of a prepared statement that was sent to a parser of ours. The driver's own gives integers
 * beyond 2^53 as text and floats with digits that they do not have, and takes nearly twice as long (0.43 s for
 * 500,000 rows of the audit log, not 0.25 s).
 *
 * @param begin takes the columns of a result, and gives what takes its rows
 */
export function divertRows(
  command: Command,
  begin: (columns: readonly MysqlColumn[]) => (packet: Packet) => void,
): void {
  (command as ExecuteCommand).buildParserFromFields = (columns) => {
    const take = begin(columns);
    return class {
      next(packet: Packet): void {
        take(packet);
      }
    };
  };
}
