/** Turns what a caller gives for an export's params into the values that its query binds. */

import type { ParamOrigin } from "../access/identity_params.ts";
import type { ParamItem, ParamType, ParamValue } from "../sources/source.ts";
import { splitItems } from "./list_text.ts";
import {
  isListType,
  itemTypeOf,
  MAX_INTEGER,
  MIN_INTEGER,
  parseDatetime,
  PARSERS,
} from "./values.ts";

/** A declared param. */
export interface Param {
  /** Its name, in the query (`:name`) and in URLs. */
  readonly name: string;
  /** How its text is read. */
  readonly type: ParamType;
  /** Whether a caller must give it. */
  readonly required: boolean;
  /** Its value when a caller gives none; null when this is absent too. */
  readonly default?: ParamValue;
  /** Whether the environment is in the default, so that callers are not told of it. @default false */
  readonly secretDefault?: boolean;
  /** What people read for it. */
  readonly title?: string;
  /** Whether the log has its value, and not a keyed hash. @default false */
  readonly log?: boolean;
  /** What of the identity it is; a caller cannot give it then. @default nothing: callers give it */
  readonly from?: ParamOrigin;
  /** The values of an enum, or of the items of a list of them; so are the limits below. */
  readonly values?: readonly string[];
  /** The least integer, number, date or datetime. */
  readonly min?: ParamItem;
  /** The greatest integer, number, date or datetime. */
  readonly max?: ParamItem;
  /** The most UTF-16 units of a string. @default {@linkcode MAX_TEXT_LENGTH} */
  readonly maxLength?: number;
  /** The most items of a list. @default {@linkcode DEFAULT_MAX_ITEMS} */
  readonly maxItems?: number;
}

/** The most UTF-16 units that a string param takes: a name, an address, not a document. */
export const MAX_TEXT_LENGTH = 1000;

/** The most items that a list takes where its param does not say. */
export const DEFAULT_MAX_ITEMS = 1000;

/** The most UTF-16 units of a bad value that a message repeats. */
const QUOTED_LENGTH = 60;

/** What is wrong with one param, for the caller to read. */
export interface ParamIssue {
  /** The param's name as it was given. */
  readonly name: string;
  /** What is wrong, and what was expected. */
  readonly detail: string;
}

/** What the caller gave, read. */
export interface ParsedParams {
  /** The values by name, in the order of their declaration; an object without a prototype. */
  readonly values: Readonly<Record<string, ParamValue>>;
  /** Every issue, one a name; while there are any, the values are not complete. */
  readonly issues: readonly ParamIssue[];
}

/**
 * Reads the params of a request; never throws, so that every issue is found at once.
 *
 * A list is given with commas between its items, or by its name repeated. What is empty and need not be
 * given counts as not given: that is how HTML forms send what was left open.
 *
 * @param given the names and texts, such as the entries of `URLSearchParams`
 *
 * @example
 * ```ts
 * const url = new URL(request.url);
 * const { values, issues } = parseParams(definition.params, url.searchParams);
 * ```
 */
export function parseParams(
  params: ReadonlyMap<string, Param>,
  given: Iterable<readonly [name: string, text: string]>,
): ParsedParams {
  const texts = new Map<string, string[]>();
  for (const [name, text] of given) {
    const others = texts.get(name);
    if (others) others.push(text);
    else texts.set(name, [text]);
  }
  const issues: ParamIssue[] = [];
  const read = new Map<string, NonNullable<ParamValue>>();
  for (const [name, given] of texts) {
    const param = params.get(name);
    if (param === undefined) {
      issues.push({ name, detail: `unknown param; ${known(params)}` });
    } else if (param.required || given.some((text) => text !== "")) {
      const reading = readTexts(param, given);
      if ("detail" in reading) issues.push({ name, detail: reading.detail });
      else read.set(name, reading.value);
    } else {
      texts.delete(name);
    }
  }
  const values: Record<string, ParamValue> = Object.create(null);
  for (const param of params.values()) {
    const value = read.get(param.name);
    if (value !== undefined) values[param.name] = value;
    else if (texts.has(param.name)) continue;
    else if (param.required) {
      issues.push({ name: param.name, detail: `missing; expected ${expectation(param)}` });
    } else values[param.name] = param.default ?? null;
  }
  return { values, issues };
}

/**
 * Reads a param from the texts that the identity has for it, each of them a value or an item as it is.
 *
 * @returns nothing where they are no value of the param
 */
export function readIdentityValue(
  param: Param,
  texts: readonly string[],
): NonNullable<ParamValue> | undefined {
  const readings = texts.map((text) => readItem(param, text));
  const values = readings.flatMap((reading) => "value" in reading ? [reading.value] : []);
  if (values.length < texts.length) return undefined;
  if (!isListType(param.type)) return values.length === 1 ? values[0] : undefined;
  return values.length > (param.maxItems ?? DEFAULT_MAX_ITEMS) ? undefined : values;
}

/** A value, or what is wrong with the text of it. */
type Reading = { readonly value: NonNullable<ParamValue> } | { readonly detail: string };

/** Reads what was given under one name. */
function readTexts(param: Param, texts: readonly string[]): Reading {
  const [text = "", ...others] = texts;
  if (!isListType(param.type)) {
    if (others.length > 0) return { detail: `given ${texts.length} times; give it once` };
    return readItem(param, text);
  }
  const { maxItems = DEFAULT_MAX_ITEMS } = param;
  const items = splitItems(texts);
  if (items.length > maxItems) {
    return { detail: `has ${items.length} items, and at most ${maxItems} are read` };
  }
  const value: ParamItem[] = [];
  for (const [index, item] of items.entries()) {
    const reading = readItem(param, item);
    if ("detail" in reading) return { detail: `item ${index + 1}: ${reading.detail}` };
    value.push(reading.value);
  }
  return { value };
}

/** Reads one text as a value, or as an item of a list. */
function readItem(
  param: Param,
  text: string,
): { readonly value: ParamItem } | { readonly detail: string } {
  const value = PARSERS[itemTypeOf(param.type)](text);
  if (value !== undefined && isAllowed(param, value)) return { value };
  return { detail: refusal(param, text) };
}

/** Whether a value, or an item, of the param's type keeps its limits. Dates and datetimes compare as text. */
export function isAllowed(param: Param, value: ParamItem): boolean {
  const type = itemTypeOf(param.type);
  if (type === "enum") return param.values?.includes(String(value)) ?? false;
  if (typeof value === "string" && type === "string") {
    return value.length <= (param.maxLength ?? MAX_TEXT_LENGTH);
  }
  const { min = value, max = value } = param;
  return value >= min && value <= max;
}

/** Says what a param takes: `a date such as 2026-01-31`. */
export function expectation(param: Param): string {
  if (!isListType(param.type)) return itemExpectation(param);
  const { maxItems = DEFAULT_MAX_ITEMS } = param;
  return `at most ${maxItems} items with commas between, each ${itemExpectation(param)}`;
}

/** Says what a param takes, or a list as each of its items. */
export function itemExpectation(param: Param): string {
  switch (itemTypeOf(param.type)) {
    case "string":
      return `text of at most ${param.maxLength ?? MAX_TEXT_LENGTH} characters, without NUL`;
    case "integer": {
      const { min = MIN_INTEGER, max = MAX_INTEGER } = param;
      return `a whole number from ${min} to ${max}`;
    }
    case "number":
      return `a number${range(param, "of at least", "of at most") ?? " such as 12.5"}`;
    case "boolean":
      return "true or false";
    case "date":
      return `a date${range(param, "not before", "not after") ?? " such as 2026-01-31"}`;
    case "datetime":
      return `a date and time${
        range(param, "not before", "not after") ?? " such as 2026-01-31T12:30:00Z"
      }`;
    case "enum":
      return listing(param.values ?? []);
  }
}

/** Writes names or values as a sentence does: `a, b or c`. */
export function listing(words: readonly string[], conjunction: "and" | "or" = "or"): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} ${conjunction} ${words.at(-1)}`;
}

/** Quotes a value in a message: on one line, in full when it is short. */
export function quote(text: string): string {
  if (text.length <= QUOTED_LENGTH) return JSON.stringify(text);
  return `${JSON.stringify(text.slice(0, QUOTED_LENGTH))}…`;
}

function refusal(param: Param, text: string): string {
  const detail = `expected ${itemExpectation(param)}, not ${quote(text)}`;
  // `+` is a space in a query string (WHATWG URL, application/x-www-form-urlencoded parsing).
  const spaced = itemTypeOf(param.type) === "datetime" && / \d\d:\d\d$/.test(text) &&
    parseDatetime(text.replace(/ (?=\d\d:\d\d$)/, "+")) !== undefined;
  return spaced ? `${detail}; the + of an offset is written %2B in a URL` : detail;
}

function known(params: ReadonlyMap<string, Param>): string {
  if (params.size === 0) return "this export takes none";
  return `this export takes ${listing([...params.keys()], "and")}`;
}

function range(
  { min, max }: Param,
  least: string,
  most: string,
): string | undefined {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` ${least} ${min}`;
  return max === undefined ? undefined : ` ${most} ${max}`;
}
