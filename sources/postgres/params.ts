/**
 * Gives the params of a query the types that the server takes them for.
 *
 * A param stands for its value as a literal does: `5` is an integer and `3000000000` a bigint, `2.5` is
 * numeric, a date a date, a datetime a moment (`timestamptz`), and the type of a text is for the server to
 * find, as that of `'…'` is: it may be an enum's or a uuid. So indexes are used as they are for literals,
 * `:a < :b` compares numbers and not text, and `(:b is null or id > :b)` has a type. Where the server finds no
 * operator or function for such a type (`text_column = :n`), the param is left to it as a text is; and where
 * it cannot tell the type of a text (`concat(:s)`), that is text.
 */

import { BEFORE_LIST } from "../list_params.ts";
import type { Statement } from "./query.ts";
import type { ParamItem, ParamType, ParamValue, Query } from "../source.ts";

/** One query in PostgreSQL's own form. */
export interface BoundQuery {
  /** The statement with `$1`, `$2`, …. */
  readonly text: string;
  /** What each of them stands for. */
  readonly params: readonly BoundParam[];
  /** Where they stand in the text, in order. */
  readonly positions: readonly { readonly key: string; readonly start: number }[];
}

/** A value as it is sent. */
export interface BoundParam {
  /** The param's name. */
  readonly name: string;
  /** Tells it from others of the same param. */
  readonly key: string;
  /** The OID of its type; 0 leaves it to the server. */
  readonly oid: number;
  /** The OID of its type where the server cannot tell it. */
  readonly fallback: number;
  /** Its text. */
  readonly value: string | null;
}

/** What differs from the first guess of the types. */
export interface Typing {
  /** Types of params by their key, each tried once. */
  readonly oids: Readonly<Record<string, number>>;
  /** Params that are one of their own wherever they stand. */
  readonly split: readonly string[];
}

/** The first guess. */
export const AS_LITERALS: Typing = { oids: {}, split: [] };

/** What of a server's error tells of types. */
export interface ServerError {
  /** The code (PostgreSQL, appendix A). */
  readonly code?: string;
  /** The message, in whatever language. */
  readonly message?: string;
  /** Where in the statement it is, in characters from 1 on. */
  readonly position?: string;
}

/** A type's OID and that of its arrays (pg_type.dat). */
interface Type {
  readonly one: number;
  readonly list: number;
}

const UNKNOWN: Type = { one: 0, list: 0 };
const TEXT: Type = { one: 25, list: 1009 };
const INTEGER: Type = { one: 23, list: 1007 };
const BIGINT: Type = { one: 20, list: 1016 };
const NUMERIC: Type = { one: 1700, list: 1231 };
const BOOLEAN: Type = { one: 16, list: 1000 };
const DATE: Type = { one: 1082, list: 1182 };
const TIMESTAMPTZ: Type = { one: 1184, list: 1185 };

/** Binds a query's params, with the types that {@linkcode retype} has changed. */
export function bind(statement: Statement, query: Query, typing = AS_LITERALS): BoundQuery {
  const { texts, slots } = statement;
  const params: BoundParam[] = [];
  const positions: { key: string; start: number }[] = [];
  let text = texts[0]!;
  for (const [index, slot] of slots.entries()) {
    const { name, position } = slot;
    const literal = literalOid(query, name);
    const oid = typing.oids[name] ?? literal;
    // A test for null tells no type, and needs none: it is one of its own where others tell it.
    const own = position === "null test" && oid === 0;
    const key = typing.split.includes(name) ? `${name} ${index}` : own ? `${name}?` : name;
    let number = params.findIndex((param) => param.key === key) + 1;
    if (number === 0) {
      const text = isListParam(query, name) ? TEXT.list : TEXT.one;
      number = params.push({
        name,
        key,
        oid: typing.oids[key] ?? (own ? TEXT.one : oid),
        fallback: literal || text,
        value: textOf(query.params[name]!, query.types?.[name]),
      });
    }
    if (position?.endsWith("in") && isListParam(query, name)) {
      text = text.replace(BEFORE_LIST, position === "in" ? "= any (" : "<> all (");
    }
    positions.push({ key, start: text.length });
    text += `$${number}${texts[index + 1]}`;
  }
  return { text, params, positions };
}

/** Codes of what is there for other types: an operator or a function, an expression, a cast. */
const MISFITS = ["42883", "42804", "42846"];

/** The code of an operator or a function that may be one of several. */
const AMBIGUOUS = "42725";

/** Codes of a param whose type nothing tells, or two positions in two ways. */
const UNDETERMINED = ["42P18", "42P08"];

/**
 * Says which types to try next, after an error that came of them; nothing where none are left, or where it
 * came of something else. Each type of a param is tried once.
 */
export function retype(error: ServerError, bound: BoundQuery, typing: Typing): Typing | undefined {
  const { code = "", message = "", position } = error;
  const type = (param: BoundParam | undefined, oid: (param: BoundParam) => number) =>
    param && { ...typing, oids: { ...typing.oids, [param.key]: oid(param) } };
  const isUntried = ({ key }: BoundParam) => !Object.hasOwn(typing.oids, key);
  /** Whether its positions may be told apart, each with a type of its own. */
  const isShared = ({ key, oid }: BoundParam) =>
    oid === 0 && bound.positions.filter((position) => position.key === key).length > 1;
  const split = ({ name }: BoundParam) => ({ ...typing, split: [...typing.split, name] });

  if (UNDETERMINED.includes(code)) {
    // In whatever language the message is.
    const named = bound.params[Number(/\$(\d+)/.exec(message)?.[1]) - 1];
    if (named && isShared(named)) return split(named);
    return named && isUntried(named) ? type(named, ({ fallback }) => fallback) : undefined;
  }
  if (code === AMBIGUOUS) {
    const untyped = bound.params.filter((param) => param.oid === 0 && isUntried(param));
    return type(nearest(bound, position, untyped), ({ fallback }) => fallback);
  }
  if (MISFITS.includes(code)) {
    const typed = (param: BoundParam) => param.oid !== 0 && isUntried(param);
    const wrong = nearest(
      bound,
      position,
      bound.params.filter((param) => typed(param) || isShared(param)),
    );
    return wrong && isShared(wrong) ? split(wrong) : type(wrong, () => 0);
  }
  return undefined;
}

/** The one of some params that stands nearest to a place in the text. */
function nearest(
  { positions }: BoundQuery,
  position: string | undefined,
  params: readonly BoundParam[],
): BoundParam | undefined {
  const distance = ({ key }: BoundParam) =>
    Math.min(
      ...positions.filter((position) => position.key === key)
        .map(({ start }) => Math.abs(start + 1 - Number(position ?? 0))),
    );
  return params.toSorted((one, other) => distance(one) - distance(other))[0];
}

function isListParam({ params, types }: Query, name: string): boolean {
  return Array.isArray(params[name]) || (types?.[name] ?? "").endsWith("[]");
}

/** The OID that a literal of the param's value has. */
function literalOid(query: Query, name: string): number {
  const value = query.params[name] ?? [];
  const items = typeof value === "object" ? value : [value];
  const type = typeOf(items, query.types?.[name]?.replace("[]", ""));
  return isListParam(query, name) ? type.list : type.one;
}

function typeOf(items: readonly ParamItem[], declared: string | undefined): Type {
  switch (declared ?? typeof items[0]) {
    case "integer":
    case "bigint":
      return wholeType(items);
    case "number":
      return items.length > 0 && items.every(isWhole) ? wholeType(items) : NUMERIC;
    case "boolean":
      return BOOLEAN;
    case "date":
      return DATE;
    case "datetime":
      return TIMESTAMPTZ;
    default:
      return UNKNOWN;
  }
}

function wholeType(items: readonly ParamItem[]): Type {
  const small = items.map(Number).every((number) => number >= -(2 ** 31) && number < 2 ** 31);
  return small ? INTEGER : BIGINT;
}

function isWhole(item: ParamItem): boolean {
  return typeof item === "bigint" || Number.isSafeInteger(item);
}

function textOf(value: ParamValue, type: ParamType | undefined): string | null {
  if (value === null) return null;
  if (typeof value !== "object") return itemText(value, type);
  // 8.15.6: in quotes every item is what it is, `null` and braces too.
  const items = value.map((item) => `"${itemText(item, type).replace(/["\\]/g, "\\$&")}"`);
  return `{${items.join(",")}}`;
}

/** Datetimes are in UTC, whatever the session's zone is. */
function itemText(item: ParamItem, type: ParamType | undefined): string {
  return type?.startsWith("datetime") ? `${item}+00` : String(item);
}
