/** Reads the names of cells and ranges the A1 way, and writes those of columns. */

import { UploadError } from "../reader.ts";
import { quoted } from "../../quoted.ts";

/** The most columns of a worksheet: up to `XFD` (Excel's specifications and limits). */
export const MAX_COLUMNS = 16_384;

/** Its most rows. */
export const MAX_ROWS = 1_048_576;

/** Cells of a sheet, each number from 1 and included. */
export interface CellRange {
  /** The row that it starts with. */
  readonly firstRow: number;
  /** The row that it ends with. */
  readonly lastRow: number;
  /** The column that it starts with. */
  readonly firstColumn: number;
  /** The column that it ends with. */
  readonly lastColumn: number;
}

/** All that a sheet can have. */
export const WHOLE_SHEET: CellRange = {
  firstRow: 1,
  lastRow: MAX_ROWS,
  firstColumn: 1,
  lastColumn: MAX_COLUMNS,
};

/**
 * Reads a range: `B3:F100`, `B:F`, `3:100`, `B3`, each also with `$`, from the first corner to the last.
 *
 * @throws {UploadError} where it is none
 */
export function parseRange(text: string): CellRange {
  const [, from, to] = /^([^:]+)(?::([^:]+))?$/.exec(text.trim().toUpperCase()) ?? [];
  const first = parseCorner(from);
  const last = to === undefined ? first : parseCorner(to);
  // `B:F` is whole columns and `3:5` whole rows; `B` or `B:F3` is nothing.
  const isAlike = first !== undefined && last !== undefined &&
    (first.row === undefined) === (last.row === undefined) &&
    (first.column === undefined) === (last.column === undefined);
  const isCell = first?.row !== undefined && first.column !== undefined;
  if (!isAlike || to === undefined && !isCell) throw noRange(text);
  const range = {
    firstRow: first.row ?? 1,
    lastRow: last.row ?? MAX_ROWS,
    firstColumn: first.column ?? 1,
    lastColumn: last.column ?? MAX_COLUMNS,
  };
  if (range.firstRow > range.lastRow || range.firstColumn > range.lastColumn) throw noRange(text);
  return range;
}

function noRange(text: string): UploadError {
  return new UploadError(`${quoted(text)} is no range of a sheet, such as B3:F100 or B:F`, {
    option: "range",
  });
}

function parseCorner(
  text = "",
): { row: number | undefined; column: number | undefined } | undefined {
  const [match, letters, digits] = /^\$?([A-Z]{1,3})?\$?(\d{1,7})?$/.exec(text) ?? [];
  if (!match || letters === undefined && digits === undefined) return undefined;
  const column = letters === undefined ? undefined : columnNumber(letters);
  const row = digits === undefined ? undefined : Number(digits);
  if (column !== undefined && column > MAX_COLUMNS) return undefined;
  return row === undefined || row > 0 && row <= MAX_ROWS ? { row, column } : undefined;
}

/** The number of a column, from 1: `A` is 1, `XFD` is 16,384. */
export function columnNumber(letters: string): number {
  let number = 0;
  for (let at = 0; at < letters.length; at++) {
    number = number * 26 + letters.charCodeAt(at) - 0x40;
  }
  return number;
}

/** The letters of a column by its number, from 1. */
export function columnLetters(number: number): string {
  let letters = "";
  for (let rest = number; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    letters = String.fromCharCode(0x41 + (rest - 1) % 26) + letters;
  }
  return letters;
}
