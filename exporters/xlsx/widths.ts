/** Chooses the widths of columns that have none given, from the first rows. */

import type { Cell, Column, Row } from "../../table/table.ts";
import { columnFormat } from "./styles.ts";

/** Widths in characters of the default font: wide enough to click, narrow enough to see others. */
const MIN_WIDTH = 8;
const MAX_WIDTH = 60;

/** Text differs in length more than anything else: less would hide most of it. */
const MIN_TEXT_WIDTH = 16;

/** The room around a value, and beside a title for the button of the filter. */
const PADDING = 2;
const FILTER_BUTTON = 3;

/** What later numbers, or their format, may take more than the first ones do. */
const NUMBER_ROOM = 4;

/** What a later fraction of a second may take: of `.000`, the point is narrow, as are `-` and `:`. */
const FRACTION_ROOM = 2;

/**
 * How many rows decide: not those of the first batch, as the same rows give the same bytes, however
 * they were batched.
 */
export const WIDTH_ROWS = 100;

/**
 * The width of each column in characters: its own, else one from its type, its title and the first
 * {@linkcode WIDTH_ROWS} rows.
 */
export function columnWidths(
  columns: readonly Column[],
  rows: readonly Row[],
  header: boolean,
): readonly number[] {
  return columns.map((column, index) => {
    if (column.width !== undefined) return column.width;
    // Null is as wide as its column's type: an empty table has columns of dates that show dates.
    let width = Math.max(
      cellWidth(null, column),
      header ? textWidth(column.title) + FILTER_BUTTON : 0,
    );
    for (const row of rows) width = Math.max(width, cellWidth(row[index], column));
    return Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, width + PADDING));
  });
}

function cellWidth(cell: Cell = null, column: Column): number {
  switch (column.type) {
    case "date":
      return columnFormat(column)!.length;
    case "datetime":
    case "time":
    case "duration":
      return columnFormat(column)!.length + (column.format ? 0 : FRACTION_ROOM);
    case "boolean":
      return "FALSE".length;
    case "integer":
    case "number":
    case "decimal":
      return typeof cell === "object"
        ? 0
        : String(cell).length + NUMBER_ROOM + currencyWidth(column.format);
    default:
      return Math.max(MIN_TEXT_WIDTH, typeof cell === "string" ? textWidth(cell) : 0);
  }
}

/** What a format writes before an amount: `EUR ` of `[$EUR] #,##0.00` (ECMA-376 part 1, 18.8.31). */
function currencyWidth(format = ""): number {
  return /^\[\$([^\]-]*)[^\]]*\] /.exec(format)?.[1]?.length ?? 0;
}

/** The longest line of a text; a character that two Latin ones are as wide as counts twice. */
function textWidth(text: string): number {
  const start = text.slice(0, 4 * MAX_WIDTH);
  if (LATIN.test(start)) return start.length;
  let longest = 0;
  let width = 0;
  for (const character of start) {
    if (character === "\n") width = 0;
    else width += WIDE.test(character) ? 2 : 1;
    longest = Math.max(longest, width);
  }
  return longest;
}

const LATIN = /^[\x20-\x7e]*$/;

// Hangul Jamo to the CJK blocks, the full-width forms, and everything beyond the first plane that
// is in use: near enough to UAX #11 (Wide, Fullwidth) for a guess.
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
