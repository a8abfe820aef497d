/** XLSX, as the programs read it that people use. */

import assert from "node:assert/strict";
import { AUDIT_COLUMNS, auditRows } from "../../examples/demo_data.ts";
import { createXlsx } from "../../exporters/xlsx/mod.ts";
import { exportTable, tableOf } from "../exporters/tables.ts";
import { workbookProblems } from "../exporters/xlsx/part_order.ts";
import { readZip } from "../exporters/xlsx/read_zip.ts";
import {
  AUDIT_ROWS,
  type Exports,
  inSpreadsheet,
  INVOICES,
  startExports,
  type TestExport,
} from "./fixture.ts";
import { NASTY_ROWS } from "./nasty_table.ts";
import { saveAs } from "./office.ts";
import { readerTest, runScript } from "./programs.ts";
import { validate, validatorTest } from "./validator.ts";
import { ZIP_READERS } from "./zip_readers.ts";

/** A workbook, and what should be in it. */
interface Workbook {
  readonly of: TestExport;
  readonly file: string;
  readonly sheets: readonly { readonly name: string; readonly rows: number }[];
}

/** A workbook for each of the exports, and one of more sheets than one. */
async function workbooks(exports: Exports): Promise<readonly Workbook[]> {
  const { nasty, auditLog, invoices } = exports;
  return [
    {
      of: nasty,
      file: await exports.download("nasty.xlsx"),
      sheets: [{ name: "Nasty", rows: NASTY_ROWS }],
    },
    {
      of: auditLog,
      file: await exports.download("audit-log.xlsx"),
      sheets: [{ name: "Audit log", rows: AUDIT_ROWS }],
    },
    {
      of: invoices,
      file: await exports.download("invoices.xlsx"),
      sheets: [{ name: "Invoices", rows: INVOICES }],
    },
    await sheetsOfAThousand(exports),
  ];
}

/** A workbook whose sheets hold a thousand rows each, the header included. */
async function sheetsOfAThousand({ folder, auditLog }: Exports): Promise<Workbook> {
  const rows = [...auditRows(2500)];
  const { bytes } = await exportTable(
    createXlsx({ rowsPerSheet: 1000 }),
    { ...tableOf(AUDIT_COLUMNS, rows), title: "Bob's log" },
  );
  const file = `${folder}/sheets.xlsx`;
  await Deno.writeFile(file, bytes);
  return {
    of: {
      ...auditLog,
      columns: AUDIT_COLUMNS,
      query: "select * from audit order by id limit 2500",
    },
    file,
    sheets: [
      { name: "Bob's log", rows: 999 },
      { name: "Bob's log (2)", rows: 999 },
      { name: "Bob's log (3)", rows: 502 },
    ],
  };
}

/** How many rows and cells a script should have compared, besides what is around them. */
function assertCompared(counts: unknown, { of, sheets }: Workbook, others: number): void {
  const rows = sheets.reduce((sum, sheet) => sum + sheet.rows, 0);
  assert.deepEqual(counts, { rows, cells: rows * of.columns.length + others });
}

readerTest(
  "openpyxl reads every cell of a workbook, and what is around them",
  ["openpyxl"],
  async () => {
    await using exports = await startExports();
    for (const workbook of await workbooks(exports)) {
      const { of: { database, query }, file, sheets } = workbook;
      const columns = inSpreadsheet(workbook.of.columns);
      const counts = await runScript("compare_openpyxl.py", {
        columns,
        database,
        query,
        file,
        sheets,
      });
      // For each sheet: header, bold, range, filter, frozen row and widths; once: names, and the end.
      assertCompared(counts, workbook, sheets.length * (5 + columns.length) + 2);
    }
  },
);

readerTest(
  "LibreOffice reads every cell of a workbook, and shows it",
  ["python", "soffice"],
  async () => {
    await using exports = await startExports();
    const books = await workbooks(exports);
    const saved = await saveAgain(exports.folder, "workbooks", books.map(({ file }) => file));
    for (const [index, workbook] of books.entries()) {
      const { of: { database, query }, sheets } = workbook;
      const columns = inSpreadsheet(workbook.of.columns);
      const spec = { columns, database, query, file: saved[index], sheets };
      const counts = await runScript("compare_office.py", spec);
      // For each sheet its header; once: names, filters, and the end.
      assertCompared(counts, workbook, sheets.length + 3);
    }
  },
);

readerTest(
  "LibreOffice runs no formula of a guarded CSV, and some without the guard",
  ["soffice"],
  async () => {
    await using exports = await startExports();
    const files = ["unguarded.csv", "nasty.csv", "invoices.csv"];
    const paths = [];
    for (const file of files) paths.push(await exports.download(file));
    const formulas = [];
    for (const path of await saveAgain(exports.folder, "guarded", paths)) {
      const text = await Deno.readTextFile(path);
      formulas.push([...text.matchAll(/ table:formula="([^"]*)"/g)].map(([, formula]) => formula));
    }
    assert.ok(formulas[0]!.includes("of:=1+1"), `unguarded, it runs ${formulas[0]}`);
    assert.deepEqual(formulas.slice(1), [[], []]);
  },
);

/** Opens files in LibreOffice and saves them as flat OpenDocument; gives the new paths. */
async function saveAgain(
  folder: string,
  name: string,
  paths: readonly string[],
): Promise<readonly string[]> {
  const output = `${folder}/${name}`;
  await saveAs("fods", paths, output);
  return paths.map((path) => `${output}/${path.split("/").at(-1)!.replace(/\.\w+$/, ".fods")}`);
}

/** The entries of a workbook of so many sheets, in their order. */
function entries(sheets: number): readonly string[] {
  return [
    "_rels/.rels",
    "xl/styles.xml",
    ...Array.from({ length: sheets }, (_, index) => `xl/worksheets/sheet${index + 1}.xml`),
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "[Content_Types].xml",
  ];
}

/** Runs a check over each workbook's file. */
async function eachWorkbook(check: (workbook: Workbook) => Promise<void>): Promise<void> {
  await using exports = await startExports();
  for (const workbook of await workbooks(exports)) await check(workbook);
}

for (const { name, programs, list } of ZIP_READERS) {
  readerTest(
    `${name} reads every entry of a workbook and finds no error`,
    programs,
    () =>
      eachWorkbook(async ({ file, sheets }) => {
        const wanted = readZip(await Deno.readFile(file))
          .map(({ name, content }) => `${name} ${content.length}`);
        const found = await list(file);
        assert.deepEqual(found, wanted);
        const names = found.map((line) => line.split(" ")[0]!);
        assert.deepEqual(
          // There is such a part where strings repeat.
          names.filter((name) => name !== "xl/sharedStrings.xml"),
          entries(sheets.length),
        );
      }),
  );
}

validatorTest(
  "the Open XML SDK finds nothing wrong with a workbook",
  () =>
    eachWorkbook(async ({ file }) => {
      assert.deepEqual(await validate(file), []);
    }),
);

Deno.test("every part of a workbook is as ECMA-376 has it", () =>
  eachWorkbook(async ({ file }) => {
    assert.deepEqual(workbookProblems(await Deno.readFile(file)), []);
  }));
