/** Where a param that is a list may stand in SQL. */

/**
 * What a placeholder of a list is the whole of: the parentheses of an `in` or a `not in`, or a test
 * whether the list was given at all (`:ids is null`). Nothing where it is something else, which only a
 * database with arrays understands.
 *
 * @param before the statement up to the placeholder
 * @param behind the statement from behind it on
 */
export function listPlace(
  before: string,
  behind: string,
): "in" | "not in" | "null test" | undefined {
  if (isNullTest(behind)) return "null test";
  const [, not] = /(?<!\w)(not\s{1,100})?in\s{0,100}\(\s{0,100}$/i.exec(before.slice(-REACH)) ??
    [null];
  if (not === null || !/^\s*\)/.test(behind)) return undefined;
  return not === undefined ? "in" : "not in";
}

/** Whether what stands behind a placeholder asks whether its param is null. */
export function isNullTest(behind: string): boolean {
  return /^\s+is\s+(?:not\s+)?null(?!\w)/i.test(behind);
}

/** How far back `not in (` is looked for. */
const REACH = 310;

/** What is wrong with a list that stands somewhere else. */
export function misplacedList(name: string): string {
  return `the list :${name} stands where a single value does; it is for in (:${name})`;
}
