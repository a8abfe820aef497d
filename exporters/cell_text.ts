/** Writes a cell as text, where a format has no type of its own for it. */

import type { Cell, Column } from "../table/table.ts";
import {
  type DateTimeStyle,
  formatDateTime,
  parseDateTime,
  toZone,
  type ZoneOffset,
} from "../table/datetime.ts";
import { zoneOffsets } from "../table/time_zone.ts";

/** A cell that is not null. */
export type Value = NonNullable<Cell>;

/** What a format may choose. */
export interface CellTextOptions {
  /** How a `Uint8Array` is written. @default "base64" */
  readonly binary?: "base64" | "hex";
  /** How a datetime is written in a column with a time zone. @default "rfc3339" */
  readonly datetime?: DateTimeStyle;
}

/**
 * Makes the function that writes the cells of a column, whatever their type: every digit of a
 * number, `true` and `false`, text as it is. Only a datetime in a column with a time zone changes, and
 * for a spreadsheet any: it is written as that zone's wall clock shows it, or as UTC's; text that is no
 * datetime stays what it is.
 *
 * @throws {RangeError} when the column's time zone is not known
 */
export function createCellText(
  column: Column,
  options: CellTextOptions = {},
): (value: Value) => string {
  const { binary = "base64", datetime = "rfc3339" } = options;
  const clock = createClock(column, datetime);

  return function cellText(value) {
    switch (typeof value) {
      case "string":
        return clock ? clock(value) : value;
      case "number":
        return numberText(value);
      case "bigint":
      case "boolean":
        return String(value);
      default:
        return binary === "hex" ? "\\x" + value.toHex() : value.toBase64();
    }
  };
}

/** Makes the function that writes text in a column of datetimes; undefined where all text stays. */
function createClock(
  column: Column,
  style: DateTimeStyle,
): ((text: string) => string) | undefined {
  if (isZoned(column)) {
    const offsets = zoneOffsets(column.timezone);
    return (text) => {
      const read = parseDateTime(text);
      return read ? formatDateTime(toZone(read, offsets), style) ?? text : text;
    };
  }
  if (column.type !== "datetime" || style === "rfc3339") return undefined;
  return (text) => {
    if (isPlainClock(text)) return text;
    const read = parseDateTime(text);
    return read ? formatDateTime(read.offset ? toZone(read, UTC) : read, style) ?? text : text;
  };
}

const UTC: ZoneOffset = () => 0;

/** Whether text may be `2026-01-02 03:04:05`, which a spreadsheet reads as it is. */
function isPlainClock(text: string): boolean {
  return text.length === 19 && text.charCodeAt(10) === SPACE && text.charCodeAt(16) === COLON;
}

const SPACE = 0x20;
const COLON = 0x3a;

/** Whether a column's datetimes move to a time zone. */
export function isZoned(column: Column): column is Column & { readonly timezone: string } {
  return column.type === "datetime" && column.timezone !== undefined;
}

/** The shortest digits that read back as the same double; unlike `String`, -0 keeps its sign. */
export function numberText(number: number): string {
  return number === 0 && 1 / number < 0 ? "-0" : String(number);
}

/** Whether the text of a cell in a number column is a number, as databases write them. */
export function isNumeric(text: string): boolean {
  return NUMERIC.test(text);
}

// Read in one way only: `\d+\.?\d*` would take the square of a text of digits that is no number.
const NUMERIC = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|Infinity|NaN)$/;
