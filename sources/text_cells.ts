/** Turns what JSON and CSV have no type for into the cells of a declared one. */

import type { Cell, ColumnType } from "./table.ts";

/** Turns a value that is not null into a cell; what is no value of the type stays as it is. */
export type ReadCell = (value: string | number | boolean | bigint) => Cell;

/** The readers of the types that text and numbers stand in for; the others' cells are text as it is. */
const READERS: Partial<Record<ColumnType, ReadCell>> = {
  integer: (value) => isText(value) && /^-?\d{1,1000}$/.test(value) ? exactInteger(value) : value,
  number: (value) => {
    if (!isText(value) || !NUMBER.test(value)) return value;
    // A number that a double does not hold stays text.
    return exactNumber(value);
  },
  boolean: (value) => {
    if (value === "true" || value === "1" || value === 1) return true;
    if (value === "false" || value === "0" || value === 0) return false;
    return value;
  },
  binary: (value) => isText(value) ? bytesOf(value) ?? value : value,
};

/** RFC 8259, 6. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** The reader of a type; nothing where there is nothing to do. */
export function cellReader(type: ColumnType | undefined): ReadCell | undefined {
  return type === undefined ? undefined : READERS[type];
}

/** An integer's digits as a number where that is safe. */
function exactInteger(digits: string): number | bigint {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}

/**
 * The cell of a JSON number (RFC 8259, 6): an integer, or a double where that is the same number as
 * the text, else the text with all of its digits.
 */
export function exactNumber(text: string): number | bigint | string {
  if (/^-?\d+$/.test(text)) return exactInteger(text);
  const number = Number(text);
  return Number.isFinite(number) && canonical(String(number)) === canonical(text) ? number : text;
}

/** The same text for the same number: its digits without zeros around them, and an exponent. */
function canonical(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const kept = digits.replace(/0+$/, "");
  if (kept === "") return "0";
  return `${sign}${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`;
}

/** The bytes of base64 (RFC 4648, 4). */
function bytesOf(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}
