/** Writes a row as one JSON object on one line, for JSON and NDJSON alike. */

import type { Cell, Column, Row } from "../sources/table.ts";
import { createCellText, isZoned, numberText } from "./cell_text.ts";
import { uniqueNames } from "./names.ts";
import type { Warnings } from "./warnings.ts";

/** What text in a column may be, besides a string. */
type TextKind = "string" | "number" | "json" | "zoned";

/**
 * Makes the function that writes rows of these columns as objects (RFC 8259), their keys made unique
 * as `names.ts` says; `__proto__` is a key like any other.
 *
 * - A number that a double may not hold exactly is a string: a bigint that is no safe integer, a
 *   decimal of more than 15 significant digits, `"NaN"`, `"Infinity"`, `"-Infinity"`. Any other
 *   number keeps the digits it came with: `12.50` stays `12.50`.
 * - A json cell is embedded as it is when it is JSON, without its line ends; else it is a string.
 *   Escapes within stay verbatim, numbers with more digits than a double and `"\ud800"` too.
 * - A lone surrogate stays one here, and becomes U+FFFD in UTF-8: `JSON.stringify` would escape it
 *   instead, which many parsers refuse.
 */
export function createJsonRow(
  columns: readonly Column[],
  warnings: Warnings,
): (row: Row) => string {
  const width = columns.length;
  const keys = uniqueNames(columns, warnings).map((name, index) =>
    (index === 0 ? "" : ",") + quote(name) + ":"
  );
  const kinds = columns.map(textKind);
  const cellTexts = columns.map((column) => createCellText(column));

  function writeText(text: string, index: number): string {
    switch (kinds[index]) {
      case "number":
        return isExactNumber(text) ? text : quote(text);
      case "json":
        return isJson(text) ? text.replace(LINE_ENDS, "") : quote(text);
      case "zoned":
        return quote(cellTexts[index]!(text));
      default:
        return quote(text);
    }
  }

  function writeRare(cell: Cell | undefined, index: number): string {
    if (cell === null || cell === undefined) return "null";
    const text = cellTexts[index]!(cell);
    return typeof cell === "bigint" && isSafe(cell) ? text : quote(text);
  }

  return function jsonRow(row) {
    let line = "{";
    for (let index = 0; index < width; index++) {
      line += keys[index]!;
      const cell = row[index];
      if (typeof cell === "string") line += writeText(cell, index);
      else if (typeof cell === "number") line += writeNumber(cell);
      else if (cell === true) line += "true";
      else if (cell === false) line += "false";
      else line += writeRare(cell, index);
    }
    return line + "}";
  };
}

function textKind(column: Column): TextKind {
  if (isZoned(column)) return "zoned";
  switch (column.type) {
    case "integer":
    case "number":
    case "decimal":
      return "number";
    case "json":
      return "json";
    default:
      return "string";
  }
}

function writeNumber(number: number): string {
  return Number.isFinite(number) ? numberText(number) : `"${number}"`;
}

function isSafe(integer: bigint): boolean {
  return integer >= Number.MIN_SAFE_INTEGER && integer <= Number.MAX_SAFE_INTEGER;
}

/** RFC 8259, 6: no plus sign, no leading zero, digits on both sides of the point. */
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Digits that a double holds whatever they are (C, DBL_DIG). */
const EXACT_DIGITS = 15;

/** The least number that has all its digits: below it, doubles are subnormal. */
const LEAST_NORMAL = 2 ** -1022;

/** Whether a text is a JSON number, and one that comes back from a double with the same digits. */
function isExactNumber(text: string): boolean {
  if (!JSON_NUMBER.test(text)) return false;
  // Most amounts are as short as this; `1e400` is, too.
  if (text.length <= EXACT_DIGITS && !/[eE]/.test(text)) return true;
  const digits = text.replace(/[eE].*|[-.]/g, "").replace(/^0+/, "");
  const size = Math.abs(Number(text));
  return digits === "" || digits.length <= EXACT_DIGITS && size >= LEAST_NORMAL && size < Infinity;
}

/** In JSON they stand between tokens only, as strings hold none unescaped (RFC 8259, 2 and 7). */
const LINE_ENDS = /[\r\n]+/g;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

// deno-lint-ignore no-control-regex -- what RFC 8259, 7 wants escaped
const ESCAPED = /["\\\0-\x1f]/;

/** Writes a string; looking first costs a third of `JSON.stringify`, and mostly is all there is. */
function quote(text: string): string {
  if (!ESCAPED.test(text)) return '"' + text + '"';
  if (text.isWellFormed()) return JSON.stringify(text);
  const escape = (character: string) => JSON.stringify(character).slice(1, -1);
  return '"' + text.replace(new RegExp(ESCAPED, "g"), escape) + '"';
}
