/** Turns the columns and the rows of MySQL's binary protocol into column types and cells. */

import type { Buffer } from "node:buffer";
import { RowCursor } from "./row_cursor.ts";
import type { Cell, ColumnType } from "../../table/table.ts";

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
      // What BOOLEAN is an alias of; UNSIGNED, it is a number that an application keeps small.
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

/** Reads the value at the cursor. */
type CellReader = (cursor: RowCursor) => Cell;

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
  const readers = columns.map((column, index) => cellReader(column, types[index], toUtc));
  const width = readers.length;
  /** One bit a column, after the two that are not used. */
  const nullBytes = Math.floor((width + 9) / 8);
  const cursor = new RowCursor();

  return function readRow(buffer, start, end) {
    if (buffer[start] !== ROW_HEADER) throw new RangeError("the server sent what is no row");
    cursor.moveTo(buffer, start + 1 + nullBytes);
    const cells = new Array<Cell>(width);
    for (let index = 0; index < width; index++) {
      const bit = index + 2;
      const isNull = (buffer[start + 1 + (bit >> 3)]! & 1 << (bit & 7)) !== 0;
      cells[index] = isNull ? null : readers[index]!(cursor);
    }
    if (cursor.at !== end) throw new RangeError("the server sent a row of another length");
    return cells;
  };
}

function cellReader(
  column: MysqlColumn,
  declared: ColumnType | undefined,
  toUtc: ((local: string) => string) | undefined,
): CellReader {
  switch (column.columnType) {
    case TYPE.float:
      return (cursor) => cursor.readFloat();
    case TYPE.double:
      return (cursor) => cursor.readDouble();
    case TYPE.date:
    case TYPE.newdate:
      return (cursor) => cursor.readDate();
    case TYPE.datetime:
      return (cursor) => cursor.readDateTime("");
    case TYPE.timestamp:
      return toUtc
        ? (cursor) => toUtc(cursor.readDateTime(""))
        : (cursor) => cursor.readDateTime("Z");
    case TYPE.time:
      return (cursor) => cursor.readTime();
    case TYPE.null:
      return () => null;
    case TYPE.geometry:
      return declared === "binary"
        ? (cursor) => cursor.readBytes()
        : (cursor) => cursor.readGeometry();
    default:
      return integerReader(column, declared) ??
        (columnType(column) === "binary"
          ? (cursor) => cursor.readBytes()
          : (cursor) => cursor.readText());
  }
}

/** The reader of a column of integers, or of booleans, which are some too; nothing for another column. */
function integerReader(
  column: MysqlColumn,
  declared: ColumnType | undefined,
): CellReader | undefined {
  const read = wholeReader(column);
  if (read === undefined) return undefined;
  if (columnType(column) === "boolean") return (cursor) => booleanOf(read(cursor));
  const filled = declared === "string" && (column.flags & ZEROFILL) !== 0;
  return filled ? (cursor) => String(read(cursor)).padStart(column.columnLength, "0") : read;
}

function wholeReader(
  { columnType: type, flags }: MysqlColumn,
): ((cursor: RowCursor) => number | bigint) | undefined {
  const unsigned = (flags & UNSIGNED) !== 0;
  switch (type) {
    case TYPE.tiny:
      return unsigned ? (cursor) => cursor.readUint8() : (cursor) => cursor.readUint8() << 24 >> 24;
    case TYPE.short:
      return unsigned
        ? (cursor) => cursor.readUint16()
        : (cursor) => cursor.readUint16() << 16 >> 16;
    case TYPE.year:
      return (cursor) => cursor.readUint16();
    case TYPE.long:
    case TYPE.int24:
      return unsigned ? (cursor) => cursor.readInt32() >>> 0 : (cursor) => cursor.readInt32();
    case TYPE.longlong:
      return unsigned ? (cursor) => cursor.readInt64(true) : (cursor) => cursor.readInt64(false);
    case TYPE.bit:
      return (cursor) => cursor.readBits();
    default:
      return undefined;
  }
}

function booleanOf(value: number | bigint): Cell {
  return value === 0 ? false : value === 1 ? true : value;
}
