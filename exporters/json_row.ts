/** Writes a row as one JSON object on one line, for JSON and NDJSON alike. */

import { isJson } from "../table/is_json.ts";
import type { Cell, Column, Row } from "../table/table.ts";
import { createCellText, isZoned, numberText } from "./cell_text.ts";
import { decimalText, isHeld, isNonFinite, isPlainlyHeld } from "./decimals.ts";
import { uniqueNames } from "./names.ts";
import type { Warnings } from "./warnings.ts";

/** What text in a column may be, besides a string. */
type TextKind = "string" | "integer" | "decimal" | "json" | "zoned";

/**
 * Makes the function that writes rows of these columns as objects (RFC 8259), their keys made unique
 * as `names.ts` says; `__proto__` is a key like any other.
 *
 * - A number keeps the digits it came with, `12.50` and 40 others too, and a column of decimals or
 *   numbers has numbers in all rows; where a double holds fewer digits, the cell is counted.
 * - `"NaN"`, `"Infinity"` and `"-Infinity"` are strings, and so is an integer that is no safe one: it is
 *   a key, and a reader that keeps doubles would take it for another one. They are counted.
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
      case "decimal":
      case "integer":
        return isPlainlyHeld(text) ? text : writeRareNumber(text, index);
      case "json":
        return isJson(text) ? text.replace(LINE_ENDS, "") : quote(text);
      case "zoned":
        return quote(cellTexts[index]!(text));
      default:
        return quote(text);
    }
  }

  /** Text in a column of numbers that is no plain and short one. */
  function writeRareNumber(text: string, index: number): string {
    const number = decimalText(text);
    if (number === undefined) return isNonFinite(text) ? asText(text, index) : quote(text);
    if (kinds[index] === "integer") {
      const safe = Math.abs(Number(number)) <= Number.MAX_SAFE_INTEGER;
      return safe && isHeld(number) ? number : asText(text, index);
    }
    if (!isHeld(number)) warnings.count("beyond-double", columns[index]!.name);
    return number;
  }

  function writeNumber(number: number, index: number): string {
    return Number.isFinite(number) ? numberText(number) : asText(String(number), index);
  }

  function writeBigint(integer: bigint, index: number): string {
    const digits = String(integer);
    if (isSafe(integer)) return digits;
    return kinds[index] === "decimal" ? writeRareNumber(digits, index) : asText(digits, index);
  }

  function asText(number: string, index: number): string {
    warnings.count("written-as-text", columns[index]!.name);
    return quote(number);
  }

  function writeRare(cell: Cell | undefined, index: number): string {
    if (cell === null || cell === undefined) return "null";
    return typeof cell === "bigint" ? writeBigint(cell, index) : quote(cellTexts[index]!(cell));
  }

  return function jsonRow(row) {
    let line = "{";
    for (let index = 0; index < width; index++) {
      line += keys[index]!;
      const cell = row[index];
      if (typeof cell === "string") line += writeText(cell, index);
      else if (typeof cell === "number") line += writeNumber(cell, index);
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
      return "integer";
    case "number":
    case "decimal":
      return "decimal";
    case "json":
      return "json";
    default:
      return "string";
  }
}

function isSafe(integer: bigint): boolean {
  return integer >= Number.MIN_SAFE_INTEGER && integer <= Number.MAX_SAFE_INTEGER;
}

/** In JSON they stand between tokens only, as strings hold none unescaped (RFC 8259, 2 and 7). */
const LINE_ENDS = /[\r\n]+/g;

// deno-lint-ignore no-control-regex -- what RFC 8259, 7 wants escaped
const ESCAPED = /["\\\0-\x1f]/;

/** Writes a string; looking first costs a third of `JSON.stringify`, and mostly is all there is. */
function quote(text: string): string {
  if (!ESCAPED.test(text)) return '"' + text + '"';
  if (text.isWellFormed()) return JSON.stringify(text);
  const escape = (character: string) => JSON.stringify(character).slice(1, -1);
  return '"' + text.replace(new RegExp(ESCAPED, "g"), escape) + '"';
}
