/** Knows the order of a workbook's parts, and where one sheet ends and the next begins. */

import type { Batch, Row, Table } from "../../sources/table.ts";
import { createUtf8Chunk } from "../utf8_chunk.ts";
import type { Warnings } from "../warnings.ts";
import { contentTypesXml, sheetPath } from "./content_types.ts";
import { relationshipsXml } from "./relationships.ts";
import { createSheetXml } from "./sheet.ts";
import { createSheetNames } from "./sheet_names.ts";
import { createStyles } from "./styles.ts";
import { columnWidths, WIDTH_ROWS } from "./widths.ts";
import { workbookXml, type WrittenSheet } from "./workbook.ts";
import type { Zip } from "./zip.ts";

/** How to write a workbook. */
export interface WorkbookOptions {
  /** Whether the first row of each sheet holds the titles. */
  readonly header: boolean;
  /** Rows of a sheet, the header included; two at least. */
  readonly rowsPerSheet: number;
  /** Bytes of a sheet's XML, after which no row is added to it. */
  readonly bytesPerSheet: number;
}

/** Reads the next batch; undefined after the last. */
export type ReadBatch = () => Promise<Batch | undefined>;

/** Bytes of sheet XML that go to zip.js at once: enough that a piece costs nothing. */
const PIECE_BYTES = 64 * 1024;

/**
 * Makes the function that writes a table as a workbook. It reads the first batch before it writes
 * the first byte, and reads on as the bytes are taken.
 *
 * @param warnings counts the cells that a worksheet cannot hold as they are
 * @throws {TableError} when a number format is none
 * @throws {RangeError} when a time zone is not known
 */
export function createWorkbook(
  { title, columns }: Pick<Table, "title" | "columns">,
  { header, rowsPerSheet, bytesPerSheet }: WorkbookOptions,
  warnings: Warnings,
): (read: ReadBatch, zip: Zip) => Promise<void> {
  const styles = createStyles(columns);
  const xml = createSheetXml(columns, { header, styles }, warnings);
  const headerRows = header && columns.length > 0 ? 1 : 0;
  const filterColumns = headerRows === 0 ? 0 : columns.length;

  return async function writeWorkbook(read, zip) {
    const piece = createUtf8Chunk(PIECE_BYTES);
    const nextName = createSheetNames(title);
    const sheets: WrittenSheet[] = [];
    const ahead: Batch[] = [];
    let batch = await read();
    let next = 0;
    let widths: readonly number[] | undefined;

    /** Reads ahead the rows that decide; they are the batch in hand and those of `ahead`. */
    async function chooseWidths(): Promise<readonly number[]> {
      const rows: Row[] = [...batch ?? []];
      for (let more = batch; more && rows.length < WIDTH_ROWS;) {
        more = await read();
        if (more) ahead.push(more);
        rows.push(...more ?? []);
      }
      return columnWidths(columns, rows.slice(0, WIDTH_ROWS), header);
    }

    // A piece ends after some row, whatever the batches are: the same rows give the same bytes.
    async function* sheetXml(): AsyncGenerator<Uint8Array, void, void> {
      // Not before the other parts: what leaves first waits for no second batch.
      widths ??= await chooseWidths();
      piece.add(xml.head(widths, sheets.length === 0));
      let rows = headerRows;
      let bytes = 0;
      fill:
      for (; batch; batch = ahead.shift() ?? await read(), next = 0) {
        for (; next < batch.length; next++) {
          if (rows >= rowsPerSheet || bytes >= bytesPerSheet) break fill;
          piece.add(xml.row(batch[next]!, ++rows));
          if (piece.bytes < PIECE_BYTES) continue;
          bytes += piece.bytes;
          yield piece.take().bytes;
        }
      }
      sheets.push({ name: nextName(), filterColumns, rows });
      piece.add(xml.tail(rows));
      yield piece.take().bytes;
    }

    await zip.add(
      "_rels/.rels",
      relationshipsXml([{ type: "officeDocument", target: "xl/workbook.xml" }]),
    );
    await zip.add("xl/styles.xml", styles.xml);
    do {
      await zip.addStream(sheetPath(sheets.length), ReadableStream.from(sheetXml()));
    } while (batch);

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
  };
}
