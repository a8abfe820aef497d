/** Writes cells as sheet XML: what a column decides is decided once, before its first cell. */

import type { Cell, Column } from "../../table/table.ts";
import { createCellText, isZoned, numberText } from "../cell_text.ts";
import { decimalText, isNonFinite, isPlainlyHeld } from "../decimals.ts";
import { zoneOffsets } from "../../table/time_zone.ts";
import type { Warnings } from "../warnings.ts";
import { hasOffset } from "../zone_titles.ts";
import { holdDecimal, isExactInteger, isExactNumber } from "./numbers.ts";
import {
  dateSerial,
  dateTimeSerial,
  durationSerial,
  hasFraction,
  isPlainClock,
  secondsDurationSerial,
  type Serial,
  timeSerial,
} from "./serials.ts";
import type { ShareText } from "./shared_strings.ts";
import type { TimeStyles } from "./styles.ts";
import { MAX_CELL_UNITS, textXml } from "./text_xml.ts";
import { type Markup, markup, type XmlBytes } from "./xml_bytes.ts";

/** Bytes whose base64 is longer than a cell: more need not be written to be cut. */
const MAX_CELL_BYTES = Math.ceil((MAX_CELL_UNITS + 1) / 4) * 3;

/** Writes a cell that is not null into the row that was begun. */
export type WriteCell = (value: NonNullable<Cell>, xml: XmlBytes) => void;

/** How to write the cells of a column. */
export interface CellOptions {
  /** The column's letters. */
  readonly letters: string;
  /** Its index in `cellXfs`, 0 for none. */
  readonly style: number;
  /** Those of dates and times that the style does not show whole. @default the style */
  readonly times?: TimeStyles | undefined;
  /** Whether its title names the zone of its datetimes, as is known before the first cell. @default true */
  readonly isZoneNamed?: (() => boolean) | undefined;
  /** Says which text is in the table of shared strings. @default none */
  readonly share?: ShareText | undefined;
}

const TEXT_END = markup("</t></is></c>");
const VALUE_END = markup("</v></c>");
const TRUE = markup("1</v></c>");
const FALSE = markup("0</v></c>");

/**
 * Makes the function that writes the cells of a column. A cell that is not of the column's type is
 * written as what it is.
 *
 * @param warnings counts the cells that a worksheet cannot hold as they are
 * @throws {RangeError} when the column's time zone is not known
 */
export function createCellWriter(
  column: Column,
  { letters, style, share, isZoneNamed = () => true, ...options }: CellOptions,
  warnings: Warnings,
): WriteCell {
  const { name, type, timezone } = column;
  const { times = { fraction: style, long: style, longFraction: style } } = options;
  const numeric = type === "integer" || type === "number" || type === "decimal";
  const serial = createSerial(column);
  const cellText = createCellText(column);
  const start = markup(cellStart(letters));
  const styled = styleXml(style);
  // A number in a column of dates is not a date, and must not be shown as one.
  const other = serial ? '"' : styled;
  const plainMiddle = markup(`${other} t="inlineStr"><is><t>`);
  const textMiddle = markup(`${other} t="inlineStr"><is>`);
  const sharedMiddle = markup(`${other} t="s"><v>`);
  const numberMiddle = markup(`${other}><v>`);
  const booleanMiddle = markup(`${other} t="b"><v>`);
  const serialMiddle = markup(`${styled}><v>`);
  const fractionMiddle = markup(`${styleXml(times.fraction)}><v>`);
  const longMiddle = markup(`${styleXml(times.long)}><v>`);
  const longFractionMiddle = markup(`${styleXml(times.longFraction)}><v>`);

  function text(value: string, xml: XmlBytes): void {
    if (value.length <= MAX_CELL_UNITS) {
      const before = xml.length;
      xml.startCell(start, plainMiddle, value.length);
      if (xml.addPlain(value)) return xml.addMarkup(TEXT_END);
      xml.backTo(before);
    }
    xml.startCell(start, textMiddle);
    xml.addXml(`${textXml(value, name, warnings)}</is></c>`);
  }

  function asText(value: string | number | bigint, xml: XmlBytes): void {
    warnings.count("written-as-text", name);
    text(cellText(value), xml);
  }

  function number(value: number, xml: XmlBytes): void {
    if (!isExactNumber(value)) return asText(value, xml);
    xml.startCell(start, numberMiddle);
    // Nearly all are small and whole, and their digits quickly made.
    if (value > 0 && (value | 0) === value) xml.addInteger(value);
    else xml.addAscii(numberText(value));
    xml.addMarkup(VALUE_END);
  }

  /** The serial that a cell was read as; the cell as text where that is none. */
  function date(read: Serial, value: string | number, xml: XmlBytes): void {
    if (read === "beyond") return asText(value, xml);
    if (read === undefined) {
      return typeof value === "string" ? text(value, xml) : asText(value, xml);
    }
    xml.startCell(start, middleOf(read, value));
    xml.addSerial(read);
    xml.addMarkup(VALUE_END);
  }

  /** What comes before a serial; counts a datetime that loses its offset without a word. */
  function middleOf(serial: number, value: string | number): Markup {
    if (typeof value === "number") return Number.isInteger(value) ? serialMiddle : fractionMiddle;
    if (type === "datetime") {
      if (isPlainClock(value)) return serialMiddle;
      if (timezone === undefined && !isZoneNamed() && hasOffset(value)) {
        warnings.count("zone-unnamed", name);
      }
    }
    const fraction = hasFraction(value, type);
    if (type === "time" && serial >= 1) return fraction ? longFractionMiddle : longMiddle;
    return fraction ? fractionMiddle : serialMiddle;
  }

  function digits(value: string, xml: XmlBytes): void {
    xml.startCell(start, numberMiddle, value.length);
    xml.addAscii(value);
    xml.addMarkup(VALUE_END);
  }

  /** Text in a column of numbers. */
  function decimal(value: string, xml: XmlBytes): void {
    if (isPlainlyHeld(value)) return digits(value, xml);
    const spelt = decimalText(value);
    if (spelt === undefined) return isNonFinite(value) ? asText(value, xml) : text(value, xml);
    const held = holdDecimal(spelt);
    if (held === undefined) return asText(value, xml);
    if (held.rounded) warnings.count("rounded", name);
    digits(held.digits, xml);
  }

  function string(value: string, xml: XmlBytes): void {
    const index = share?.(value);
    if (index === undefined) return text(value, xml);
    xml.startCell(start, sharedMiddle);
    xml.addInteger(index);
    xml.addMarkup(VALUE_END);
  }

  return function writeCell(value, xml) {
    switch (typeof value) {
      case "string":
        if (serial) return date(serial(value), value, xml);
        return numeric ? decimal(value, xml) : string(value, xml);
      case "number":
        return type === "duration"
          ? date(secondsDurationSerial(value), value, xml)
          : number(value, xml);
      case "bigint":
        return isExactInteger(value) ? digits(String(value), xml) : asText(value, xml);
      case "boolean":
        xml.startCell(start, booleanMiddle);
        return xml.addMarkup(value ? TRUE : FALSE);
      default:
        return text(value.subarray(0, MAX_CELL_BYTES).toBase64(), xml);
    }
  };
}

/** A cell's tag up to the number of its row. */
export function cellStart(letters: string): string {
  return `<c r="${letters}`;
}

/** What is between the number of the row and the cell's type. */
export function styleXml(style: number): string {
  return style === 0 ? '"' : `" s="${style}"`;
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
