/** Turns PostgreSQL's types and text forms into column types and cells. */

import { Buffer } from "node:buffer";
import { isUtc, readInstant } from "./instants.ts";
import { moneyDecimal } from "./money.ts";
import { type SourceColumn, SourceError } from "../source.ts";
import type { Cell, ColumnType, Row, TextForm, TextRows } from "../../table/table.ts";

/**
 * The column types of PostgreSQL's types by their OID, which is fixed (pg_type.dat); all others are
 * text. A domain comes with the OID of what it is made of. `timetz` is text, as a column of times has
 * no offsets, and so is `money`, which is written as the database's locale has it.
 */
const COLUMN_TYPES: Readonly<Record<number, ColumnType>> = {
  16: "boolean",
  17: "binary",
  20: "integer", // bigint
  21: "integer", // smallint
  23: "integer", // integer
  26: "integer", // oid
  114: "json",
  700: "number", // real
  701: "number", // double precision
  1082: "date",
  1083: "time",
  1114: "datetime", // timestamp
  1184: "datetime", // timestamptz
  1186: "duration", // interval
  1700: "decimal", // numeric
  3802: "json", // jsonb
};

const MONEY = 790;

/** The OID of `timestamp with time zone`. */
export const TIMESTAMPTZ = 1184;

/** A column of the type with this OID, whose cells are all of that type. */
export function columnOf(name: string, oid: number): SourceColumn {
  return { name, type: columnType(oid), strict: true };
}

/** The column type of a type. */
function columnType(oid: number): ColumnType {
  return COLUMN_TYPES[oid] ?? "string";
}

/**
 * Reads one cell: the bytes of its text from `start` to `end`, which `text` holds too, as Latin-1.
 *
 * Taking a piece of a string is far cheaper than decoding bytes once a cell (10 ns and 150 ns): the
 * bytes that came together are made a string at once, which is right wherever they are ASCII.
 */
type CellReader = (bytes: Uint8Array, text: string, start: number, end: number) => Cell;

/** Makes the function that reads a row of a `DataRow` message, whose cells begin at `at`. */
export function createRowReader(
  types: readonly number[],
  declared: readonly (ColumnType | undefined)[],
): (bytes: Uint8Array, text: string, at: number) => Row {
  const readers = types.map((oid, index) => cellReader(oid, declared[index]));
  const width = types.length;

  return function readRow(bytes, text, at) {
    const cells = new Array<Cell>(width);
    for (let index = 0; index < width; index++) {
      const length = bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
      at += 4;
      if (length < 0) cells[index] = null;
      else cells[index] = readers[index]!(bytes, text, at, at += length);
    }
    return cells;
  };
}

/** Says how the text of the columns stands for their cells, and reads one as the row reader does. */
export function createTextReader(
  types: readonly number[],
  declared: readonly (ColumnType | undefined)[],
): Omit<TextRows, "batches"> {
  const readers = types.map((oid, index) => cellReader(oid, declared[index]));
  return {
    forms: readers.map((reader, index) => formOf(reader, types[index]!)),
    // Of a cell alone, as the bytes around it may be anything.
    readCell(column, bytes, start, end) {
      const cell = bytes.subarray(start, end);
      return readers[column]!(cell, latin1(cell), 0, cell.length);
    },
  };
}

function formOf(reader: CellReader, oid: number): TextForm {
  if (reader === readBoolean) return "boolean";
  if (reader === readNumber) return "number";
  if (reader === readTimestamptz) return "utc";
  if (columnType(oid) === "integer" || columnType(oid) === "decimal") return "digits";
  return reader === readText || reader === readAscii ? "text" : "other";
}

/** What of a buffer's methods the type declarations leave out. */
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
};

/** A third of the time that it takes to make a `Buffer` of the bytes first (190 and 620 ns). */
function latin1(bytes: Uint8Array): string {
  return latin1Slice.call(bytes, 0, bytes.length);
}

function cellReader(oid: number, declared: ColumnType | undefined): CellReader {
  if (oid === TIMESTAMPTZ) return readTimestamptz;
  if (oid === MONEY && isNumeric(declared)) return readMoney;
  switch (columnType(oid)) {
    case "boolean":
      return readBoolean;
    case "binary":
      return readBinary;
    case "integer":
      return readInteger;
    case "number":
      return readNumber;
    case "string":
    case "json":
      return readText;
    default:
      return readAscii;
  }
}

function isNumeric(type: ColumnType | undefined): boolean {
  return type === "integer" || type === "number" || type === "decimal";
}

const readAscii: CellReader = (_, text, start, end) => text.slice(start, end);

const readBoolean: CellReader = (bytes, _, start) => bytes[start] === 0x74;

/** `NaN`, `Infinity` and `-Infinity` are JavaScript's words too. */
const readNumber: CellReader = (_, text, start, end) => Number(text.slice(start, end));

/** `bytea_output` is `hex`: `\x00ff`. */
const readBinary: CellReader = (_, text, start, end) =>
  Uint8Array.fromHex(text.slice(start + 2, end));

/** In UTC, whose offset PostgreSQL writes as `+00`; there is none in `infinity`. */
const readTimestamptz: CellReader = (bytes, text, start, end) =>
  isUtc(bytes, end) ? text.slice(start, end) + ":00" : readInstant(bytes, text, start, end);

const readMoney: CellReader = (bytes, text, start, end) => {
  const money = readText(bytes, text, start, end) as string;
  return moneyDecimal(money) ?? money;
};

/** Digits that a double holds whatever they are. */
const SAFE_DIGITS = 15;

const readInteger: CellReader = (bytes, text, start, end) => {
  const negative = bytes[start] === 0x2d;
  let at = negative ? start + 1 : start;
  if (end - at > SAFE_DIGITS) return longInteger(text.slice(start, end));
  let value = 0;
  for (; at < end; at++) value = value * 10 + bytes[at]! - 0x30;
  return negative ? -value : value;
};

function longInteger(digits: string): Cell {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}

const readText: CellReader = (bytes, text, start, end) => {
  for (let at = start; at < end; at++) if (bytes[at]! > 0x7f) return decode(bytes, start, end);
  return text.slice(start, end);
};

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A database whose encoding is SQL_ASCII sends whatever bytes it was once given. */
function decode(bytes: Uint8Array, start: number, end: number): string {
  try {
    return strict.decode(bytes.subarray(start, end));
  } catch (error) {
    throw new SourceError("Cannot read the query: a text is not in UTF-8", { cause: error });
  }
}
