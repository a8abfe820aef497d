/** Reads rows from text that comes in pieces. */

import { type SourceColumn, SourceError } from "../source.ts";
import { COLUMN_TYPES, type ColumnType, type Row } from "../../table/table.ts";

/** How text is read. */
export interface RowReaderSettings {
  /** Every name that a row may have, in order. @default what the text says first */
  readonly columns?: readonly string[];
  /** Types that the export declares, by column name. */
  readonly types: Readonly<Record<string, ColumnType>>;
  /** The most UTF-16 units of a row. */
  readonly maxRow: number;
}

/** A reader. Its errors are the text's: `read` throws them after all rows that come before. */
export interface RowReader {
  /** The columns, once they are known. */
  readonly columns: readonly SourceColumn[] | undefined;
  /** Whether the text itself has said that it is whole: by a count, or the end of an array. */
  readonly proven: boolean;
  /** Adds text. */
  write(text: string): void;
  /** Says that no more text comes. */
  end(): void;
  /**
   * The next row; nothing when it takes more text, or when there is no more.
   *
   * @throws {SourceError} when the text is not what it should be
   */
  read(): Row | undefined;
}

/** The most columns that a table of any format has (a worksheet's). */
const MAX_COLUMNS = 16_384;

/**
 * Columns from an array of names, or of `{"name": …, "type": …}`; nothing where it is no such array.
 */
export function namedColumns(values: readonly unknown[]): readonly SourceColumn[] | undefined {
  if (values.length === 0 || values.length > MAX_COLUMNS) return undefined;
  const columns = values.map((value) => {
    if (typeof value === "string") return { name: value };
    if (typeof value !== "object" || value === null) return undefined;
    const { name, type, ...more } = value as Record<string, unknown>;
    if (typeof name !== "string" || Object.keys(more).length > 0) return undefined;
    if (type === undefined) return { name };
    const known = COLUMN_TYPES.find((other) => other === type);
    return known && { name, type: known };
  });
  return columns.every((column) => column !== undefined) ? columns : undefined;
}

/** Something wrong with a row. */
export class RowError extends SourceError {
  /** Which one, from 1. */
  readonly row: number;
  /** What is wrong. */
  readonly reason: string;

  constructor(row: number, reason: string, options: ErrorOptions) {
    super(`Cannot read row ${row}: ${reason}`, options);
    this.row = row;
    this.reason = reason;
  }
}

/** An error at a row, which is counted from 1. */
export function rowError(number: number, reason: string, cause?: unknown): RowError {
  return new RowError(number, reason, cause === undefined ? {} : { cause });
}
