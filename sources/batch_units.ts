/** Says how large rows are, so that a batch of wide ones has few. */

import type { Row } from "../table/table.ts";

/** UTF-16 units of text and bytes of binary cells after which a batch is full, however few rows it has. */
export const BATCH_UNITS = 256 * 1024;

/** Those of a row. */
export function unitsOf(row: Row): number {
  let units = 0;
  for (let index = 0; index < row.length; index++) {
    const cell = row[index];
    if (typeof cell === "string" || typeof cell === "object" && cell !== null) units += cell.length;
  }
  return units;
}
