/** What every exporter offers: a table in, a byte stream out. */

import type { Table } from "../sources/table.ts";
import type { Warnings } from "./warnings.ts";

/** The CSV dialects that a request can name. */
export const DIALECTS = ["excel", "excel-semicolon", "rfc4180", "postgres", "tsv"] as const;

/** One of {@linkcode DIALECTS}. */
export type Dialect = typeof DIALECTS[number];

/** The options that a format may understand; a request names them with a leading `_`. */
export type FormatOption = "dialect" | "bom" | "header" | "null";

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
  readonly formulaGuard?: boolean;
  /** Deflate level of a format that compresses by itself, 0 to 9. @default 2 */
  readonly deflateLevel?: number;
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
  /**
   * Writes a table. Nothing is read before the result is pulled; the first chunk is ready as soon as
   * the first batch is, and cancelling the result cancels the table's batches.
   *
   * @param warnings counts what the format could not hold as it was
   * @throws {TableError} at once, when the format cannot hold such a table
   */
  encode(table: Table, options: ExportOptions, warnings: Warnings): ReadableStream<Uint8Array>;
}

/** A table that a format cannot hold: too many columns for a worksheet. */
export class TableError extends Error {
  /** Tells it from other errors in a log. */
  override readonly name = "TableError";
}
