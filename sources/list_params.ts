/** Params that are lists, and where they may stand in SQL. */

import type { ParamItem, ParamValue } from "./source.ts";

/** Whether a value is a list; `Array.isArray` does not know of arrays that are read-only. */
export function isList(value: ParamValue): value is readonly ParamItem[] {
  return Array.isArray(value);
}

/**
 * What a placeholder is the whole of: the parentheses of an `in` or a `not in`, or a test whether its
 * param was given at all (`:ids is null`).
 */
export type ListPosition = "in" | "not in" | "null test";

/** What opens the parentheses, at the end of what stands before a placeholder. */
export const BEFORE_LIST = /(?<!\w)(not\s{1,100})?in\s{0,100}\(\s{0,100}$/i;

/** How far back it is looked for. */
const REACH = 310;

/**
 * What a placeholder is the whole of. Nothing where it is something else: what only a single value can be,
 * or a list of a database with arrays.
 *
 * @param before the statement up to the placeholder
 * @param behind the statement from behind it on
 */
export function listPosition(before: string, behind: string): ListPosition | undefined {
  if (/^\s+is\s+(?:not\s+)?null(?!\w)/i.test(behind)) return "null test";
  const found = BEFORE_LIST.exec(before.slice(-REACH));
  if (found === null || !/^\s*\)/.test(behind)) return undefined;
  return found[1] === undefined ? "in" : "not in";
}

/** What is wrong with a list that stands somewhere else. */
export function misplacedList(name: string): string {
  return `the list :${name} stands where a single value does; it is for in (:${name})`;
}
