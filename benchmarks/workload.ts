/** The audit workload: ten columns of a log, in memory as a source gives them or in a database. */

import { AUDIT_COLUMNS, auditRows, createDemo } from "../examples/demo_data.ts";
import { BATCH_ROWS } from "../sources/source.ts";
import type { Batch, Cell, Table } from "../table/table.ts";

/** Cells in a row. */
export const WIDTH = AUDIT_COLUMNS.length;

/** The columns' titles, in order. */
export const TITLES: readonly string[] = AUDIT_COLUMNS.map(({ title }) => title);

/** What XLSX shows datetimes as. */
export const DATETIME_FORMAT = "yyyy-mm-dd hh:mm:ss";

/** Rows, in the batches of a source; mutable only because peers ask for mutable arrays. */
export type Batches<C = Cell> = C[][][];

/** What peers take for a worksheet: a `Date` is what they write as a date. */
export type WorksheetCell = string | number | boolean | Date | null;

/** Makes the first rows of the log, to be kept. */
export function auditBatches(count: number): Batches {
  return [...eachAuditBatch(count)].map((batch) => batch.map((row) => row.map(flat)));
}

/** Makes the first rows of the log as they are asked for. */
export function* eachAuditBatch(count: number): Generator<Cell[][], void, undefined> {
  for (let made = 0; made < count; made += BATCH_ROWS) {
    yield [...auditRows(Math.min(BATCH_ROWS, count - made), made + 1)];
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Text in one piece, as SQLite gives it: what is joined from parts, whoever reads it first joins. */
function flat(cell: Cell): Cell {
  return typeof cell === "string" ? decoder.decode(encoder.encode(cell)) : cell;
}

/**
 * The same rows with a `Date` for a datetime and a number for a decimal, which is how the peers are
 * told to write dates and numbers. Making them is not measured: Spillway reads them from text.
 */
export function worksheetBatches(batches: Batches): Batches<WorksheetCell> {
  return batches.map((batch) => batch.map(worksheetRow));
}

/** One of those rows. */
export function worksheetRow(row: readonly unknown[]): WorksheetCell[] {
  return row.map((cell, index) => {
    const { type } = AUDIT_COLUMNS[index]!;
    if (type === "datetime") return new Date(`${String(cell).replace(" ", "T")}Z`);
    return type === "decimal" && cell !== null ? Number(cell) : cell as WorksheetCell;
  });
}

/** The rows as the table that an exporter takes. */
export function auditTable(batches: Iterable<Batch>): Table {
  const each = batches[Symbol.iterator]();
  return {
    title: "Audit log",
    columns: AUDIT_COLUMNS,
    batches: new ReadableStream<Batch>({
      pull(controller) {
        const { done, value } = each.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    }, { highWaterMark: 0 }),
  };
}

/** Makes a database whose table `audit` is the log. */
export function createAuditDatabase(path: string, rows: number): void {
  createDemo(path, { auditRows: rows, invoices: 0 });
}
