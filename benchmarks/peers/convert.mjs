/** Converts a file with another library, on Node: `convert.mjs LIBRARY INPUT OUTPUT`, XLSX or CSV each. */

import { createReadStream, createWriteStream, readFileSync } from "node:fs";
import { once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const [library, input, output] = process.argv.slice(2);
const toCsv = output.endsWith(".csv");

/** A field as `csv-stringify` and others write it. */
function field(value) {
  if (value === null || value === undefined) return "";
  const text = value instanceof Date ? value.toISOString() : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Writes rows of values as CSV. */
async function writeCsv(rows) {
  const file = createWriteStream(output);
  let text = "";
  for await (const row of rows) {
    text += `${row.map(field).join(",")}\r\n`;
    if (text.length < 64 * 1024) continue;
    if (!file.write(text)) await once(file, "drain");
    text = "";
  }
  file.end(text);
  await once(file, "close");
}

/** The rows of a CSV file, as `csv-parse` gives them, numbers as numbers. */
async function* readCsv() {
  const { parse } = await import("csv-parse");
  const number = /^-?(?:0|[1-9]\d{0,14})(?:\.\d+)?$/;
  for await (const row of createReadStream(input).pipe(parse())) {
    yield row.map((text) => number.test(text) ? Number(text) : text);
  }
}

const CONVERTERS = {
  async hucre() {
    const { streamXlsxRows, writeXlsxStream } = await import("hucre/xlsx");
    if (!toCsv) {
      const stream = writeXlsxStream(readCsv(), { name: "Data" });
      return await pipeline(Readable.fromWeb(stream), createWriteStream(output));
    }
    async function* rows() {
      for await (const { values } of streamXlsxRows(readFileSync(input))) yield values;
    }
    await writeCsv(rows());
  },
  async exceljs() {
    const { default: ExcelJS } = await import("exceljs");
    if (!toCsv) {
      const workbook = new ExcelJS.stream.xlsx.WorkbookWriter({
        stream: createWriteStream(output),
      });
      const sheet = workbook.addWorksheet("Data");
      let count = 0;
      for await (const row of readCsv()) {
        sheet.addRow(row).commit();
        // It has no back pressure.
        if (++count % 1000 === 0) await new Promise(setImmediate);
      }
      sheet.commit();
      return await workbook.commit();
    }
    const workbook = new ExcelJS.stream.xlsx.WorkbookReader(input, { worksheets: "emit" });
    async function* rows() {
      for await (const sheet of workbook) {
        for await (const row of sheet) yield row.values.slice(1);
      }
    }
    await writeCsv(rows());
  },
  async sheetjs() {
    const { default: XLSX } = await import("xlsx");
    const workbook = XLSX.readFile(input, { dense: true });
    if (!toCsv) return XLSX.writeFile(workbook, output, { compression: true });
    XLSX.stream.set_readable(Readable);
    const [name] = workbook.SheetNames;
    await pipeline(XLSX.stream.to_csv(workbook.Sheets[name]), createWriteStream(output));
  },
};

await CONVERTERS[library]();
