/** Knows the order of a workbook's parts, and where one sheet ends and the next begins. */

import type { Batch, Table } from "../../sources/table.ts";
import { Warnings } from "../warnings.ts";
import { contentTypesXml, sheetPath } from "./content_types.ts";
import { relationshipsXml } from "./relationships.ts";
import { createSheetXml, type SheetXml } from "./sheet.ts";
import { createSheetNames } from "./sheet_names.ts";
import { createStyles } from "./styles.ts";
import { columnWidths } from "./widths.ts";
import { workbookXml, type WrittenSheet } from "./workbook.ts";
import type { Zip } from "./zip.ts";

/** What a sheet may hold. */
export interface SheetLimits {
  /** Rows of a sheet, the header included. @default 1,048,576 */
  readonly rowsPerSheet: number;
  /** Bytes of a sheet's XML. @default a little below 4 GiB */
  readonly bytesPerSheet: number;
}

/** UTF-16 units gathered before they are encoded: enough that a call costs nothing. */
const TEXT_UNITS = 64 * 1024;

/**
 * The first row leaves as soon as it is read, and so do the others of a first batch of 256. Both
 * are places among the rows, not among the batches, so that the same rows give the same bytes.
 */
const EARLY_ROWS = 256;

/** UTF-8 takes no more bytes for a UTF-16 unit. */
const BYTES_A_UNIT = 3;

/** Room for what comes after the last row. */
const TAIL_BYTES = 256;

/**
 * Writes a workbook, and yields wherever bytes of it are ready, so that nothing is read and nothing
 * is built for which nobody has asked. The first batch is read before the first byte is written.
 */
export async function* writeWorkbook(
  table: Table,
  read: () => Promise<Batch | undefined>,
  zip: Zip,
  options: SheetLimits & { readonly header: boolean },
  warnings: Warnings,
): AsyncGenerator<void, void, void> {
  const { columns, title } = table;
  const { header, rowsPerSheet, bytesPerSheet } = options;
  const headerRows = header && columns.length > 0 ? 1 : 0;
  let batch = await read();

  const styles = createStyles(columns);
  const widths = columnWidths(columns, batch?.[0] ?? [], header);
  const xml: SheetXml = createSheetXml(columns, { header, styles, widths }, warnings);
  // A row that turns out to be the first of the next sheet is written again, and counted once.
  const again: SheetXml = createSheetXml(columns, { header, styles, widths }, new Warnings());
  const nextName = createSheetNames(title);
  const sheets: WrittenSheet[] = [];
  let rows = 0;
  let text = "";

  async function beginSheet(): Promise<void> {
    await zip.begin(sheetPath(sheets.length));
    zip.write(xml.head(sheets.length === 0));
    rows = headerRows;
  }

  async function endSheet(): Promise<void> {
    zip.write(text + xml.tail(rows));
    text = "";
    await zip.end();
    sheets.push({ name: nextName(), filterColumns: headerRows && columns.length, rows });
  }

  async function nextSheet(): Promise<void> {
    await endSheet();
    await beginSheet();
  }

  /** Whether a row would lead past the bytes of the sheet; the first row of a sheet never does. */
  function isTooLong(row: string): boolean {
    const units = text.length + row.length;
    return rows > headerRows && zip.size() + units * BYTES_A_UNIT + TAIL_BYTES > bytesPerSheet;
  }

  await zip.add(
    "_rels/.rels",
    relationshipsXml([{ type: "officeDocument", target: "xl/workbook.xml" }]),
  );
  await zip.add("xl/styles.xml", styles.xml);
  await beginSheet();
  for (let written = 0; batch; batch = await read()) {
    for (const cells of batch) {
      if (rows >= rowsPerSheet && rows > headerRows) await nextSheet();
      let row = xml.row(cells, rows + 1);
      if (isTooLong(row)) {
        await nextSheet();
        row = again.row(cells, rows + 1);
      }
      rows++;
      written++;
      text += row;
      const early = written === 1 || written === EARLY_ROWS;
      if (!early && text.length < TEXT_UNITS) continue;
      zip.write(text);
      text = "";
      if (early) zip.flush();
      else yield;
    }
    yield;
  }
  await endSheet();

  // What names every sheet can only come after the last.
  await zip.add("xl/workbook.xml", workbookXml(sheets));
  await zip.add(
    "xl/_rels/workbook.xml.rels",
    relationshipsXml([
      ...sheets.map((_, index) => ({
        type: "worksheet" as const,
        target: sheetPath(index).slice("xl/".length),
      })),
      { type: "styles", target: "styles.xml" },
    ]),
  );
  await zip.add("[Content_Types].xml", contentTypesXml(sheets.length));
  await zip.close();
}
