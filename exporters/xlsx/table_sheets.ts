/** Writes the rows of one table as worksheets, and knows where one ends and the next begins. */

import type { Batch, Row, Table } from "../../table/table.ts";
import type { Read } from "../batch_stream.ts";
import type { Warnings } from "../warnings.ts";
import { BLOCK_BYTES } from "./block_deflater.ts";
import type { Blocks } from "./deflate_blocks.ts";
import { createSheetXml, type SheetOptions } from "./sheet.ts";
import { columnWidths, WIDTH_ROWS } from "./widths.ts";
import { XmlBytes } from "./xml_bytes.ts";

/** Where a sheet ends and the next one begins. */
export interface SheetLimits {
  /** Rows of a sheet, the header included; two at least. */
  readonly rowsPerSheet: number;
  /** Bytes of a sheet's XML, after which no row is added to it. */
  readonly bytesPerSheet: number;
}

/** The sheets of one table, written one after the other. */
export interface TableSheets {
  /** Reads the first batch; before it, no sheet can be written. */
  begin(read: Read<Batch>): Promise<void>;
  /** The XML of the next sheet; what it returns is how many rows it has, the header too. */
  nextSheet(first: boolean): Blocks<number>;
  /** What stands above the columns, once the first sheet is begun. */
  readonly titles: readonly string[];
  /** Whether rows are left for another sheet. */
  readonly more: boolean;
}

/**
 * Makes what writes a table's sheets.
 *
 * @param warnings counts the cells that a worksheet cannot hold as they are
 * @throws {RangeError} when a time zone is not known
 */
export function createTableSheets(
  { columns }: Pick<Table, "columns">,
  { rowsPerSheet, bytesPerSheet, ...options }: SheetOptions & SheetLimits,
  warnings: Warnings,
): TableSheets {
  const sheet = createSheetXml(columns, options, warnings);
  const headerRows = options.header && columns.length > 0 ? 1 : 0;
  const block = new XmlBytes(BLOCK_BYTES);
  const ahead: Batch[] = [];
  let read!: Read<Batch>;
  let batch: Batch | undefined;
  let next = 0;
  let widths: readonly number[] | undefined;

  /** Reads ahead the rows that decide; they are the batch in hand and those of `ahead`. */
  async function beginSheets(): Promise<readonly number[]> {
    const rows: Row[] = [...batch ?? []];
    for (let more = batch; more && rows.length < WIDTH_ROWS;) {
      more = await read();
      if (more) ahead.push(more);
      rows.push(...more ?? []);
    }
    const first = rows.slice(0, WIDTH_ROWS);
    sheet.begin(first);
    const titled = columns.map((column, index) => ({ ...column, title: sheet.titles[index]! }));
    return columnWidths(titled, first, options.header);
  }

  return {
    async begin(from) {
      read = from;
      batch = await read();
    },
    // A block ends after some row, whatever the batches are: the same rows give the same bytes.
    async *nextSheet(first) {
      // Not before the other parts: what leaves first waits for no second batch.
      widths ??= await beginSheets();
      block.addXml(sheet.head(widths, first));
      let rows = headerRows;
      let bytes = 0;
      fill:
      for (; batch; batch = ahead.shift() ?? await read(), next = 0) {
        for (; next < batch.length; next++) {
          if (rows >= rowsPerSheet || bytes + block.length >= bytesPerSheet) break fill;
          sheet.row(batch[next]!, ++rows, block);
          if (block.length < BLOCK_BYTES) continue;
          bytes += block.length;
          block.reuse(yield block.take());
        }
      }
      block.addXml(sheet.tail(rows));
      yield block.take();
      return rows;
    },
    get titles() {
      return sheet.titles;
    },
    get more() {
      return batch !== undefined;
    },
  };
}
