/** The names in a query that a link has for itself. */

import { type Pair, splitTarget } from "./link_text.ts";

/** The signature, which alone is not signed. */
export const SIGNATURE = "_sig";

/** All of them; each stands in a link once at most. */
export const LINK_NAMES: readonly string[] = [
  "_kid",
  "_exp",
  "_tenant",
  "_sub",
  "_scopes",
  "_key",
  SIGNATURE,
];

/** Those that every link has: one of them makes a URL an attempt at one. */
const MARKS = ["_kid", "_exp", SIGNATURE];

/** Whether a name is one of them. */
export function isLinkName(name: string): boolean {
  return LINK_NAMES.includes(name);
}

/** Whether a URL is to be verified as a link, be it one or not. */
export function isLink(url: string): boolean {
  const given = new URLSearchParams(splitTarget(url).query);
  return MARKS.some((name) => given.has(name));
}

/** The params and options in the query of a link that was verified. */
export function withoutLinkNames(query: Iterable<readonly [string, string]>): Pair[] {
  return [...query].filter(([name]) => !isLinkName(name));
}
