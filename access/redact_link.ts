/** Takes out of a URL what must not stand in a log. */

import { splitTarget } from "./link_text.ts";

/** The values that are kept: which secret signed, until when, and what the file is like. */
const KEPT = new Set(["_kid", "_exp", "_key", "_columns", "_delivery", "_limit"]);

/** Characters that are kept of a path or a query. */
const MAX_LENGTH = 500;

/**
 * A URL for a log, without its origin: the values of its query are left out, as they are a signature, or
 * of persons. What is no URL comes out as printable ASCII on one line all the same.
 *
 * @example
 * ```ts
 * redactLink("/exports/a.csv?_exp=1&_kid=a&email=x%40y&_sig=fn6h"); // "/exports/a.csv?_exp=1&_kid=a&email=*&_sig=*"
 * ```
 */
export function redactLink(url: string): string {
  const { path, query } = splitTarget(url);
  if (query === "") return printable(path);
  const pairs = query.slice(0, MAX_LENGTH).split("&").map((pair) => {
    const mark = pair.indexOf("=");
    // Without a name, it may be a value.
    if (mark < 0) return "*";
    const name = pair.slice(0, mark);
    return KEPT.has(name) ? printable(pair) : `${printable(name)}=*`;
  });
  return `${printable(path)}?${pairs.join("&")}${query.length > MAX_LENGTH ? "..." : ""}`;
}

/** Printable ASCII; all else percent-encoded, and no more than a line of a log wants. */
function printable(text: string): string {
  return text.slice(0, MAX_LENGTH).toWellFormed().replace(/[^\x21-\x7e]+/g, encodeURIComponent);
}
