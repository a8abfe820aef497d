/**
 * The functions that SQLite calls with the rows of a query.
 *
 * Deno 2.9.6 frees no function that a database was given, nor what it holds on to: a worker that made one
 * for each run grew from 18 to 418 MB in 57,000 runs. So these are the same for every database, hold on
 * to nothing, and pass a row on to the reader that has SQLite step just now.
 */

import type { DatabaseSync } from "node:sqlite";
import type { Cell } from "../../table/table.ts";

/** What takes the rows of a query; none of its methods may throw, or a statement would never end. */
export interface RowReader {
  /** Takes a row whose integers are safe ones, as numbers; true where SQLite is to stop. */
  takeRow(values: Cell[]): boolean;
  /** Takes a row whose integers are all `bigint`; true where SQLite is to stop, or to pass its bytes. */
  takeExactRow(values: Cell[]): boolean;
  /** Takes the bytes of each cell of the row that was taken last; true where SQLite is to stop. */
  takeBytes?(bytes: readonly Cell[]): boolean;
}

/** A query cannot know it, and so cannot call them. */
const SECRET = crypto.getRandomValues(new Uint8Array(8)).toHex();

/** The function of {@linkcode RowReader.takeRow}, in SQL. */
export const ROW = `spillway_row_${SECRET}`;
/** The function of {@linkcode RowReader.takeExactRow}. */
export const EXACT_ROW = `spillway_exact_row_${SECRET}`;
/** The function of {@linkcode RowReader.takeBytes}. */
export const BYTES = `spillway_bytes_${SECRET}`;

let current: RowReader | undefined;

const takeRow = (...values: Cell[]) => current!.takeRow(values) ? 1 : 0;
const takeExactRow = (...values: Cell[]) => current!.takeExactRow(values) ? 1 : 0;
const takeBytes = (...bytes: Cell[]) => current!.takeBytes!(bytes) ? 1 : 0;

/** Gives a database the functions. */
export function registerFunctions(database: DatabaseSync): void {
  database.function(ROW, { varargs: true }, takeRow);
  database.function(EXACT_ROW, { varargs: true, useBigIntArguments: true }, takeExactRow);
  database.function(BYTES, { varargs: true }, takeBytes);
}

/** What iterates over a statement that calls them; `last` is 1 in its last row, after which all came. */
export type RowSteps = Iterator<{ readonly last: number }>;

/** Takes a step, with the rows for this reader. */
export function stepFor(
  reader: RowReader,
  steps: RowSteps,
): IteratorResult<{ readonly last: number }> {
  current = reader;
  try {
    return steps.next();
  } finally {
    current = undefined;
  }
}
