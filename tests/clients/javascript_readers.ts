/** Reads workbooks with the packages that programs in JavaScript read them with. */

import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import ExcelJS from "exceljs";
import { dateToSerial } from "hucre";
import { readXlsx, streamXlsxRows } from "hucre/xlsx";
import * as sheetJs from "xlsx";
import type { Found, ReadValue } from "./reader.ts";

/** SheetJS, which leaves dates as the serials that they are. */
export async function* readSheetJs(file: string): AsyncGenerator<Found> {
  const book = sheetJs.read(await Deno.readFile(file), { type: "array", dense: true });
  for (const name of book.SheetNames) {
    yield name;
    yield* sheetJs.utils.sheet_to_json<ReadValue[]>(book.Sheets[name]!, {
      header: 1,
      raw: true,
      defval: null,
      blankrows: true,
    });
  }
}

/** ExcelJS, which reads the whole file. */
export async function* readExcelJs(file: string): AsyncGenerator<Found> {
  const book = new ExcelJS.Workbook();
  await book.xlsx.readFile(file);
  for (const sheet of book.worksheets) {
    yield sheet.name;
    for (let row = 1; row <= sheet.rowCount; row++) yield excelJsRow(sheet.getRow(row).values);
  }
}

/** The reader of ExcelJS that takes a stream, row by row. */
export async function* streamExcelJs(file: string): AsyncGenerator<Found> {
  let left = false;
  const book: ExcelJS.stream.xlsx.WorkbookReader = new ExcelJS.stream.xlsx.WorkbookReader(
    Readable.from(withoutHaste(file, () => left || "workbookRels" in book)),
    { worksheets: "emit", sharedStrings: "cache", hyperlinks: "ignore", styles: "cache" },
  );
  try {
    for await (const sheet of book) {
      yield (sheet as unknown as { name: string }).name;
      let last = 0;
      for await (const row of sheet) {
        while (++last < row.number) yield [];
        yield excelJsRow(row.values);
      }
    }
  } finally {
    // It may have failed, or nobody wants more.
    left = true;
  }
}

/** Bytes of the end of central directory record, without a comment (APPNOTE 4.3.16). */
const END_BYTES = 22;

/**
 * The bytes of a file, but those that say that it ends only when ExcelJS has the part that it needs last.
 * unzipper, which it reads with, announces its end once it has taken every byte (parse.js), and ExcelJS
 * then leaves (iterate-stream.js), be there entries that it has not fetched: of the small file of
 * `features_test.ts` it found one sheet of seven in three runs of six.
 */
async function* withoutHaste(file: string, hasAll: () => boolean): AsyncGenerator<Uint8Array> {
  const end = (await Deno.stat(file)).size - END_BYTES;
  yield* createReadStream(file, { end: end - 1 });
  while (!hasAll()) await new Promise((resolve) => setTimeout(resolve, 1));
  yield* createReadStream(file, { start: end });
}

/** The cells of a row; the first is at 1. */
function excelJsRow(values: ExcelJS.RowValues): readonly ReadValue[] {
  return Array.from(values as ExcelJS.CellValue[], excelJsValue).slice(1);
}

function excelJsValue(value: ExcelJS.CellValue): ReadValue {
  // Days since 1899-12-30, of a wall clock that is given as UTC.
  if (value instanceof Date) return value.getTime() / 86_400_000 + 25_569;
  if (value === null || value === undefined) return null;
  if (typeof value !== "object") return value;
  if ("richText" in value) return value.richText.map(({ text }) => text).join("");
  if ("result" in value) return excelJsValue(value.result as ExcelJS.CellValue);
  throw new TypeError(`Cannot compare ${JSON.stringify(value)}`);
}

/** hucre, which reads the whole file. */
export async function* readHucre(file: string): AsyncGenerator<Found> {
  const book = await readXlsx(await Deno.readFile(file));
  for (const { name, rows } of book.sheets) {
    yield name;
    for (const row of rows) yield row.map(hucreValue);
  }
}

/** hucre's reader of rows, which takes a sheet at a time. */
export async function* streamHucre(file: string): AsyncGenerator<Found> {
  const names: string[] = [];
  await readXlsx(await Deno.readFile(file), {
    sheets({ name }) {
      names.push(name);
      return false;
    },
  });
  for (const name of names) {
    yield name;
    const { readable } = await Deno.open(file);
    let last = -1;
    for await (const { index, values } of streamXlsxRows(readable, { sheet: name })) {
      while (++last < index) yield [];
      yield values.map(hucreValue);
    }
  }
}

/** hucre counts the days of Excel's calendar, in which 1900 was a leap year, and so back again. */
function hucreValue(value: string | number | boolean | Date | null): ReadValue {
  return value instanceof Date ? dateToSerial(value) : value;
}
