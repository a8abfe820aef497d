/** Turns the objects that a row generator yields into rows, and refuses what its columns do not allow. */

import { SourceError } from "../source.ts";
import type { Cell, ColumnType, Row } from "../../table/table.ts";

/** Takes a value, or gives nothing where it is not of the type; null never gets here. */
type ReadCell = (value: unknown) => Cell | undefined;

const matching = (pattern: RegExp): ReadCell => (value) =>
  typeof value === "string" && pattern.test(value) ? value : undefined;

const DATETIME = matching(/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?$/);
const DECIMAL = matching(/^[+-]?\d+(?:\.\d+)?$/);

const READERS: Readonly<Record<ColumnType, ReadCell>> = {
  string: (value) => typeof value === "string" ? value : undefined,
  // A number beyond 2^53 has most likely lost digits already; a bigint has not.
  integer: (value) => Number.isSafeInteger(value) ? value as number : integerOf(value),
  number: (value) => typeof value === "number" ? value : undefined,
  decimal: (value) => Number.isFinite(value) ? value as number : integerOf(value) ?? DECIMAL(value),
  boolean: (value) => typeof value === "boolean" ? value : undefined,
  date: matching(/^\d{4}-\d\d-\d\d$/),
  datetime: (value) => value instanceof Date ? momentOf(value) : DATETIME(value),
  time: matching(/^\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/),
  duration: (value) =>
    typeof value === "string" || Number.isFinite(value) ? value as Cell : undefined,
  json: (value) => typeof value === "string" ? value : undefined,
  binary: (value) => value instanceof Uint8Array ? value : undefined,
};

/** What a value of a type is, for the author of the module. */
const EXPECTED: Readonly<Record<ColumnType, string>> = {
  string: "a string",
  integer: "a whole number, a bigint beyond 2^53",
  number: "a number",
  decimal: 'a number or digits such as "-12.50"',
  boolean: "true or false",
  date: "YYYY-MM-DD",
  datetime: "YYYY-MM-DD HH:MM:SS or a Date",
  time: "HH:MM:SS",
  duration: "a string or a number of seconds",
  json: "a string of JSON",
  binary: "a Uint8Array",
};

function integerOf(value: unknown): Cell | undefined {
  if (typeof value !== "bigint") return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** A moment of the years that four digits write. */
function momentOf(moment: Date): string | undefined {
  const text = Number.isNaN(moment.getTime()) ? "" : moment.toISOString();
  return text.length === 24 ? text : undefined;
}

/** Makes the function that reads the row of this number, from 1 on; a row is an object by column. */
export function createRowReader(
  columns: readonly (readonly [name: string, type: ColumnType])[],
): (value: unknown, number: number) => Row {
  const names = columns.map(([name]) => name);
  const readers = columns.map(([, type]) => READERS[type]);

  function refuse(number: number, reason: string): never {
    throw new SourceError(`Cannot read the rows: row ${number} ${reason}`);
  }

  return function readRow(value, number) {
    if (typeof value !== "object" || value === null) refuse(number, "is not an object");
    const object = value as Readonly<Record<string, unknown>>;
    const row = new Array<Cell>(names.length);
    for (let index = 0; index < names.length; index++) {
      const name = names[index]!;
      const given = object[name];
      const cell = given === null ? null : readers[index]!(given);
      if (cell === undefined) {
        if (!Object.hasOwn(object, name)) refuse(number, `has no column ${JSON.stringify(name)}`);
        const expected = EXPECTED[columns[index]![1]];
        refuse(number, `has in column ${JSON.stringify(name)} what is not ${expected}`);
      }
      row[index] = cell;
    }
    const keys = Object.keys(object);
    if (keys.length > names.length) {
      const unknown = keys.find((key) => !names.includes(key));
      if (unknown !== undefined) {
        refuse(number, `has a column ${JSON.stringify(unknown)}, which is not declared`);
      }
    }
    return row;
  };
}
