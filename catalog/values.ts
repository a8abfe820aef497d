/** Reads the text of a param as a value of its type. */

import type { ParamItem, ParamItemType, ParamType } from "../sources/source.ts";
import { parseDays } from "../table/datetime.ts";

/** The types that a single value can have. */
export const ITEM_TYPES = [
  "string",
  "integer",
  "number",
  "boolean",
  "date",
  "datetime",
  "enum",
] as const satisfies readonly ParamItemType[];

/** The types that a param can have: of a single value, or of a list. */
export const PARAM_TYPES: readonly ParamType[] = [
  ...ITEM_TYPES,
  ...ITEM_TYPES.map((type) => `${type}[]` as const),
];

/** Whether a type is that of a list. */
export function isListType(type: ParamType): type is `${ParamItemType}[]` {
  return type.endsWith("[]");
}

/** The type of a list's items; a single value is its own. */
export function itemTypeOf(type: ParamType): ParamItemType {
  return type.replace("[]", "") as ParamItemType;
}

/** Integers are those of SQLite and of `bigint` in PostgreSQL and MySQL: signed, of 64 bits. */
export const MIN_INTEGER: bigint = -(2n ** 63n);
/** See {@linkcode MIN_INTEGER}. */
export const MAX_INTEGER: bigint = 2n ** 63n - 1n;

/** Longer text is no integer of 64 bits; reading digits takes time that grows with their square. */
const MAX_INTEGER_LENGTH = 20;

/** RFC 3339 and what people leave out of it; nine digits are nanoseconds, more than databases keep. */
const DATETIME =
  /^(\d{4}-\d\d-\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/;

/** How to read each type; nothing for a text that is no such value. */
export const PARSERS = {
  string: parseString,
  integer: parseInteger,
  number: parseNumber,
  boolean: parseBoolean,
  date: parseDate,
  datetime: parseDatetime,
  enum: parseString,
} satisfies Record<ParamItemType, (text: string) => ParamItem | undefined>;

/** Text as it is: well-formed UTF-16 without NUL, which PostgreSQL cannot hold and C strings end at. */
export function parseString(text: string): string | undefined {
  return text.includes("\0") || !text.isWellFormed() ? undefined : text;
}

/** An integer of 64 bits, exactly: a bigint where a double would round. */
export function parseInteger(text: string): number | bigint | undefined {
  if (text.length > MAX_INTEGER_LENGTH || !/^-?\d+$/.test(text)) return undefined;
  return exactInteger(BigInt(text));
}

/** The same integer as sources give it: a number while it is a safe one; nothing beyond 64 bits. */
export function exactInteger(value: bigint): number | bigint | undefined {
  if (value < MIN_INTEGER || value > MAX_INTEGER) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** A finite double in decimal notation; `-0` is 0. */
export function parseNumber(text: string): number | undefined {
  if (!/^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value + 0 : undefined;
}

/** `true` or `false`, and no third spelling: two links that ask for the same are the same. */
export function parseBoolean(text: string): boolean | undefined {
  return text === "true" ? true : text === "false" ? false : undefined;
}

/** `YYYY-MM-DD`, a day that exists, from 0001-01-01, as PostgreSQL knows no year 0. */
export function parseDate(text: string): string | undefined {
  return parseDays(text) === undefined || text.startsWith("0000") ? undefined : text;
}

/**
 * A moment, as `YYYY-MM-DD HH:MM:SS[.f…]` in UTC: what SQLite's date functions give and PostgreSQL
 * reads. It takes RFC 3339, or that without seconds or offset (UTC then), or a bare date (midnight).
 * The digits of the fraction are kept, but for zeros at its end.
 */
export function parseDatetime(text: string): string | undefined {
  const [, date, hour, minute, second = "00", fraction = "", offset = "Z"] =
    DATETIME.exec(text.length === 10 ? `${text} 00:00` : text) ?? [];
  if (date === undefined || parseDate(date) === undefined) return undefined;
  const digits = fraction.replace(/0+$/, "");
  const moment = Date.parse(`${date}T${hour}:${minute}:${second}${offset.toUpperCase()}`);
  const utc = new Date(moment).toISOString();
  // An offset can carry the first day into year 0 and the last one into year 10000 (`+010000-…`).
  if (parseDate(utc.slice(0, 10)) === undefined) return undefined;
  return `${utc.slice(0, 10)} ${utc.slice(11, 19)}${digits === "" ? "" : `.${digits}`}`;
}
