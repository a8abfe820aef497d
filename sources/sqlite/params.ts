/** Binds the params of a query to a statement of SQLite. */

import type { SQLInputValue } from "node:sqlite";
import { isList, listPosition, misplacedList } from "../list_params.ts";
import { type ParamItem, type Query, SourceError } from "../source.ts";

/** A query whose values are bound. */
export interface BoundQuery {
  /** The statement, with a `?` for each item of a list. */
  readonly text: string;
  /** The values by name, with the colon; those that the statement does not name do no harm. */
  readonly named: Readonly<Record<string, SQLInputValue>>;
  /** The items of lists, in the order of their `?`. */
  readonly items: readonly SQLInputValue[];
}

/**
 * What may hide a placeholder or be one (https://www.sqlite.org/lang_expr.html#varparam); a string or
 * comment without an end reaches to the end. A doubled quote reads as two strings side by side.
 */
const TOKEN = new RegExp(
  [
    String.raw`--[^\n]*`,
    String.raw`/\*[^]*?(?:\*/|$)`,
    `'[^']*(?:'|$)`,
    `"[^"]*(?:"|$)`,
    "`[^`]*(?:`|$)",
    String.raw`\[[^\]]*(?:\]|$)`,
    String.raw`(?<mark>\?)`,
    String.raw`:(?<name>[\w$\u0080-\uffff]+)`,
  ].join("|"),
  "g",
);

/**
 * Binds the values. A list becomes its items, each bound like a single value: JSON, which `json_each`
 * would read, has no NUL and no blob. They have no names, as SQLite looks a name up among all others.
 *
 * @throws {SourceError} when SQLite cannot hold a value, or where a list stands that no list can
 */
export function bindQuery({ text, params, types = {} }: Query): BoundQuery {
  const named: Record<string, SQLInputValue> = Object.create(null);
  const lists = new Map<string, readonly ParamItem[] | null>();
  for (const [name, value] of Object.entries(params)) {
    if (isList(value)) {
      lists.set(name, value);
      // For `:ids is null`; elsewhere its items stand for it.
      named[`:${name}`] = 1n;
    } else {
      if (value === null && types[name]?.endsWith("[]")) lists.set(name, null);
      named[`:${name}`] = bindable(value, name);
    }
  }
  return lists.size === 0 ? { text, named, items: [] } : { named, ...insertItems(text, lists) };
}

/** Puts a `?` for each item where a list stands alone in parentheses; a list that is null stays one. */
function insertItems(
  text: string,
  lists: ReadonlyMap<string, readonly ParamItem[] | null>,
): Pick<BoundQuery, "text" | "items"> {
  const items: SQLInputValue[] = [];
  const expanded = text.replace(TOKEN, (token, ...rest) => {
    const { mark, name } = rest.at(-1) as { mark?: string; name?: string };
    if (mark !== undefined) {
      throw new SourceError("Cannot run the query: it has ?, where params are :name");
    }
    const list = name === undefined ? undefined : lists.get(name);
    if (name === undefined || list === undefined) return token;
    const at = rest.at(-3) as number;
    const position = listPosition(text.slice(0, at), text.slice(at + token.length));
    if (position === undefined) {
      throw new SourceError(`Cannot run the query: ${misplacedList(name)}`);
    }
    if (position === "null test" || list === null) return token;
    for (const item of list) items.push(bindable(item, name));
    return Array(list.length).fill("?").join(", ");
  });
  return { text: expanded, items };
}

/** The least and the greatest INTEGER. */
const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;

/** The value as SQLite has it: whole numbers as INTEGER, so that `'page ' || :n` has no `.0`. */
function bindable(value: ParamItem | null, name: string): SQLInputValue {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === "bigint" && (value < MIN_INTEGER || value > MAX_INTEGER)) {
    throw new SourceError(
      `Cannot run the query: the value of :${name} is beyond what an integer of SQLite holds`,
      { params: [name] },
    );
  }
  return value;
}
