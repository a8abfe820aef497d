/** Makes cells of the bytes of fields, and checks that they are of their columns' types. */

import { Buffer, isAscii } from "node:buffer";
import type { Cell, ColumnType } from "../../../table/table.ts";
import { typeOfText } from "../column_types.ts";
import type { TextBatches } from "./text_batches.ts";

const { latin1Slice, utf8Slice } = Buffer.prototype as unknown as Record<
  "latin1Slice" | "utf8Slice",
  (this: Uint8Array, start: number, end: number) => string
>;

/** Whether the bytes are a cell of a type. */
type FieldCheck = (bytes: Uint8Array, start: number, end: number) => boolean;

const SPACE = 0x20;
const DASH = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const T = 0x54;

/** What `typeOfText` takes for an integer. */
function isInteger(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  if (bytes[at] === DASH) at++;
  const digits = end - at;
  if (digits < 1 || digits > 15) return false;
  if (bytes[at] === ZERO) return digits === 1 && at === start;
  for (; at < end; at++) if (bytes[at]! < ZERO || bytes[at]! > NINE) return false;
  return true;
}

/** The longest text that is of another type than text: a datetime to the nanosecond. */
const MAX_TYPED_BYTES = 40;

/** What `typeOfText` says: of what the quick looks below do not know. */
function isOf(type: ColumnType, bytes: Uint8Array, start: number, end: number): boolean {
  return end - start <= MAX_TYPED_BYTES && typeOfText(latin1Slice.call(bytes, start, end)) === type;
}

/** A number with a point is told from its bytes: it has 15 digits at most. */
function isDecimal(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  if (bytes[at] === DASH) at++;
  const whole = at;
  while (at < end && bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
  const digits = at - whole;
  if (digits === 0 || digits > 1 && bytes[whole] === ZERO) return false;
  if (at === end) return digits <= 15;
  if (bytes[at] !== POINT || end - whole > 16) return isOf("decimal", bytes, start, end);
  const point = at++;
  while (at < end && bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
  return at === end ? at - point > 1 : isOf("decimal", bytes, start, end);
}

/** Whether `2026-01-28` stands there; a later day may not exist, and is looked at as text. */
function isEarlyDay(bytes: Uint8Array, at: number): boolean {
  return isPair(bytes, at, 99) && isPair(bytes, at + 2, 99) && bytes[at + 4] === DASH &&
    isPair(bytes, at + 5, 12) && bytes[at + 7] === DASH && isPair(bytes, at + 8, 28) &&
    !isZeros(bytes, at + 5) && !isZeros(bytes, at + 8);
}

function isPair(bytes: Uint8Array, at: number, max: number): boolean {
  const tens = bytes[at]! - ZERO;
  const ones = bytes[at + 1]! - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 && 10 * tens + ones <= max;
}

function isZeros(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === ZERO && bytes[at + 1] === ZERO;
}

function isDate(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 10 && isEarlyDay(bytes, start) || isOf("date", bytes, start, end);
}

function isDatetime(bytes: Uint8Array, start: number, end: number): boolean {
  const isPlain = end - start === 19 && isEarlyDay(bytes, start) &&
    (bytes[start + 10] === SPACE || bytes[start + 10] === T) &&
    isPair(bytes, start + 11, 23) && bytes[start + 13] === COLON &&
    isPair(bytes, start + 14, 59) && bytes[start + 16] === COLON && isPair(bytes, start + 17, 59);
  return isPlain || isOf("datetime", bytes, start, end);
}

const CHECKS: Partial<Readonly<Record<ColumnType, FieldCheck>>> = {
  integer: isInteger,
  decimal: isDecimal,
  boolean: (bytes, start, end) => end - start <= 5 && isOf("boolean", bytes, start, end),
  date: isDate,
  datetime: isDatetime,
};

/** Columns whose fields are checked: text need not be. */
export interface FieldChecks {
  /** Calls `onOther` with the column of each field that is not of its type. */
  count(
    bytes: Uint8Array,
    bounds: Int32Array,
    rows: number,
    onOther: (column: number) => void,
  ): void;
}

/** Makes the checks of columns. */
export function createFieldChecks(types: readonly ColumnType[]): FieldChecks {
  const checked = types.flatMap((type, column) => {
    const check = CHECKS[type];
    return check ? [{ column, check }] : [];
  });
  const step = 2 * types.length;
  return {
    count(bytes, bounds, rows, onOther) {
      for (const { column, check } of checked) {
        for (let row = 0, at = 2 * column; row < rows; row++, at += step) {
          const start = bounds[at]!;
          if (start >= 0 && !check(bytes, start, bounds[at + 1]!)) onOther(column);
        }
      }
    },
  };
}

/** Text up to which a string of its own is made from one of the whole piece: longer ones would keep that. */
const COPIED_UNITS = 12;

/**
 * Makes the function that reads a field as a cell: a number and a boolean where it is one of its column, else
 * its text.
 */
export function createCellReader(
  types: readonly ColumnType[],
  batches: TextBatches,
): (column: number, bytes: Uint8Array, start: number, end: number) => Cell {
  let batch = -1;
  let ascii = false;
  let latin1: string | undefined;

  /** The text of a field: of ASCII a part of one string, which takes a fifth of the time. */
  function textOf(bytes: Uint8Array, start: number, end: number): string {
    if (batch !== batches.count) {
      batch = batches.count;
      ascii = isAscii(bytes.subarray(batches.start, batches.end));
      latin1 = undefined;
    }
    if (!ascii) {
      for (let at = start; at < end; at++) {
        if (bytes[at]! >= 0x80) return utf8Slice.call(bytes, start, end);
      }
    }
    if (end - start > COPIED_UNITS) return latin1Slice.call(bytes, start, end);
    latin1 ??= latin1Slice.call(bytes, batches.start, batches.end);
    return latin1.slice(start - batches.start, end - batches.start);
  }

  return (column, bytes, start, end) => {
    switch (types[column]) {
      case "integer":
        return isInteger(bytes, start, end)
          ? toInteger(bytes, start, end)
          : textOf(bytes, start, end);
      case "boolean": {
        const text = textOf(bytes, start, end);
        return typeOfText(text) === "boolean" ? text.length === 4 : text;
      }
      default:
        return textOf(bytes, start, end);
    }
  };
}

/** The integer that the bytes are: 15 digits, which a double holds. */
function toInteger(bytes: Uint8Array, start: number, end: number): number {
  const negative = bytes[start] === DASH;
  let value = 0;
  for (let at = negative ? start + 1 : start; at < end; at++) {
    value = 10 * value + bytes[at]! - ZERO;
  }
  return negative ? -value : value;
}
