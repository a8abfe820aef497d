/** Makes integers, doubles and decimals of the cells that stand for them. */

import type { Cell } from "../table/table.ts";

/** A cell that is not null. */
export type Value = NonNullable<Cell>;

/** Makes a cell one of its type, which it may be already; nothing where it is no such thing. */
export type Converter = (value: Value) => Value | undefined;

/**
 * A whole number, with the zeros that a `numeric` has behind its point; of a thousand digits at most,
 * as more take a time that grows with their square.
 */
const WHOLE = /^\s*([+-]?\d{1,1000})(?:\.0*)?\s*$/;

/** Any number, also as databases write it: `.5`, `5.`, `+5`, `1e-7`. */
const NUMBER = /^\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*$/;

/** What a double and a `numeric` can be besides; JavaScript and PostgreSQL have the same words. */
const NOT_FINITE = /^(?:NaN|[+-]?Infinity)$/;

/** A `number` while it is a safe integer, else a `bigint`. */
export function toInteger(value: Value): Value | undefined {
  switch (typeof value) {
    case "number":
      // Of -0 it makes 0.
      return Number.isInteger(value) ? value + 0 : undefined;
    case "bigint":
      return value;
    case "boolean":
      return Number(value);
    case "string": {
      const digits = WHOLE.exec(value)?.[1];
      if (digits === undefined) return undefined;
      const number = Number(digits);
      return Number.isSafeInteger(number) ? number + 0 : BigInt(digits);
    }
    default:
      return undefined;
  }
}

/** A double: digits beyond those that it holds are rounded, a size beyond is none. */
export function toNumber(value: Value): Value | undefined {
  switch (typeof value) {
    case "number":
      return value;
    case "bigint":
    case "boolean":
      return Number(value);
    case "string": {
      if (!NUMBER.test(value)) return NOT_FINITE.test(value) ? Number(value) : undefined;
      const number = Number(value);
      return Number.isFinite(number) ? number : undefined;
    }
    default:
      return undefined;
  }
}

/** A number as it is, or text with every digit that it has. */
export function toDecimal(value: Value): Value | undefined {
  switch (typeof value) {
    case "number":
    case "bigint":
      return value;
    case "boolean":
      return Number(value);
    case "string":
      return NUMBER.exec(value)?.[1] ?? (NOT_FINITE.test(value) ? value : undefined);
    default:
      return undefined;
  }
}
