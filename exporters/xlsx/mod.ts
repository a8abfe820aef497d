/** Writes XLSX workbooks (ECMA-376): rows in, ZIP bytes out, in constant memory. */

import { type Exporter, TableError } from "../exporter.ts";
import { chunkStream } from "./chunk_stream.ts";
import { createWorkbook, type WorkbookOptions } from "./package.ts";
import { createZip } from "./zip.ts";

/** Columns of a worksheet (Excel's specifications and limits). */
const MAX_COLUMNS = 16_384;

/** Rows of a worksheet. */
const MAX_ROWS = 1_048_576;

/**
 * Bytes of a worksheet's XML. At 4 GiB begins ZIP64, which no reader of streamed worksheets reads;
 * the row that passes this limit is one string, so below 2^29 units of at most 3 bytes.
 */
const MAX_SHEET_BYTES = 2 ** 31;

/** Level 2 deflates 460 MB/s of sheet XML to a seventh; level 6 takes 4 times as long for 18 % less. */
const DEFLATE_LEVEL = 2;

/**
 * Makes the exporter.
 *
 * @param limits where a new sheet begins; for tests, since a real sheet takes minutes to fill
 */
export function createXlsx(limits: Partial<Omit<WorkbookOptions, "header">> = {}): Exporter {
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
      const options = { header, rowsPerSheet, bytesPerSheet };
      const writeWorkbook = createWorkbook(table, options, warnings);
      return chunkStream(
        table.batches,
        (read, output) => writeWorkbook(read, createZip(output, deflateLevel)),
      );
    },
  };
}

/** The exporter of XLSX workbooks. */
export const xlsx: Exporter = createXlsx();
