/** Writes a cell as text, where a format has no type of its own for it. */

import type { Cell, Column } from "../sources/table.ts";
import { type DateTimeStyle, formatDateTime, parseDateTime, toZone } from "./datetime.ts";
import { zoneOffsets } from "./time_zone.ts";

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
 * number, `true` and `false`, text as it is. Only a datetime in a column with a time zone changes:
 * it is written as that zone's wall clock shows it; text that is no datetime stays what it is.
 *
 * @throws {RangeError} when the column's time zone is not known
 */
export function createCellText(
  column: Column,
  options: CellTextOptions = {},
): (value: Value) => string {
  const { binary = "base64", datetime = "rfc3339" } = options;
  const offsets = isZoned(column) ? zoneOffsets(column.timezone) : undefined;

  return function cellText(value) {
    switch (typeof value) {
      case "string": {
        const read = offsets && parseDateTime(value);
        return read ? formatDateTime(toZone(read, offsets), datetime) ?? value : value;
      }
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

const NUMERIC = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|Infinity|NaN)$/;
