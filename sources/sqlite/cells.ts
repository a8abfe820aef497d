/** Turns SQLite's declared types and stored values into column types and cells. */

import { formatDate } from "../../table/datetime.ts";
import { PAIRS } from "../../table/days.ts";
import type { Cell, ColumnType } from "../../table/table.ts";

/**
 * What declared types mean, the first match counting. The names that people use come before the
 * substrings that SQLite itself goes by (https://www.sqlite.org/datatype3.html, 3.1), so that
 * `FLOATING POINT` is not an `INT` and `DECIMAL_TEXT`, which keeps every digit, is a decimal.
 */
const DECLARED: readonly (readonly [RegExp, ColumnType])[] = [
  [/^BOOL/, "boolean"],
  [/^(?:TIMESTAMP|DATETIME)/, "datetime"],
  [/^DATE/, "date"],
  [/^TIME/, "time"],
  [/^JSON/, "json"],
  [/^(?:DEC|NUM)/, "decimal"],
  [/^(?:REAL|FLOAT|DOUBLE)/, "number"],
  [/^(?:VAR)?BINARY/, "binary"],
  [/^(?:STRING|UUID)/, "string"],
  [/INT/, "integer"],
  [/CHAR|CLOB|TEXT/, "string"],
  [/BLOB/, "binary"],
  [/REAL|FLOA|DOUB/, "number"],
];

/** The type of a column declared as this; nothing where the words say none, as `ANY` does. */
export function columnType(declared: string | null): ColumnType | undefined {
  const words = declared?.trim().toUpperCase() ?? "";
  return DECLARED.find(([pattern]) => pattern.test(words))?.[1];
}

/**
 * Makes the function that turns a row of SQLite's values into cells, in place. An integer, which
 * must come as a `bigint`, becomes a number where that is safe. Booleans are 0 and 1; dates and
 * datetimes may be Unix seconds (INTEGER) or Julian days (REAL), as in
 * https://www.sqlite.org/datatype3.html, 2.2. A value that is no such thing stays what it is:
 * milliseconds, or a moment of the day in a column of dates, are not guessed at.
 */
export function createCellReader(
  types: readonly (ColumnType | undefined)[],
): (cells: Cell[]) => void {
  const integers = types.map((type) => INTEGERS[type ?? "string"] ?? exactNumber);
  const reals = types.map((type) => REALS[type ?? "string"]);
  const hasReals = reals.some((read) => read !== undefined);

  return function readCells(cells) {
    for (let index = 0; index < cells.length; index++) {
      const cell = cells[index];
      if (typeof cell === "bigint") cells[index] = integers[index]!(cell);
      else if (hasReals && typeof cell === "number") cells[index] = reals[index]?.(cell) ?? cell;
    }
  };
}

/** How integers are read that are more than numbers. */
export const INTEGERS: Partial<Record<ColumnType, (value: bigint) => Cell>> = {
  boolean: (value) => value === 0n ? false : value === 1n ? true : exactNumber(value),
  datetime: (value) => datetimeAt(Number(value) * 1000) ?? exactNumber(value),
  date: (value) => dateAt(Number(value) * 1000) ?? exactNumber(value),
};

/** How reals are; nothing where one is no such thing. */
export const REALS: Partial<Record<ColumnType, (value: number) => Cell | undefined>> = {
  datetime: (value) => datetimeAt(julianMilliseconds(value)),
  date: (value) => dateAt(julianMilliseconds(value)),
};

/** The same integer as a number, where a double holds it and its neighbours. */
function exactNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** The Julian day of 1970-01-01T00:00Z, in milliseconds. */
const JULIAN_EPOCH_MS = 210_866_760_000_000;

/** The first Julian day that SQLite's `auto` modifier takes for a Unix time instead. */
const JULIAN_END = 5_373_484.5;

/** Unix milliseconds of a Julian day, rounded as SQLite does; NaN where it is no such day. */
function julianMilliseconds(day: number): number {
  return day >= 0 && day < JULIAN_END ? Math.floor(day * 86_400_000 + 0.5) - JULIAN_EPOCH_MS : NaN;
}

const DAY_MS = 86_400_000;

/** Unix milliseconds of 0000-01-01 and of 10000-01-01: the years that four digits write. */
const FIRST_MS = -62_167_219_200_000;
const END_MS = 253_402_300_800_000;

/** `YYYY-MM-DDTHH:MM:SS[.fff]Z`; nothing outside the years 0000 to 9999. */
function datetimeAt(milliseconds: number): string | undefined {
  if (!(milliseconds >= FIRST_MS && milliseconds < END_MS)) return undefined;
  const days = Math.floor(milliseconds / DAY_MS);
  const rest = milliseconds - days * DAY_MS;
  const seconds = Math.floor(rest / 1000);
  const fraction = rest - seconds * 1000;
  return formatDate(days) + "T" + PAIRS[Math.floor(seconds / 3600)]! + ":" +
    PAIRS[Math.floor(seconds / 60) % 60]! + ":" + PAIRS[seconds % 60]! +
    (fraction === 0 ? "" : "." + String(fraction).padStart(3, "0")) + "Z";
}

/** `YYYY-MM-DD`; nothing for a moment that is not midnight. */
function dateAt(milliseconds: number): string | undefined {
  if (!(milliseconds >= FIRST_MS && milliseconds < END_MS)) return undefined;
  return milliseconds % DAY_MS === 0 ? formatDate(milliseconds / DAY_MS) : undefined;
}
