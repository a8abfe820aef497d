/** Turns a query's named params into the question marks and values of a prepared statement. */

import mysql from "mysql2";
import { type SqlMode, tokens } from "./query.ts";
import { isList, listPosition, misplacedList } from "../list_params.ts";
import { type ParamItem, type Query, SourceError } from "../source.ts";

/** A statement as the server prepares it. */
export interface BoundStatement {
  /** The query with `?` for each placeholder. */
  readonly text: string;
  /** What each of them stands for, in their order. */
  readonly params: readonly BoundValue[];
}

/** A value of a param, or an item of one. */
export interface BoundValue {
  /** The param's name. */
  readonly name: string;
  /** The value. */
  readonly value: ParamItem | null;
}

/**
 * Replaces each `:name` outside strings, quoted names and comments, as often as it stands there; in
 * `in (:list)` by as many question marks as the list has items.
 *
 * @example
 * ```ts
 * bindParams({ text: "select ':no' from t where org = :org", params: { org: "a" } }); // … where org = ?
 * ```
 *
 * @throws {SourceError} for a name without a value, for a list in another place, and for a `?` of the
 *   query's own
 */
export function bindParams(
  { text: query, params, types = {} }: Query,
  mode: SqlMode = {},
): BoundStatement {
  const bound: BoundValue[] = [];
  const text = query.replace(tokens(mode), (token, ...rest) => {
    const { mark, name } = rest.at(-1) as { readonly mark?: string; readonly name?: string };
    if (mark !== undefined) {
      throw new SourceError("Cannot run the query: it has a ?, and params are written as :name");
    }
    if (name === undefined) return token;
    if (!Object.hasOwn(params, name)) {
      throw new SourceError(`Cannot run the query: it names :${name}, which is no param`);
    }
    const value = params[name]!;
    if (!isList(value) && !types[name]?.endsWith("[]")) {
      bound.push({ name, value });
      return "?";
    }
    const at = rest.at(-3) as number;
    const position = listPosition(query.slice(0, at), query.slice(at + token.length));
    if (position === undefined) {
      throw new SourceError(`Cannot run the query: ${misplacedList(name)}`);
    }
    const items = !isList(value) ? [value] : position === "null test" ? [true] : value;
    // No list of values may be empty, and the result of a query may.
    if (items.length === 0) return "select null from dual where false";
    bound.push(...items.map((value) => ({ name, value })));
    return items.map(() => "?").join(", ");
  });
  return { text, params: bound };
}

const INT64_END = 2n ** 63n;

/**
 * The value with the type that it is sent as. Left to itself, the driver sends a number as a double,
 * which `limit` refuses, and a `bigint` as text.
 */
export function bindable(value: ParamItem | null): unknown {
  const { TypedParameter: typed } = mysql;
  if (typeof value === "boolean") return typed.TINY(value ? 1 : 0);
  if (typeof value === "number" && Number.isSafeInteger(value)) return typed.LONGLONG(value);
  if (typeof value !== "bigint") return value;
  if (value >= -INT64_END && value < INT64_END) return typed.LONGLONG(value);
  return value >= 0 && value < 2n * INT64_END
    ? typed.LONGLONG.unsigned(value)
    : typed.NEWDECIMAL(String(value));
}
