/** Reads a sheet of an XLSX workbook as a stream of rows, in memory that does not grow with it. */

import type { RawRows, ReaderContext, UploadFile, UploadReader } from "../reader.ts";
import { toRowStream } from "../raw_rows.ts";
import { readCellStyles } from "./cell_styles.ts";
import { checkKind } from "./file_kind.ts";
import { openPackage } from "./package_parts.ts";
import { parseRange, WHOLE_SHEET } from "./references.ts";
import { readSharedStrings } from "./shared_strings.ts";
import { createSheetHandler } from "./sheet_handler.ts";
import { SheetRows } from "./sheet_rows.ts";
import { createRowScanner } from "./sheet_scanner.ts";
import { findSheet, readWorkbook } from "./workbook.ts";
import { readItems } from "./xml_items.ts";

/** Reads XLSX. */
export const xlsx: UploadReader = {
  open: async (file, context) => await toRowStream(await openSheet(file, context), context),
};

/** Sheets that are named where they are counted, of which a log line has room for some. */
const MAX_NAMED_SHEETS = 100;

/** Bytes of the XML of a row; its text is bounded by `maxRow`. */
const MAX_ROW_BYTES = 16 * 1024 * 1024;

/**
 * Opens the sheet that the caller asks for.
 *
 * @throws {UploadError} where the file is no workbook, or has no such sheet
 */
export async function openSheet(
  file: UploadFile,
  { reading, limits, note, scratch, signal }: Pick<
    ReaderContext,
    "reading" | "limits" | "note" | "scratch" | "signal"
  >,
): Promise<RawRows> {
  const range = reading.range === undefined ? WHOLE_SHEET : parseRange(reading.range);
  checkKind(file);
  const parts = openPackage(file);
  const workbook = await readWorkbook(parts);
  const sheet = findSheet(workbook, reading.sheet);
  for (const [index, other] of workbook.sheets.entries()) {
    const where = index < MAX_NAMED_SHEETS ? other.name : undefined;
    if (other !== sheet) note(other.hidden ? "hidden-sheet" : "sheet-skipped", where);
  }
  const rows = new SheetRows({
    sheet: sheet.name,
    range,
    styles: await readCellStyles(parts, workbook.styles),
    strings: await readSharedStrings(parts, workbook.sharedStrings, { scratch, signal }),
    is1904: workbook.is1904,
    limits,
    note,
  });
  const turns = readItems(sheet.part, parts.content(sheet.part), {
    container: "sheetData",
    item: "row",
    get full() {
      return rows.full;
    },
    handler: createSheetHandler(rows, sheet.name, note),
    scan: createRowScanner(rows),
  }, MAX_ROW_BYTES);
  let ended = false;
  return {
    async read() {
      if (!ended) ended = (await turns.next()).done === true;
      return rows.take();
    },
    async close() {
      ended = true;
      await turns.return(undefined);
    },
  };
}
