/** Workbooks of ours against ECMA-376; `part_order_test.ts` tests the checker. */

import assert from "node:assert/strict";
import { createXlsx, xlsx } from "../../../exporters/xlsx/mod.ts";
import type { Column, Row, Table } from "../../../table/table.ts";
import { Warnings } from "../../../exporters/warnings.ts";
import { featureWorkbook, FORMS } from "../../clients/features.ts";
import { NASTY_CELLS, NASTY_COLUMNS } from "../../clients/nasty_table.ts";
import { column, exportTable, tableOf } from "../tables.ts";
import { workbookProblems } from "./part_order.ts";

const COLUMNS: readonly Column[] = [
  column("id", "integer"),
  column("status"),
  { ...column("at", "datetime", "Asia/Seoul"), width: 20, align: "right" },
];

const ROWS: readonly Row[] = Array.from(
  { length: 2500 },
  (_, index) => [index, ["new", "paid", " held "][index % 3]!, "2026-01-02T03:04:05Z"],
);

/** What a table is, and the table; `style: table` needs a part of its own. */
const TABLES:
  readonly (readonly [name: string, columns: readonly Column[], rows: readonly Row[]])[] = [
    ["of everything that ever went wrong", NASTY_COLUMNS, NASTY_CELLS],
    ["of more rows than a sheet holds", COLUMNS, ROWS],
    ["without rows", COLUMNS, []],
    ["of one row", COLUMNS, ROWS.slice(0, 1)],
    ["without columns", [], [[], []]],
    ["without columns and rows", [], []],
    ["of more columns than letters", Array.from({ length: 800 }, (_, at) => column(`c${at}`)), [
      Array.from({ length: 800 }, (_, at) => at),
    ]],
  ];

for (const { form, sharedStrings } of FORMS) {
  Deno.test(`a workbook of every feature ${form} is as ECMA-376 has it`, async () => {
    assert.deepEqual(workbookProblems(await featureWorkbook(sharedStrings)), []);
  });

  for (const [name, columns, rows] of TABLES) {
    for (const style of ["plain", "table"] as const) {
      for (const header of [true, false]) {
        const title = `a ${style} ${header ? "" : "headless "}workbook ${name}, ${form},`;
        Deno.test(`${title} is as ECMA-376 has it`, async () => {
          const table: Table = { ...tableOf(columns, rows), style };
          const { bytes } = await exportTable(createXlsx({ rowsPerSheet: 1000 }), table, {
            header,
            sharedStrings,
          });
          assert.deepEqual(workbookProblems(bytes), []);
        });
      }
    }
  }

  Deno.test(`a workbook of several tables ${form} is as ECMA-376 has it`, async () => {
    const tables = TABLES.map(([, columns, rows], index): Table => ({
      ...tableOf(columns, rows),
      style: index % 2 === 0 ? "table" : "plain",
    }));
    const stream = xlsx.encodeAll!(tables, { sharedStrings, about: [] }, new Warnings());
    assert.deepEqual(workbookProblems(await new Response(stream).bytes()), []);
  });
}
