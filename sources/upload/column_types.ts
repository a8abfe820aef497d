/** Tells the types of columns from the cells of their first rows, so that no cell becomes another one. */

import type { Cell, ColumnType } from "../../table/table.ts";

/** A whole number of at most 15 digits, as a program writes it: no zero and no plus in front. */
const INTEGER = /^(?:0|-?[1-9]\d{0,14})$/;

/** One with a point or an exponent. */
const DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,2})?$/;

/** Digits that every reader of numbers keeps: a double has 15, and a spreadsheet no more. */
const MAX_DIGITS = 15;

const DAY = String.raw`\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])`;
const CLOCK = String.raw`(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?`;
const DATE = new RegExp(`^${DAY}$`);
const DATETIME = new RegExp(`^${DAY}[T ]${CLOCK}(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)?$`);

/** A file has booleans in one spelling: that of most programs, of spreadsheets, of Python. */
const BOOLEAN = /^(?:true|false|TRUE|FALSE|True|False)$/;

/**
 * The type that a text is exactly: what is written of it again is the same, and no reader takes it for
 * something else. So `007`, a number of 16 digits, `1,5` and `02/03/2026` are text.
 */
export function typeOfText(text: string): ColumnType {
  const code = text.charCodeAt(0);
  if (code >= 0x30 && code <= 0x39 || code === 0x2d) {
    if (INTEGER.test(text)) return "integer";
    if (DECIMAL.test(text)) return digitsOf(text) <= MAX_DIGITS ? "decimal" : "string";
    if (DATE.test(text)) return isDay(text) ? "date" : "string";
    if (DATETIME.test(text)) return isDay(text) ? "datetime" : "string";
    return "string";
  }
  return BOOLEAN.test(text) ? "boolean" : "string";
}

function digitsOf(text: string): number {
  return text.replace(/[eE].*$/, "").replaceAll(/\D/g, "").replace(/^0+/, "").length;
}

/** Whether there is that day: `2026-02-30` is none. */
function isDay(text: string): boolean {
  const day = Number(text.slice(8, 10));
  if (day <= 28) return true;
  const month = Number(text.slice(5, 7));
  return day <= new Date(Date.UTC(2000 + Number(text.slice(0, 4)) % 400, month, 0)).getUTCDate();
}

/** The type of a cell that is no text of a grid without types; of text, what it shows where it may show one. */
export function typeOfCell(cell: Exclude<Cell, null>): ColumnType {
  switch (typeof cell) {
    case "number":
      return Number.isSafeInteger(cell) ? "integer" : "number";
    case "bigint":
      return "integer";
    case "boolean":
      return "boolean";
    case "string":
      return "string";
    default:
      return "binary";
  }
}

/** Types that hold each other's numbers: each one those before it. */
const NUMBERS: readonly ColumnType[] = ["integer", "decimal", "number"];

/** The type of a column in which cells of two types are; text where none holds both as they are. */
export function joinTypes(one: ColumnType | undefined, other: ColumnType): ColumnType {
  if (one === undefined || one === other) return other;
  const [first, second] = [NUMBERS.indexOf(one), NUMBERS.indexOf(other)];
  return first < 0 || second < 0 ? "string" : NUMBERS[Math.max(first, second)]!;
}
