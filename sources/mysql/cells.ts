/** Turns the columns and the rows of MySQL's binary protocol into column types and cells. */

import type { Buffer } from "node:buffer";
import { geometryText } from "./geometry.ts";
import { PAIRS } from "../../table/days.ts";
import type { Cell, ColumnType } from "../../table/table.ts";
import { durationText } from "../time_converters.ts";

/** A column as the server describes it. */
export interface MysqlColumn {
  /** Its name in the result. */
  readonly name: string;
  /** Its type on the wire, see {@linkcode TYPE}. */
  readonly columnType: number;
  /** The number of its character set; {@linkcode BINARY} for bytes, and for what is no text. */
  readonly characterSet: number;
  /** The width that it is shown in; the bits of a BIT. */
  readonly columnLength: number;
  /** See {@linkcode UNSIGNED} and {@linkcode ZEROFILL}. */
  readonly flags: number;
  /** `json`, where MariaDB says that a text is JSON (10.5 and later). */
  readonly extendedFormat?: string;
  /** A type of MariaDB's own, which comes as text: `uuid`, `inet6`. */
  readonly extendedTypeName?: string;
}

/** Types on the wire (MySQL's field_types.h). */
const TYPE = {
  decimal: 0,
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  null: 6,
  timestamp: 7,
  longlong: 8,
  int24: 9,
  date: 10,
  time: 11,
  datetime: 12,
  year: 13,
  newdate: 14,
  bit: 16,
  json: 245,
  newdecimal: 246,
  geometry: 255,
} as const;

/** The character set `binary`. */
const BINARY = 63;

/** The flag of a column that has no negative numbers. */
const UNSIGNED = 32;

/** The flag of a column that is shown in its whole width, with zeros in front. */
const ZEROFILL = 64;

/** The first byte of each row. */
const ROW_HEADER = 0x00;

/** The type of a column; nothing for `select null`, which has none. */
export function columnType(column: MysqlColumn): ColumnType | undefined {
  const { columnType: type, columnLength, flags } = column;
  switch (type) {
    case TYPE.tiny:
      // What BOOLEAN is an alias of; UNSIGNED, it is a number that somebody keeps small.
      return columnLength === 1 && (flags & UNSIGNED) === 0 ? "boolean" : "integer";
    case TYPE.short:
    case TYPE.long:
    case TYPE.int24:
    case TYPE.longlong:
    case TYPE.year:
      return "integer";
    case TYPE.bit:
      return columnLength === 1 ? "boolean" : "integer";
    case TYPE.float:
    case TYPE.double:
      return "number";
    case TYPE.decimal:
    case TYPE.newdecimal:
      return "decimal";
    case TYPE.date:
    case TYPE.newdate:
      return "date";
    case TYPE.datetime:
    case TYPE.timestamp:
      return "datetime";
    case TYPE.time:
      return "time";
    case TYPE.json:
      return "json";
    case TYPE.null:
      return undefined;
    case TYPE.geometry:
      return "string";
    default:
      if (column.extendedFormat === "json") return "json";
      return column.characterSet === BINARY && column.extendedTypeName === undefined
        ? "binary"
        : "string";
  }
}

/** Whether a column is of moments, which come as the session's clock shows them. */
export function isTimestamp({ columnType: type }: MysqlColumn): boolean {
  return type === TYPE.timestamp;
}

/** Reads the row that lies in a buffer between two offsets. */
export type RowReader = (buffer: Buffer, start: number, end: number) => Cell[];

/** Reads the value at the cursor, and moves the cursor behind it. */
type CellReader = () => Cell;

/**
 * Makes the function that reads the rows of a result: the payload of a "Binary Protocol Resultset
 * Row". Its readers are chosen here, once a column. It throws a `RangeError` for bytes that are no
 * such row.
 *
 * @param types what the export declares for the columns, in their order: some are read otherwise
 * @param toUtc moves what the session's clock shows to UTC; absent where it shows that
 */
export function createRowReader(
  columns: readonly MysqlColumn[],
  types: readonly (ColumnType | undefined)[],
  toUtc?: (local: string) => string,
): RowReader {
  let bytes: Buffer;
  /** The buffer as Latin-1, which ASCII is a part of. */
  let latin1: string | undefined;
  let at = 0;

  /** A length-encoded integer. */
  function readLength(): number {
    const first = bytes[at++]!;
    if (first < 251) return first;
    if (first === 252) return readUint16();
    const size = first === 253 ? 3 : 6;
    const length = bytes.readUIntLE(at, size);
    // Eight bytes, of which the last two are zero: a packet has 2^30 at most.
    at += first === 253 ? 3 : 8;
    return length;
  }

  function readUint16(): number {
    at += 2;
    return bytes[at - 2]! | bytes[at - 1]! << 8;
  }

  function readInt32(): number {
    at += 4;
    return bytes[at - 4]! | bytes[at - 3]! << 8 | bytes[at - 2]! << 16 | bytes[at - 1]! << 24;
  }

  function readText(): string {
    const length = readLength();
    const start = at;
    at += length;
    if (latin1 !== undefined && isAscii(start, at)) return latin1.slice(start, at);
    return (bytes as unknown as FastBuffer).utf8Slice(start, at);
  }

  function isAscii(start: number, end: number): boolean {
    let bits = 0;
    for (let index = start; index < end; index++) bits |= bytes[index]!;
    return bits < 128;
  }

  function readBytes(): Uint8Array {
    const length = readLength();
    const start = at;
    at += length;
    // A copy: the buffer is used again, and may be larger than its cells by far.
    return new Uint8Array(bytes.subarray(start, at));
  }

  function readGeometry(): string {
    const length = readLength();
    at += length;
    return geometryText(bytes.subarray(at - length, at));
  }

  /** A 64-bit integer. */
  function readInt64(unsigned: boolean): number | bigint {
    const low = readInt32() >>> 0;
    const high = readInt32();
    const number = (unsigned ? high >>> 0 : high) * 0x1_0000_0000 + low;
    if (Number.isSafeInteger(number)) return number;
    return unsigned ? bytes.readBigUInt64LE(at - 8) : bytes.readBigInt64LE(at - 8);
  }

  /** Up to 64 bits, the most significant byte first. */
  function readBits(): number | bigint {
    const length = readLength();
    let bits = 0n;
    for (const end = at + length; at < end; at++) bits = bits << 8n | BigInt(bytes[at]!);
    return bits <= Number.MAX_SAFE_INTEGER ? Number(bits) : bits;
  }

  function readDate(): string {
    const length = bytes[at++]!;
    if (length === 0) return ZERO_DATE;
    const year = readUint16();
    at += length - 2;
    return dateText(year, bytes[at - length + 2]!, bytes[at - length + 3]!);
  }

  /** Leaves out what is zero: the time, or the microseconds. */
  function readDateTime(zone: string): string {
    const length = bytes[at++]!;
    if (length === 0) return `${ZERO_DATE} 00:00:00`;
    const start = at;
    at += length;
    const date = dateText(
      bytes[start]! | bytes[start + 1]! << 8,
      bytes[start + 2]!,
      bytes[start + 3]!,
    );
    if (length < 7) return date + " 00:00:00" + zone;
    const time = date + " " + PAIRS[bytes[start + 4]!] + ":" + PAIRS[bytes[start + 5]!] + ":" +
      PAIRS[bytes[start + 6]!];
    return (length < 11 ? time : time + fractionText(bytes.readUInt32LE(start + 7))) + zone;
  }

  /** A time of the day; a duration from a day on, up to 838:59:59, and below zero. */
  function readTime(): string {
    const length = bytes[at++]!;
    if (length === 0) return "00:00:00";
    const start = at;
    at += length;
    const negative = bytes[start] === 1;
    const hours = bytes.readUInt32LE(start + 1) * 24 + bytes[start + 5]!;
    const minutes = bytes[start + 6]!;
    const seconds = bytes[start + 7]!;
    const fraction = length < 12 ? "" : fractionText(bytes.readUInt32LE(start + 8));
    return negative || hours >= 24
      ? durationText(negative, hours, minutes, seconds + fraction)
      : PAIRS[hours] + ":" + PAIRS[minutes] + ":" + PAIRS[seconds] + fraction;
  }

  function readNumber(column: MysqlColumn): () => number | bigint {
    const unsigned = (column.flags & UNSIGNED) !== 0;
    switch (column.columnType) {
      case TYPE.tiny:
        return unsigned ? () => bytes[at++]! : () => bytes[at++]! << 24 >> 24;
      case TYPE.short:
        return unsigned ? readUint16 : () => readUint16() << 16 >> 16;
      case TYPE.year:
        return readUint16;
      case TYPE.bit:
        return readBits;
      case TYPE.longlong:
        return unsigned ? () => readInt64(true) : () => readInt64(false);
      default:
        return unsigned ? () => readInt32() >>> 0 : readInt32;
    }
  }

  function createReader(column: MysqlColumn, declared: ColumnType | undefined): CellReader {
    const type = columnType(column);
    switch (column.columnType) {
      case TYPE.tiny:
      case TYPE.short:
      case TYPE.long:
      case TYPE.int24:
      case TYPE.longlong:
      case TYPE.year:
      case TYPE.bit: {
        const read = readNumber(column);
        if (type === "boolean") return () => booleanOf(read());
        const filled = declared === "string" && (column.flags & ZEROFILL) !== 0;
        return filled ? () => String(read()).padStart(column.columnLength, "0") : read;
      }
      case TYPE.float:
        return () => shortest(bytes.readFloatLE((at += 4) - 4));
      case TYPE.double:
        return () => bytes.readDoubleLE((at += 8) - 8);
      case TYPE.date:
      case TYPE.newdate:
        return readDate;
      case TYPE.datetime:
        return () => readDateTime("");
      case TYPE.timestamp:
        return toUtc ? () => toUtc(readDateTime("")) : () => readDateTime("Z");
      case TYPE.time:
        return readTime;
      case TYPE.null:
        return () => null;
      case TYPE.geometry:
        return declared === "binary" ? readBytes : readGeometry;
      default:
        return type === "binary" ? readBytes : readText;
    }
  }

  const readers = columns.map((column, index) => createReader(column, types[index]));
  const width = readers.length;
  /** One bit a column, after the two that are not used. */
  const nullBytes = Math.floor((width + 9) / 8);

  return function readRow(buffer, start, end) {
    if (buffer[start] !== ROW_HEADER) throw new RangeError("the server sent what is no row");
    if (bytes !== buffer) {
      bytes = buffer;
      latin1 = buffer.length <= LATIN1_BYTES
        ? (buffer as unknown as FastBuffer).latin1Slice(0, buffer.length)
        : undefined;
    }
    at = start + 1 + nullBytes;
    const cells = new Array<Cell>(width);
    for (let index = 0; index < width; index++) {
      const bit = index + 2;
      const isNull = (buffer[start + 1 + (bit >> 3)]! & 1 << (bit & 7)) !== 0;
      cells[index] = isNull ? null : readers[index]!();
    }
    if (at !== end) throw new RangeError("the server sent a row of another length");
    return cells;
  };
}

/**
 * Bytes of a buffer that is decoded once, and its cells of ASCII cut from that: 0.25 s for 500,000
 * rows of the audit log, where a call of the decoder for each cell takes 0.32 s. A socket gives 64 KiB
 * at once; what is larger is a row with a large cell, which one call decodes.
 */
const LATIN1_BYTES = 128 * 1024;

/** What of a buffer's methods the type declarations leave out. */
interface FastBuffer {
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
}

function booleanOf(value: number | bigint): Cell {
  return value === 0 ? false : value === 1 ? true : value;
}

/** The double with the shortest digits that still are this 32-bit float: 0.1, not 0.10000000149. */
function shortest(float: number): number {
  if (Number.isInteger(float)) return float;
  // Nine digits tell every float from its neighbours (IEEE 754, 5.12.2).
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(float.toPrecision(digits));
    if (Math.fround(short) === float) return short;
  }
  return Number(float.toPrecision(9));
}

/** A date without year, month and day, which no calendar has and MySQL lets people keep. */
const ZERO_DATE = "0000-00-00";

/** The last date written: rows near each other are often of the same day. */
let lastDate = 0;
let lastText = ZERO_DATE;

function dateText(year: number, month: number, day: number): string {
  const date = year << 9 | month << 5 | day;
  if (date !== lastDate) {
    lastDate = date;
    lastText = `${String(year).padStart(4, "0")}-${PAIRS[month]}-${PAIRS[day]}`;
  }
  return lastText;
}

/** `.5` for 500,000 microseconds. */
function fractionText(microseconds: number): string {
  if (microseconds === 0) return "";
  return "." + String(microseconds).padStart(6, "0").replace(/0+$/, "");
}
