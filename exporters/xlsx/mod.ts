/** Writes XLSX workbooks (ECMA-376): rows in, ZIP bytes out, in constant memory. */

import type { Table } from "../../table/table.ts";
import { type Exporter, type IdleCores, TableError } from "../exporter.ts";
import type { Warnings } from "../warnings.ts";
import { chunkStream } from "./chunk_stream.ts";
import { DEFLATE_LEVEL, type XlsxOptions } from "./options.ts";
import { createWorkbook } from "./package.ts";
import type { SheetLimits } from "./table_sheets.ts";
import { createZip } from "./zip.ts";

/** Columns of a worksheet (Excel's specifications and limits). */
const MAX_COLUMNS = 16_384;

/** Rows of a worksheet. */
const MAX_ROWS = 1_048_576;

/**
 * Bytes of a worksheet's XML. At 4 GiB begins ZIP64, which no reader of streamed worksheets reads;
 * the row that passes this limit has at most 1 GiB (`xml_bytes.ts`).
 */
const MAX_SHEET_BYTES = 2 ** 31;

/** Where the caller names no idle cores, there are none. */
const NO_CORES: IdleCores = { idle: 0 };

/**
 * Makes the exporter.
 *
 * @param limits where a new sheet begins; for tests, since a real sheet takes minutes to fill
 */
export function createXlsx(limits: Partial<SheetLimits> = {}): Exporter<XlsxOptions> {
  const { rowsPerSheet = MAX_ROWS, bytesPerSheet = MAX_SHEET_BYTES } = limits;

  function encodeAll(
    tables: readonly Table[],
    options: XlsxOptions,
    warnings: Warnings,
    cores: IdleCores = NO_CORES,
  ): ReadableStream<Uint8Array> {
    for (const { columns } of tables) {
      if (columns.length > MAX_COLUMNS) {
        throw new TableError(
          `Cannot write ${columns.length} columns to a worksheet: it holds ${MAX_COLUMNS}`,
        );
      }
    }
    const { deflateLevel = DEFLATE_LEVEL } = options;
    const writeWorkbook = createWorkbook(
      tables,
      options,
      { rowsPerSheet, bytesPerSheet },
      warnings,
    );
    return chunkStream(
      tables.map(({ batches }) => batches),
      (reads, output) => writeWorkbook(reads, createZip(output, { level: deflateLevel, cores })),
    );
  }

  return {
    encode: (table, options, warnings, cores) => encodeAll([table], options, warnings, cores),
    encodeAll,
  };
}

/** The exporter of XLSX workbooks. */
export const xlsx: Exporter<XlsxOptions> = createXlsx();
