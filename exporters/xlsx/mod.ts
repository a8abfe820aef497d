/** Writes XLSX workbooks (ECMA-376): rows in, ZIP bytes out, in constant memory. */

import type { Batch } from "../../sources/table.ts";
import { type Exporter, TableError } from "../exporter.ts";
import { createWorkbook, type ReadBatch, type WorkbookOptions } from "./package.ts";
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

/**
 * Makes a stream of what a function writes, that reads batches only while somebody waits for bytes.
 *
 * zip.js writes where it wants to, and its streams read ahead; so the one who waits opens a gate,
 * and the chunk that comes closes it, both for the batches and for what zip.js writes next.
 */
function chunkStream(
  batches: ReadableStream<Batch>,
  write: (read: ReadBatch, output: WritableStream<Uint8Array>) => Promise<void>,
): ReadableStream<Uint8Array> {
  const reader = batches.getReader();
  let writing: Promise<void> | undefined;
  let gate = Promise.withResolvers<void>();

  async function run(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const output = new WritableStream<Uint8Array>({
      write(chunk) {
        gate = Promise.withResolvers();
        // Copied: the buffer of a header is not the chunk's own. Throws after a cancel.
        controller.enqueue(chunk.slice());
        return gate.promise;
      },
    });
    async function read(): Promise<Batch | undefined> {
      await gate.promise;
      try {
        return (await reader.read()).value;
      } catch (error) {
        // Now, and not by way of zip.js, which writes properties of its own on an error.
        controller.error(error);
        throw new Error("Cannot read the batches", { cause: error });
      }
    }
    try {
      await write(read, output);
      controller.close();
    } catch (error) {
      // Neither does anything after a cancel or after an error of the batches. A row that cannot be
      // written must not leave its query open; not awaited, so that the error is known now.
      controller.error(error);
      reader.cancel(error).catch(() => {});
      gate.resolve();
    }
  }

  return new ReadableStream<Uint8Array>({
    pull(controller) {
      gate.resolve();
      writing ??= run(controller);
    },
    cancel(reason) {
      gate.resolve();
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
