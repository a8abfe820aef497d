/** A workbook that we wrote, read and written again: the cells of both are the same. */

import assert from "node:assert/strict";
import { AUDIT_COLUMNS, auditRows } from "../../../../examples/demo_data.ts";
import { createXlsx } from "../../../../exporters/xlsx/mod.ts";
import { xlsx } from "../../../../sources/upload/xlsx/mod.ts";
import type { Row, Table } from "../../../../table/table.ts";
import { NASTY_CELLS, NASTY_COLUMNS } from "../../../clients/nasty_table.ts";
import { exportTable, tableOf } from "../../../exporters/tables.ts";
import { contextOf, fileOf } from "../upload.ts";
import { readSheet } from "./workbook_file.ts";

/** The table that a workbook is read as. */
async function tableIn(bytes: Uint8Array): Promise<Table> {
  const { context } = contextOf({ maxRow: 2 ** 24 });
  const { columns, batches } = await xlsx.open(fileOf(bytes), context);
  return {
    title: "Table",
    columns: columns.map(({ name, type = "string" }) => ({ name, title: name, type })),
    batches,
  };
}

async function assertRoundTrip(table: Table, rows: number): Promise<readonly Row[]> {
  const settings = { maxRow: 2 ** 24 };
  const { bytes } = await exportTable(createXlsx(), table);
  const first = await readSheet(bytes, settings);
  assert.equal(first.rows.length, rows);
  const again = await exportTable(createXlsx(), await tableIn(bytes));
  assert.deepEqual((await readSheet(again.bytes, settings)).rows, first.rows);
  return first.rows;
}

Deno.test("a table of everything that ever went wrong", async () => {
  const rows = await assertRoundTrip(tableOf(NASTY_COLUMNS, NASTY_CELLS), NASTY_CELLS.length + 1);
  const columns = ["label", "amount", "day", "moment", "local", "span"] as const;
  const found = columns.map((name) => {
    const index = NASTY_COLUMNS.findIndex((column) => column.name === name);
    return rows.slice(1).map((row) => row[index] ?? null).filter((cell) => cell !== null);
  });
  const [labels, amounts, days, moments, locals, spans] = found;
  assert.ok(labels!.includes("_x0041_ and _x000D_"));
  assert.ok(labels!.includes("carriage return\rin the middle"));
  assert.ok(labels!.includes("\u0001\u0002\u0007\b\u000b\f\u000e\u001b\u001f\u007f"));
  assert.deepEqual(amounts!.slice(0, 5), [12.5, -0.1, 0, 1234567.89, 999999999999.99]);
  assert.deepEqual(days!.slice(0, 4), ["2026-01-02", "2024-02-29", "1900-03-01", "1900-02-28"]);
  assert.ok(moments!.includes("2026-12-31T23:30:00.123456"));
  assert.ok(locals!.includes("2026-01-02T04:04:05"));
  assert.deepEqual(spans!.slice(0, 3), ["PT36H5M", "PT24H2S", "PT0S"]);
});

Deno.test("the audit log, its types included", async () => {
  const log = [...auditRows(3000)];
  await assertRoundTrip(tableOf(AUDIT_COLUMNS, log), 3001);
  const { bytes } = await exportTable(createXlsx(), tableOf(AUDIT_COLUMNS, log));
  const { columns } = await tableIn(bytes);
  assert.deepEqual(columns.map(({ title, type }) => `${title}: ${type}`), [
    "No.: integer",
    "When: datetime",
    "Who: string",
    "Action: string",
    "Resource: string",
    "IP address: string",
    "User agent: string",
    "Amount: number",
    "Success: boolean",
    "Note: string",
  ]);
});
