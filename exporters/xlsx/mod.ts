/** Writes XLSX workbooks (ECMA-376): rows in, ZIP bytes out, in constant memory. */

import type { Batch, Table } from "../../sources/table.ts";
import { type Exporter, TableError } from "../exporter.ts";
import type { Warnings } from "../warnings.ts";
import { type SheetLimits, writeWorkbook } from "./package.ts";
import { createZip } from "./zip.ts";

/** Columns of a worksheet (Excel's specifications and limits). */
const MAX_COLUMNS = 16_384;

/** Rows of a worksheet. */
const MAX_ROWS = 1_048_576;

/**
 * Bytes of a worksheet's XML: 4 GiB is where ZIP64 begins, which no reader of streamed worksheets
 * reads; a sheet that is stored (level 0) grows by 5 bytes in 64 KiB.
 */
const MAX_SHEET_BYTES = 2 ** 32 - 2 ** 24;

/** Level 2 deflates 284 MB/s of sheet XML to a fifth; level 6 takes thrice as long for 14 % less. */
const DEFLATE_LEVEL = 2;

/**
 * Makes the exporter.
 *
 * @param limits where a new sheet begins; for tests, since a real sheet takes minutes to fill
 */
export function createXlsx(limits: Partial<SheetLimits> = {}): Exporter {
  const { rowsPerSheet = MAX_ROWS, bytesPerSheet = MAX_SHEET_BYTES } = limits;
  return {
    key: "xlsx",
    mediaType: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    options: ["header"],
    compressible: false,
    encode(table, { header = true, deflateLevel = DEFLATE_LEVEL }, warnings) {
      if (table.columns.length > MAX_COLUMNS) {
        throw new TableError(
          `Cannot write ${table.columns.length} columns to a worksheet: it holds ${MAX_COLUMNS}`,
        );
      }
      return encode(table, { header, rowsPerSheet, bytesPerSheet }, deflateLevel, warnings);
    },
  };
}

/** The exporter of XLSX workbooks. */
export const xlsx: Exporter = createXlsx();

function encode(
  table: Table,
  options: SheetLimits & { readonly header: boolean },
  deflateLevel: number,
  warnings: Warnings,
): ReadableStream<Uint8Array> {
  const reader = table.batches.getReader();
  const zip = createZip(deflateLevel);
  let cancelled = false;

  async function read(): Promise<Batch | undefined> {
    return (await reader.read()).value;
  }

  const workbook = writeWorkbook(table, read, zip, options, warnings);

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        for (;;) {
          const { done } = await workbook.next();
          if (cancelled) return;
          const chunk = zip.take();
          if (chunk) controller.enqueue(chunk);
          if (done) return controller.close();
          if (chunk) return;
        }
      } catch (error) {
        if (cancelled) return;
        // A row that cannot be written must not leave its query open. Not awaited: the reader of
        // the result learns of the error now. Where the batches failed, there is nothing to cancel.
        zip.abort(error);
        reader.cancel(error).catch(() => {});
        throw error;
      }
    },
    cancel(reason) {
      cancelled = true;
      zip.abort(reason);
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
