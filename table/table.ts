/**
 * What a table is made of: the leaf types that sources give and exporters take.
 *
 * This folder imports nothing of ours, so that a source and an exporter share a vocabulary.
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
 * | time | `string`, `HH:MM[:SS[.f…]]`; a duration from a day on, and below zero, as MariaDB has them |
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

/** Where the text of a cell can stand in it. */
export const ALIGNMENTS = ["left", "center", "right"] as const;

/** One of {@linkcode ALIGNMENTS}. */
export type Alignment = typeof ALIGNMENTS[number];

/** How a column is shown: all but the time zone to a spreadsheet alone, other formats pass it over. */
export interface Presentation {
  /** IANA zone that a datetime is shown in; a datetime without an offset is UTC. Absent: as stored. */
  readonly timezone?: string;
  /** Spreadsheet number format, such as `#,##0.00`. */
  readonly format?: string;
  /** Width in characters of the default font, 1 to 255. @default chosen from the first rows */
  readonly width?: number;
  /** Where cells and title stand. @default as the spreadsheet does: text left, numbers right */
  readonly align?: Alignment;
  /** Whether long text goes on below, in a higher row. @default false */
  readonly wrap?: boolean;
  /**
   * Whether cells lead somewhere: `true` where they are URLs, else a URL with `{}` for the cell, such
   * as `https://app.example.com/users/{}`. @default false
   */
  readonly link?: boolean | string;
}

/** A column of a table. */
export interface Column extends Presentation {
  /** The source's name for it, neither unique nor harmless: the key in JSON and XML. */
  readonly name: string;
  /** What people read above it: the header of CSV and of a worksheet. */
  readonly title: string;
  /** How its cells are read and written. */
  readonly type: ColumnType;
}

/** What an export says about a column, over what the source knows. */
export interface ColumnSetting extends Presentation {
  /** What people read above it. @default the column's name */
  readonly title?: string;
  /** How its cells are read and written. @default what the source declares, else the first cell's */
  readonly type?: ColumnType;
}

/** What a worksheet can make of a table: a range with a filter, or what Excel calls a table. */
export const TABLE_STYLES = ["plain", "table"] as const;

/** One of {@linkcode TABLE_STYLES}. */
export type TableStyle = typeof TABLE_STYLES[number];

/**
 * How the bytes of a cell's text stand for the cell.
 *
 * | form | bytes |
 * |---|---|
 * | text | the text that the cell is |
 * | digits | the cell as text, which is a number and in a column of numbers |
 * | number | the same, but where there is an exponent a `number` has other text |
 * | boolean | `t` or `f` |
 * | utc | a datetime as text, but an offset is `+00` where the cell has `+00:00` |
 * | other | something that only {@linkcode TextRows.readCell} understands |
 */
export type TextForm = "text" | "digits" | "number" | "boolean" | "utc" | "other";

/**
 * Rows whose cells are the bytes that the source sent: the faster unit for a text format. Bytes and
 * bounds stay as they are until the next batch is asked for.
 */
export interface TextBatch {
  /** The text of all cells, UTF-8, with anything in between. */
  readonly bytes: Uint8Array;
  /** Where each cell starts and ends, row by row; a null starts at -1. There may be more behind them. */
  readonly bounds: Int32Array;
  /** How many rows there are; never 0. */
  readonly length: number;
}

/** The rows of a table as text. */
export interface TextRows {
  /** The forms of the columns. */
  readonly forms: readonly TextForm[];
  /**
   * Reads a cell that is not null as {@linkcode Table.batches} would have it.
   *
   * @param looking whether it is read again to be written, so that nothing of it is counted yet
   */
  readCell(
    column: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    looking?: boolean,
  ): Cell;
  /** The rows; pulled, never pushed, and cancelled as {@linkcode Table.batches} are. */
  readonly batches: ReadableStream<TextBatch>;
}

/** A titled table whose rows are still to come. */
export interface Table {
  /** What people call it: the name of the first worksheet. */
  readonly title: string;
  /** Its columns, known before the first row is. */
  readonly columns: readonly Column[];
  /** What a worksheet makes of it. @default "plain" */
  readonly style?: TableStyle;
  /** Its rows; pulled, never pushed. Cancelling it releases the source, even one that stalls. */
  readonly batches: ReadableStream<Batch>;
  /**
   * The same rows as text, where a format was asked for that reads it and the source has it: it is read
   * or cancelled instead of `batches`.
   */
  readonly text?: TextRows;
}
