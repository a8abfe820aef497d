/** Gathers the rows that SQLite calls with, until a batch is complete. */

import { Buffer } from "node:buffer";
import { BATCH_UNITS, unitsOf } from "../batch_units.ts";
import { rowTooLarge } from "../max_row.ts";
import type { SourceError } from "../source.ts";
import type { RowReader } from "./functions.ts";
import type { PreparedQuery } from "./query.ts";
import type { Batch, Cell, Row } from "../../table/table.ts";

/** How large rows and batches may be. */
export interface BatchLimits {
  /** Rows in a full batch. */
  readonly batchRows: number;
  /** The most bytes of a row. */
  readonly maxRow: number;
}

/** Every so many rows, from the first of a batch on, the clock is read: 80 ns, a tenth of a row. */
const CLOCK_ROWS = 8;

/** The rows of one run. */
export class RowGatherer implements RowReader {
  /** The rows of the batch. */
  rows: Row[] = [];
  /** Why there are no more. */
  error: SourceError | undefined;
  /** When the batch is complete, however few rows it has. */
  due = 0;
  #units = 0;

  readonly #query: PreparedQuery;
  readonly #limits: BatchLimits;

  /** Makes what gathers the rows of a query. */
  constructor(query: PreparedQuery, limits: BatchLimits) {
    this.#query = query;
    this.#limits = limits;
  }

  /** The batch, after which another begins. */
  complete(): Batch {
    const { rows } = this;
    this.rows = [];
    this.#units = 0;
    return rows;
  }

  takeRow(values: Cell[]): boolean {
    this.#query.readNumbers(values);
    return this.#add(values);
  }

  takeExactRow(values: Cell[]): boolean {
    this.#query.readExact(values);
    return this.#add(values);
  }

  #add(cells: readonly Cell[]): boolean {
    const units = unitsOf(cells);
    const { batchRows, maxRow } = this.#limits;
    // A unit of UTF-16 is three bytes of UTF-8 at most.
    if (3 * units > maxRow && sizeOf(cells) > maxRow) {
      this.error = rowTooLarge(maxRow);
      return true;
    }
    const count = this.rows.push(cells);
    this.#units += units;
    return count === batchRows || this.#units >= BATCH_UNITS ||
      count % CLOCK_ROWS === 1 && performance.now() >= this.due;
  }
}

/** Bytes of a row's text and blobs. */
function sizeOf(cells: readonly Cell[]): number {
  return cells.reduce<number>(
    (bytes, cell) =>
      bytes +
      (typeof cell === "string"
        ? Buffer.byteLength(cell)
        : typeof cell === "object" && cell !== null
        ? cell.length
        : 0),
    0,
  );
}
