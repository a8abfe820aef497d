/** What every exporter offers: a table in, a byte stream out. */

import type { Table } from "../table/table.ts";
import type { Warnings } from "./warnings.ts";

/** The CSV dialects that a request can name. */
export const DIALECTS = ["excel", "excel-semicolon", "rfc4180", "postgres", "tsv"] as const;

/** One of {@linkcode DIALECTS}. */
export type Dialect = typeof DIALECTS[number];

/** The options that a format may understand; a request names them with a leading `_`. */
export type FormatOption = "dialect" | "bom" | "header" | "null" | "level";

/** Whether formulas are made harmless: in every dialect, in those that spreadsheets read, or nowhere. */
export type FormulaGuard = boolean | "spreadsheets";

/** How to write a file. Every member has a default, so that `{}` is a request. */
export interface ExportOptions {
  /** CSV dialect. @default "rfc4180" */
  readonly dialect?: Dialect;
  /** Whether the file begins with a byte order mark. @default as the dialect does */
  readonly bom?: boolean;
  /** Whether the first row holds the columns' titles. @default true */
  readonly header?: boolean;
  /** What stands for null. @default "" */
  readonly null?: string;
  /** Whether text that a spreadsheet would run as a formula is made harmless. @default true */
  readonly formulaGuard?: FormulaGuard;
  /** Deflate level of a format that compresses by itself, 0 to 9. @default 2 */
  readonly deflateLevel?: number;
  /** Whether text that repeats is written once, in a table of strings. @default true */
  readonly sharedStrings?: boolean;
  /** What the file says of itself beside its rows. @default nothing */
  readonly properties?: DocumentProperties;
  /** Lines of a first sheet that tells what the others hold. @default no such sheet */
  readonly about?: readonly AboutEntry[];
  /**
   * When the file was asked for, RFC 3339 in UTC, for where one of these two shows it; an exporter has
   * no clock. @default no time
   */
  readonly time?: string;
}

/** What a document says of itself; what is absent is not said. */
export interface DocumentProperties {
  /** What it is called. */
  readonly title?: string;
  /** What it is about. */
  readonly subject?: string;
  /** Who made it. */
  readonly creator?: string;
  /** Whose it is. */
  readonly company?: string;
  /** Whether it says when it was made: the same rows are other bytes then. @default false */
  readonly created?: boolean;
}

/** A line that tells something about a file. */
export interface AboutEntry {
  /** What it is about. */
  readonly label: string;
  /** What there is to say; absent where the label is a heading of the lines that follow. */
  readonly value?: string;
}

/** Cores that have nothing to do, which an exporter may use besides the one that it runs on. */
export interface IdleCores {
  /** How many there are now; asked again and again, as other exports come and go. */
  readonly idle: number;
  /**
   * Whether a thread that was started may stay for the next file, in a process that is ended and does
   * not wait for its threads. @default false
   */
  readonly keepThreads?: boolean;
}

/** One format. */
export interface Exporter {
  /** Its key in URLs and in the catalogue, and its file extension: `csv`. */
  readonly key: string;
  /** The value of `Content-Type`. */
  readonly mediaType: string;
  /** The request options that mean something to it. */
  readonly options: readonly FormatOption[];
  /** Whether HTTP compression makes it smaller; not so for a format that is a ZIP file. */
  readonly compressible: boolean;
  /** Whether it reads a table's {@linkcode Table.text}. @default false */
  readonly readsText?: boolean;
  /**
   * Writes a table. Nothing is read before the result is pulled; the first chunk is ready as soon as
   * the first batch is, and cancelling the result cancels the table's batches.
   *
   * @param warnings counts what the format could not hold as it was
   * @throws {TableError} at once, when the format cannot hold such a table
   */
  encode(
    table: Table,
    options: ExportOptions,
    warnings: Warnings,
    cores?: IdleCores,
  ): ReadableStream<Uint8Array>;
  /**
   * Writes several tables as one file, one after the other; absent where a file holds one table.
   *
   * @throws {TableError} at once, when the format cannot hold one of them
   */
  encodeAll?(
    tables: readonly Table[],
    options: ExportOptions,
    warnings: Warnings,
    cores?: IdleCores,
  ): ReadableStream<Uint8Array>;
}

/** A table that a format cannot hold: too many columns for a worksheet. */
export class TableError extends Error {
  /** Tells it from other errors in a log. */
  override readonly name = "TableError";
}
