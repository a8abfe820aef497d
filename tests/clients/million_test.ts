/** A workbook of more rows than a sheet holds, as the programs read it that people use. */

import assert from "node:assert/strict";
import type { Batch, Column, Row } from "../../table/table.ts";
import { xlsx } from "../../exporters/xlsx/mod.ts";
import { Warnings } from "../../exporters/warnings.ts";
import { readZip } from "../exporters/xlsx/read_zip.ts";
import { readerTest } from "./programs.ts";
import { assertFinds, type Wanted } from "./reader.ts";
import { READERS } from "./readers.ts";
import { validate, validatorTest } from "./validator.ts";
import { ZIP_READERS } from "./zip_readers.ts";

/** One more than the rows of a sheet (Excel's specifications and limits), headers not counted. */
const ROWS = 1_048_577;

/** The rows of the first sheet, under its header. */
const FIRST_ROWS = 1_048_575;

const COLUMNS: readonly Column[] = [
  { name: "id", title: "No.", type: "integer" },
  { name: "status", title: "Status", type: "string" },
  { name: "amount", title: "Amount", type: "decimal" },
];

const HEADER = COLUMNS.map(({ title }) => title);

const STATUSES = ["new", "paid & sent", " held ", "<void>", "한국어"];

function status(index: number): string {
  return STATUSES[index % STATUSES.length]!;
}

/** Hundredths, of seven different digits at most. */
function cents(index: number): number {
  return index * 7919 % 10_000_019;
}

function row(index: number): Row {
  const digits = String(cents(index)).padStart(3, "0");
  return [index + 1, status(index), `${digits.slice(0, -2)}.${digits.slice(-2)}`];
}

function* wanted(): Generator<Wanted> {
  for (let index = 0; index < ROWS; index++) {
    if (index === 0) yield* ["Million", HEADER];
    if (index === FIRST_ROWS) yield* ["Million (2)", HEADER];
    yield [index + 1, status(index), cents(index) / 100];
  }
}

/** The rows in batches of a thousand. */
function batches(): ReadableStream<Batch> {
  let next = 0;
  return new ReadableStream<Batch>({
    pull(controller) {
      const rows = Math.min(1000, ROWS - next);
      if (rows === 0) return controller.close();
      controller.enqueue(Array.from({ length: rows }, () => row(next++)));
    },
  }, { highWaterMark: 0 });
}

let folder: string | undefined;
let file: Promise<string> | undefined;

/** The workbook, which is written when it is first asked for. */
function millionFile(): Promise<string> {
  return file ??= (async () => {
    folder = await Deno.makeTempDir({ prefix: "spillway-million-" });
    const path = `${folder}/million.xlsx`;
    const { writable } = await Deno.create(path);
    const table = { title: "Million", columns: COLUMNS, batches: batches() };
    await xlsx.encode(table, {}, new Warnings()).pipeTo(writable);
    return path;
  })();
}

Deno.test.afterAll(() => {
  if (folder !== undefined) Deno.removeSync(folder, { recursive: true });
});

/** All readers take eleven minutes more, and 3 GB. */
const SOAK = Deno.env.get("SPILLWAY_SOAK") === "1";

/**
 * Readers that do not run each time, and what they took of a core. Those that do took from 9 s (hucre)
 * to 62 s (openpyxl, read-only), and up to 1.2 GB (SheetJS).
 */
const SLOW: Readonly<Record<string, string>> = {
  "openpyxl": "63 s and 1.4 GB",
  "LibreOffice, to XLSX again,": "59 s, and 1.3 GB before SheetJS takes 1.6 GB",
  "ExcelJS": "29 s and 2.7 GB",
  // It shifts rows off a queue that holds all of them: twice the rows took four times as long, from
  // 5 s for 100,000 to 57 s for 400,000.
  "hucre, streaming,": "9 minutes",
};

for (const reader of READERS) {
  const { name, programs } = reader;
  readerTest(
    `${name} reads every value of a workbook of ${ROWS.toLocaleString("en")} rows`,
    programs,
    async () => assertFinds(reader, await millionFile(), wanted()),
    SOAK || SLOW[name] === undefined ? undefined : `${SLOW[name]}: only with SPILLWAY_SOAK=1`,
  );
}

validatorTest(
  `the Open XML SDK finds nothing wrong with a workbook of ${ROWS.toLocaleString("en")} rows`,
  async () => assert.deepEqual(await validate(await millionFile()), []),
  SOAK ? undefined : "42 s and 2.4 GB: only with SPILLWAY_SOAK=1",
);

for (const { name, programs, list } of ZIP_READERS) {
  readerTest(
    `${name} reads every entry of a workbook of ${ROWS.toLocaleString("en")} rows`,
    programs,
    async () => {
      const path = await millionFile();
      const wanted = readZip(await Deno.readFile(path))
        .map(({ name, content }) => `${name} ${content.length}`);
      assert.deepEqual(await list(path), wanted);
    },
  );
}
