/** Workbooks of the programs that people have: read as what was written, and as openpyxl and LibreOffice read them. */

import assert from "node:assert/strict";
import ExcelJS from "exceljs";
import { writeXlsx } from "hucre/xlsx";
import * as sheetJs from "xlsx";
import { createXlsx } from "../../../../exporters/xlsx/mod.ts";
import { exportTable, tableOf } from "../../../exporters/tables.ts";
import { saveAs } from "../../../clients/office.ts";
import { readOfficeCsvs, readOpenpyxl, sameOfficeText } from "../../../clients/program_readers.ts";
import { type Program, PYTHON, readerTest, runProgram } from "../../../clients/programs.ts";
import {
  assertFinds,
  type ReadValue,
  type Wanted,
  type WantedValue,
} from "../../../clients/reader.ts";
import { readSpillway } from "../../../clients/spillway_reader.ts";
import { openFile } from "../../../../sources/upload/files.ts";
import type { Cell } from "../../../../table/table.ts";
import { readSheet } from "./workbook_file.ts";

/** A cell to write: `[type, value]` where JSON has no such value; of a formula its text and its result. */
type Written =
  | Cell
  | readonly ["date" | "datetime" | "time", string]
  | readonly ["duration", number];

/** Rows, and what each cell is read as. */
const HEADER = ["text", "integer", "number", "flag", "day", "moment", "clock", "span"];
const WRITTEN: readonly (readonly Written[])[] = [
  HEADER,
  ["plain", 1, 0.1, true, ["date", "2026-01-02"], ["datetime", "2026-01-02T03:04:05"], [
    "time",
    "03:04:05",
  ], ["duration", 129_900]],
  [
    "größe 한국어 👍",
    -7,
    1.1,
    false,
    ["date", "1999-12-31"],
    ["datetime", "2026-01-02T03:04:05.250"],
    ["time", "23:59:59"],
    ["duration", 1],
  ],
  [
    "<b>&amp;</b> \"q\" 'a'",
    123456789012345,
    1e21,
    null,
    ["date", "1900-03-01"],
    ["datetime", "9999-12-31T23:59:58"],
    null,
    null,
  ],
  ["two\nlines", 0, 12345.6789012346, null, null, null, null, null],
  [" spaces  around ", 999999999, 2.5e-7, true, null, null, null, null],
  ["007", null, -0.3, null, null, null, null, null],
];
const EXPECTED: readonly (readonly Cell[])[] = [
  HEADER,
  ["plain", 1, 0.1, true, "2026-01-02", "2026-01-02T03:04:05", "03:04:05", "PT36H5M"],
  ["größe 한국어 👍", -7, 1.1, false, "1999-12-31", "2026-01-02T03:04:05.25", "23:59:59", "PT1S"],
  ["<b>&amp;</b> \"q\" 'a'", 123456789012345, 1e21, null, "1900-03-01", "9999-12-31T23:59:58"],
  ["two\nlines", 0, 12345.6789012346],
  [" spaces  around ", 999999999, 2.5e-7, true],
  ["007", null, -0.3],
];

/** Writes workbooks of the table into a folder. */
type Writer = (folder: string) => Promise<void>;

function isDate(cell: Written): cell is readonly ["date" | "datetime" | "time", string] {
  return Array.isArray(cell) && cell[0] !== "duration";
}

/** A cell for packages of JavaScript: a `Date` of UTC, a time of the day that such packages know. */
function javascriptCell(cell: Written): string | number | boolean | Date | null {
  if (!Array.isArray(cell)) return cell as string | number | boolean | null;
  if (!isDate(cell)) return Number(cell[1]) / 86_400;
  const [type, text] = cell;
  if (type === "time") return new Date(`1970-01-01T${text}Z`).getTime() / 86_400_000;
  return new Date(type === "date" ? `${text}T00:00:00Z` : `${text}Z`);
}

const FORMATS: Readonly<Record<string, string>> = {
  date: "yyyy-mm-dd",
  datetime: "yyyy-mm-dd hh:mm:ss.000",
  time: "hh:mm:ss",
  duration: "[h]:mm:ss",
};

function formatOf(cell: Written): string | undefined {
  return Array.isArray(cell) ? FORMATS[cell[0] as string] : undefined;
}

function python(program: string): Writer {
  return async (folder) => {
    const script = new URL("./write_workbooks.py", import.meta.url).pathname;
    await runProgram(PYTHON, ["-B", script, folder, program], { input: JSON.stringify(WRITTEN) });
  };
}

async function exceljs(folder: string): Promise<void> {
  const fill = (sheet: ExcelJS.Worksheet) => {
    for (const cells of WRITTEN) {
      const row = sheet.addRow(cells.map(javascriptCell));
      cells.forEach((cell, index) => {
        const format = formatOf(cell);
        if (format !== undefined) row.getCell(index + 1).numFmt = format;
      });
      row.commit();
    }
  };
  const book = new ExcelJS.Workbook();
  fill(book.addWorksheet("Data"));
  await book.xlsx.writeFile(`${folder}/exceljs.xlsx`);
  for (const useSharedStrings of [false, true]) {
    const stream = new ExcelJS.stream.xlsx.WorkbookWriter({
      filename: `${folder}/exceljs-stream-${useSharedStrings}.xlsx`,
      useStyles: true,
      useSharedStrings,
    });
    const sheet = stream.addWorksheet("Data");
    fill(sheet);
    sheet.commit();
    await stream.commit();
  }
}

async function sheetjs(folder: string): Promise<void> {
  const cells = WRITTEN.map((row) => row.map(javascriptCell));
  // Its dates are wall clocks of this machine's zone: serials with a format are what they are.
  const serials = cells.map((row) =>
    row.map((cell) => cell instanceof Date ? cell.getTime() / 86_400_000 + 25_569 : cell)
  );
  const sheet = sheetJs.utils.aoa_to_sheet(serials);
  WRITTEN.forEach((row, r) =>
    row.forEach((cell, c) => {
      const format = formatOf(cell);
      if (format !== undefined) sheet[sheetJs.utils.encode_cell({ r, c })].z = format;
    })
  );
  const book = sheetJs.utils.book_new();
  sheetJs.utils.book_append_sheet(book, sheet, "Data");
  for (const bookSST of [false, true]) {
    const bytes = sheetJs.write(book, {
      type: "array",
      bookType: "xlsx",
      bookSST,
      compression: bookSST,
    });
    await Deno.writeFile(`${folder}/sheetjs-${bookSST}.xlsx`, new Uint8Array(bytes));
  }
}

async function hucre(folder: string): Promise<void> {
  const columns = WRITTEN[1]!.map((cell) => {
    const format = formatOf(cell);
    return format === undefined ? {} : { numFmt: format };
  });
  const rows = WRITTEN.map((row) => row.map(javascriptCell));
  const bytes = await writeXlsx({ sheets: [{ name: "Data", columns, rows }] });
  await Deno.writeFile(`${folder}/hucre.xlsx`, bytes);
}

async function spillway(folder: string): Promise<void> {
  const types = [
    "string",
    "integer",
    "number",
    "boolean",
    "date",
    "datetime",
    "time",
    "duration",
  ] as const;
  const columns = HEADER.map((name, index) => ({ name, title: name, type: types[index]! }));
  const rows = WRITTEN.slice(1).map((row) =>
    row.map((cell): Cell => Array.isArray(cell) ? cell[1] : cell as Cell)
  );
  for (const sharedStrings of [true, false]) {
    const { bytes } = await exportTable(
      createXlsx(),
      { ...tableOf(columns, rows), title: "Data" },
      {
        sharedStrings,
      },
    );
    await Deno.writeFile(`${folder}/spillway-${sharedStrings}.xlsx`, bytes);
  }
}

/** LibreOffice, of what openpyxl has written. */
async function libreOffice(folder: string): Promise<void> {
  const source = `${folder}/source`;
  await Deno.mkdir(source);
  await python("openpyxl")(source);
  const files = ["normal", "write-only"].map((way) => `${source}/openpyxl-${way}.xlsx`);
  await saveAs("xlsx", files, folder);
  for (const way of ["normal", "write-only"]) {
    await Deno.rename(`${folder}/openpyxl-${way}.xlsx`, `${folder}/libreoffice-${way}.xlsx`);
  }
}

const WRITERS: Readonly<Record<string, { programs: readonly Program[]; write: Writer }>> = {
  openpyxl: { programs: ["openpyxl"], write: python("openpyxl") },
  XlsxWriter: { programs: ["xlsxwriter"], write: python("xlsxwriter") },
  LibreOffice: { programs: ["openpyxl", "soffice"], write: libreOffice },
  ExcelJS: { programs: [], write: exceljs },
  SheetJS: { programs: [], write: sheetjs },
  hucre: { programs: [], write: hucre },
  Spillway: { programs: [], write: spillway },
};

/** Whether two readers found one value: of dates and times serials, which each counts in its own way. */
function sameFound(wanted: WantedValue, found: ReadValue): boolean {
  if (typeof wanted === "number" && typeof found === "number") {
    return wanted === found || Math.abs(wanted - found) < 1e-9;
  }
  return wanted === found;
}

/**
 * Numbers of 15 digits, which LibreOffice writes, and seconds with a fraction. It drops the spaces around text that has
 * no `xml:space`, as ExcelJS writes it.
 */
function sameOffice(wanted: WantedValue, found: ReadValue): boolean {
  if (typeof wanted === "string" && typeof found === "string") {
    return wanted.trim() === found.trim();
  }
  if (typeof wanted !== "number" || typeof found !== "string") return sameOfficeText(wanted, found);
  if (Number(wanted.toPrecision(15)) === Number(found)) return true;
  const [, whole, fraction] = /^(.*:\d\d)(\.\d+)?$/.exec(found) ?? [];
  if (whole === undefined) return sameOfficeText(wanted, found);
  const shown = fraction === undefined ? Math.floor(wanted * 86_400 + 1e-3) / 86_400 : wanted;
  return sameOfficeText({ serial: shown - Number(fraction ?? 0) / 86_400 }, whole);
}

/** The files of a writer, made once. */
const made = new Map<string, Promise<readonly string[]>>();
let folder: string | undefined;

Deno.test.afterAll(() => {
  if (folder !== undefined) Deno.removeSync(folder, { recursive: true });
});

function filesOf(name: string): Promise<readonly string[]> {
  folder ??= Deno.makeTempDirSync({ prefix: "spillway-upload-" });
  const own = `${folder}/${name}`;
  let files = made.get(name);
  if (!files) made.set(name, files = makeFiles(own, WRITERS[name]!.write));
  return files;
}

async function makeFiles(folder: string, write: Writer): Promise<readonly string[]> {
  await Deno.mkdir(folder);
  await write(folder);
  const entries = await Array.fromAsync(Deno.readDir(folder));
  return entries.filter(({ isFile }) => isFile).map(({ name }) => `${folder}/${name}`);
}

for (const [name, { programs }] of Object.entries(WRITERS)) {
  readerTest(`a workbook of ${name} is read as it was written`, programs, async () => {
    for (const path of await filesOf(name)) {
      using file = openFile(path);
      const { rows } = await readSheet(file);
      assert.deepEqual(rows, EXPECTED, path);
    }
  });

  readerTest(
    `a workbook of ${name} is read as openpyxl reads it`,
    [...programs, "openpyxl"],
    async () => {
      for (const path of await filesOf(name)) {
        const wanted = await Array.fromAsync(readOpenpyxl(path, "normal"));
        await assertFinds({ read: readSpillway, agrees: sameFound }, path, wanted);
      }
    },
  );
}

readerTest(
  "workbooks of all of them are read as LibreOffice reads them",
  ["openpyxl", "xlsxwriter", "soffice"],
  async () => {
    const files = (await Promise.all(Object.keys(WRITERS).map(filesOf))).flat();
    const wanted: Wanted[] = [];
    for (const path of files) wanted.push(...await Array.fromAsync(readSpillway(path)));
    const read = () => readOfficeCsvs(files);
    await assertFinds({ read, agrees: sameOffice }, "", wanted);
  },
);
