/** Tables to export in tests, and the bytes that come of them. */

import type { Batch, Column, ColumnType, Row, Table } from "../../table/table.ts";
import type { Exporter } from "../../exporters/exporter.ts";
import { type Warning, Warnings } from "../../exporters/warnings.ts";

/** A column whose title is its name. */
export function column(name: string, type: ColumnType = "string", timezone?: string): Column {
  return { name, title: name, type, ...(timezone === undefined ? {} : { timezone }) };
}

/** Rows in batches, ended by an error where one is given. */
export function batchesOf(
  rows: readonly Row[],
  batchRows = 256,
  error?: Error,
): ReadableStream<Batch> {
  let next = 0;
  return new ReadableStream<Batch>({
    pull(controller) {
      if (next < rows.length) {
        controller.enqueue(rows.slice(next, next += batchRows));
      } else if (error) controller.error(error);
      else controller.close();
    },
  }, { highWaterMark: 0 });
}

/** A table of rows in memory. */
export function tableOf(
  columns: readonly Column[],
  rows: readonly Row[],
  batchRows?: number,
  error?: Error,
): Table {
  return { title: "Table", columns, batches: batchesOf(rows, batchRows, error) };
}

/** A whole file and what was counted while it was written. */
export interface Exported {
  readonly bytes: Uint8Array;
  readonly warnings: readonly Warning[];
}

/** Exports a table to the end. */
export async function exportTable<Options>(
  exporter: Exporter<Options>,
  table: Table,
  options: NoInfer<Options> = {} as Options,
): Promise<Exported> {
  const warnings = new Warnings();
  const response = new Response(exporter.encode(table, options, warnings));
  return { bytes: await response.bytes(), warnings: warnings.list() };
}

/** Exports a table as text, a byte order mark included. */
export async function exportText<Options>(
  exporter: Exporter<Options>,
  columns: readonly Column[],
  rows: readonly Row[],
  options: NoInfer<Options> = {} as Options,
): Promise<string> {
  const { bytes } = await exportTable(exporter, tableOf(columns, rows), options);
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}
