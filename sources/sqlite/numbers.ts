/** Decides of which rows the integers can come as JavaScript's numbers, and reads those. */

import { INTEGERS, REALS } from "./cells.ts";
import type { Cell, ColumnType } from "../../table/table.ts";

/**
 * What can be said of a column's numbers before they come, so that a row of safe integers takes no
 * `bigint`: one costs as much as the rest of its cell.
 */
export interface NumberRule {
  /**
   * Writes the condition under which a row must come with its integers as `bigint`; `true` where that
   * cannot be asked. @default never
   */
  readonly exact?: true | ((column: string) => string);
  /** Reads a number of the other rows. @default it is a cell as it is */
  readonly read?: (value: number) => Cell;
}

/**
 * The rule of a column that stands in a table as declared; null where it does not. What a column can hold
 * hangs on its affinity (https://www.sqlite.org/datatype3.html, 3.1): TEXT makes text of numbers, REAL
 * makes reals of integers, and INTEGER and NUMERIC integers of reals that are whole.
 */
export function numberRule(declared: string | null, type: ColumnType | undefined): NumberRule {
  // An expression would be computed for the condition, and once more for the row.
  if (declared === null) return { exact: true };
  const affinity = affinityOf(declared);
  if (affinity === "TEXT") return {};
  if (affinity === "REAL") {
    const read = REALS[type ?? "string"];
    return read ? { read: (value) => read(value) ?? value } : {};
  }
  if (!INTEGERS[type ?? "string"]) return { exact: isUnsafe };
  // A date is made of an integer in another way than of a real, and a boolean of an integer alone.
  return type === "boolean" && affinity === "NUMERIC"
    ? { exact: isUnsafe, read: (value) => value === 0 ? false : value === 1 ? true : value }
    : { exact: isNumber };
}

/** The affinity, where it decides which numbers there can be; that of INTEGER columns is NUMERIC here. */
function affinityOf(declared: string): "TEXT" | "REAL" | "NUMERIC" | undefined {
  const words = declared.toUpperCase();
  if (words === "" || words === "ANY") return undefined;
  if (/INT/.test(words)) return "NUMERIC";
  if (/CHAR|CLOB|TEXT/.test(words)) return "TEXT";
  if (/BLOB/.test(words)) return undefined;
  return /REAL|FLOA|DOUB/.test(words) ? "REAL" : "NUMERIC";
}

// A plus takes the affinity away, by which SQLite would try to read every text as a number.

/** What is greater than any number, such as text, is found out by its type. */
function isUnsafe(column: string): string {
  const unsafe =
    `+${column} < ${Number.MIN_SAFE_INTEGER} or +${column} > ${Number.MAX_SAFE_INTEGER}`;
  return `(${unsafe}) and typeof(${column}) = 'integer'`;
}

/** Numbers are less than any text. */
function isNumber(column: string): string {
  return `+${column} < ''`;
}

/** Makes the function that turns a row into cells, in place, whose integers are numbers by these rules. */
export function createNumberReader(rules: readonly NumberRule[]): (cells: Cell[]) => void {
  const readers = rules.flatMap(({ read }, index) => read ? [{ index, read }] : []);
  return function readNumbers(cells) {
    for (let at = 0; at < readers.length; at++) {
      const { index, read } = readers[at]!;
      const cell = cells[index];
      if (typeof cell === "number") cells[index] = read(cell);
    }
  };
}
