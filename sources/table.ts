/**
 * What a table is made of: the leaf types that sources give and exporters take.
 *
 * This module imports nothing, so that a source and an exporter share a vocabulary and no code.
 */

/** The types a column can have; they decide how its cells are read and written. */
export const COLUMN_TYPES = [
  "string",
  "integer",
  "number",
  "decimal",
  "boolean",
  "date",
  "datetime",
  "time",
  "duration",
  "json",
  "binary",
] as const;

/** One of {@linkcode COLUMN_TYPES}. */
export type ColumnType = typeof COLUMN_TYPES[number];

/**
 * One value, as exact as the source had it. What a source gives for each column type:
 *
 * | column type | cells |
 * |---|---|
 * | string | `string`, any UTF-16, lone surrogates included |
 * | integer | `number` while it is a safe integer, else `bigint` |
 * | number | `number`, NaN and infinities included |
 * | decimal | `string` such as `-12.50`, every digit kept; or `number`, `bigint` |
 * | boolean | `boolean` |
 * | date | `string`, `YYYY-MM-DD` |
 * | datetime | `string`, `YYYY-MM-DD`, then `T` or a space, `HH:MM[:SS[.f…]]`, then nothing, `Z` or `±HH:MM` |
 * | time | `string`, `HH:MM[:SS[.f…]]` |
 * | duration | `string`, ISO 8601 (`PT36H5M`); or `number` of seconds |
 * | json | `string`, JSON text |
 * | binary | `Uint8Array` |
 *
 * Databases keep no such promise (SQLite stores text in an integer column without a word), so any
 * cell may be any member of this union in any column: an exporter looks before it trusts, and writes
 * a cell that is not of its column's type as what it is.
 */
export type Cell = null | boolean | number | bigint | string | Uint8Array;

/** The cells of one row, one a column and in the columns' order. */
export type Row = readonly Cell[];

/** Rows that travel together: the unit between a source and an exporter. Never empty. */
export type Batch = readonly Row[];

/** A column of a table. */
export interface Column {
  /** The source's name for it, neither unique nor harmless: the key in JSON and XML. */
  readonly name: string;
  /** What people read above it: the header of CSV and of a worksheet. */
  readonly title: string;
  /** How its cells are read and written. */
  readonly type: ColumnType;
  /** IANA zone that a datetime is shown in; a datetime without an offset is UTC. Absent: as stored. */
  readonly timezone?: string;
  /** Spreadsheet number format, such as `#,##0.00`. */
  readonly format?: string;
}

/** A titled table whose rows are still to come. */
export interface Table {
  /** What people call it: the name of the first worksheet. */
  readonly title: string;
  /** Its columns, known before the first row is. */
  readonly columns: readonly Column[];
  /** Its rows; pulled, never pushed. Cancelling it releases the source, even one that stalls. */
  readonly batches: ReadableStream<Batch>;
}
