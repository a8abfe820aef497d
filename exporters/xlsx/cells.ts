/** Writes cells as sheet XML: what a column decides is decided once, before its first cell. */

import type { Cell, Column } from "../../sources/table.ts";
import { createCellText, isZoned, numberText } from "../cell_text.ts";
import { zoneOffsets } from "../time_zone.ts";
import type { Warnings } from "../warnings.ts";
import { cut } from "./cut.ts";
import { decimalText, isExactDecimal, isExactInteger, isExactNumber } from "./numbers.ts";
import {
  dateSerial,
  dateTimeSerial,
  durationSerial,
  secondsDurationSerial,
  type Serial,
  timeSerial,
} from "./serials.ts";
import { hasOuterSpace, isPlain, xmlText } from "./xml_text.ts";

/** UTF-16 units in a cell (Excel's specifications and limits). */
export const MAX_CELL_UNITS = 32_767;

/** Bytes whose base64 is longer than a cell: more need not be written to be cut. */
const MAX_CELL_BYTES = Math.ceil((MAX_CELL_UNITS + 1) / 4) * 3;

/** Writes a cell that is not null; `row` is its row's number. */
export type CellXml = (value: NonNullable<Cell>, row: string) => string;

/**
 * Makes the function that writes the cells of a column. A cell that is not of the column's type is
 * written as what it is.
 *
 * @param letters the column's letters
 * @param style its index in `cellXfs`, 0 for none
 * @param warnings counts the cells that a worksheet cannot hold as they are
 * @throws {RangeError} when the column's time zone is not known
 */
export function createCellXml(
  column: Column,
  letters: string,
  style: number,
  warnings: Warnings,
): CellXml {
  const { name, type } = column;
  const serial = createSerial(column);
  const cellText = createCellText(column);
  const start = `<c r="${letters}`;
  const styled = style === 0 ? '"' : `" s="${style}"`;
  // A number in a column of dates is not a date, and must not be shown as one.
  const other = serial ? '"' : styled;
  const textMiddle = `${other} t="inlineStr"><is>`;
  const plainMiddle = `${textMiddle}<t>`;
  const numberMiddle = `${other}><v>`;
  const booleanMiddle = `${other} t="b"><v>`;
  const serialMiddle = `${styled}><v>`;

  function text(value: string, row: string): string {
    return value.length <= MAX_CELL_UNITS && isPlain(value)
      ? start + row + plainMiddle + value + "</t></is></c>"
      : start + row + textMiddle + textXml(value, name, warnings) + "</is></c>";
  }

  function asText(value: string | number | bigint, row: string): string {
    warnings.count("written-as-text", name);
    return text(cellText(value), row);
  }

  function number(value: number, row: string): string {
    if (!isExactNumber(value)) return asText(value, row);
    return start + row + numberMiddle + numberText(value) + "</v></c>";
  }

  function string(value: string, row: string): string {
    if (serial) {
      const read = serial(value);
      if (read === undefined) return text(value, row);
      if (read === "beyond") return asText(value, row);
      return start + row + serialMiddle + read + "</v></c>";
    }
    if (type === "decimal") {
      const decimal = decimalText(value);
      if (decimal === undefined) return text(value, row);
      if (!isExactDecimal(decimal)) return asText(value, row);
      return start + row + numberMiddle + decimal + "</v></c>";
    }
    return text(value, row);
  }

  function duration(seconds: number, row: string): string {
    const read = secondsDurationSerial(seconds);
    if (read === undefined || read === "beyond") return asText(seconds, row);
    return start + row + serialMiddle + read + "</v></c>";
  }

  return function cellXml(value, row) {
    switch (typeof value) {
      case "string":
        return string(value, row);
      case "number":
        return type === "duration" ? duration(value, row) : number(value, row);
      case "bigint":
        return isExactInteger(value)
          ? start + row + numberMiddle + value + "</v></c>"
          : asText(value, row);
      case "boolean":
        return start + row + booleanMiddle + (value ? "1" : "0") + "</v></c>";
      default:
        return text(value.subarray(0, MAX_CELL_BYTES).toBase64(), row);
    }
  };
}

/** How a column's text becomes a serial; undefined where its type is none of dates and times. */
function createSerial(column: Column): ((text: string) => Serial) | undefined {
  switch (column.type) {
    case "date":
      return dateSerial;
    case "datetime": {
      const offsets = isZoned(column) ? zoneOffsets(column.timezone) : undefined;
      return (text) => dateTimeSerial(text, offsets);
    }
    case "time":
      return timeSerial;
    case "duration":
      return durationSerial;
    default:
      return undefined;
  }
}

/**
 * Writes text as the `t` element of an inline string, which is never a formula.
 *
 * @param name the column's, for the warnings
 */
export function textXml(text: string, name: string, warnings: Warnings): string {
  if (text.length > MAX_CELL_UNITS) {
    warnings.count("text-cut", name);
    text = cut(text, MAX_CELL_UNITS);
  }
  if (!text.isWellFormed()) {
    warnings.count("lone-surrogate", name);
    text = text.toWellFormed();
  }
  // A reader may drop the white space around text that does not ask for it (XML 1.0, 2.10).
  const space = hasOuterSpace(text) ? ' xml:space="preserve"' : "";
  return `<t${space}>${xmlText(text)}</t>`;
}
