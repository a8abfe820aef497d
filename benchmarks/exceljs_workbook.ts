/** Begins the audit log's workbook with ExcelJS, as each of its benchmarks writes it. */

import ExcelJS from "exceljs";
import type { Writable } from "node:stream";
import { AUDIT_COLUMNS } from "../examples/demo_data.ts";
import { DATETIME_FORMAT } from "./workload.ts";

/** Inline strings, which are its fastest; styles, without which a date is a number. */
export function beginWorkbook(
  stream: Writable,
): { workbook: ExcelJS.stream.xlsx.WorkbookWriter; sheet: ExcelJS.Worksheet } {
  const workbook = new ExcelJS.stream.xlsx.WorkbookWriter({
    stream,
    useStyles: true,
    useSharedStrings: false,
    zip: { zlib: { level: 2 } },
  });
  const sheet = workbook.addWorksheet("Audit log");
  sheet.columns = AUDIT_COLUMNS.map(({ title, type }) => ({
    header: title,
    ...(type === "datetime" ? { style: { numFmt: DATETIME_FORMAT } } : {}),
  }));
  return { workbook, sheet };
}
