/** Takes out of a URL what must not stand in a log. */

import { splitTarget } from "./link_text.ts";
import { cutText, redactName, redactPath } from "./redact_text.ts";

/**
 * The values that are kept: until when, and what the file is like. The names of the secret and of the key
 * are what the caller says they are, and stand elsewhere in the line where there are such.
 */
const KEPT = new Set(["_exp", "_columns", "_delivery", "_limit"]);

/** Characters that are kept of a query. */
const MAX_LENGTH = 500;

/**
 * A URL for a log, without its origin: the values of its query are left out, as they are a signature, or
 * of persons. What is no URL comes out as printable ASCII on one line all the same.
 *
 * @example
 * ```ts
 * redactLink("/exports/a.csv?_exp=1&_kid=a&email=x%40y&_sig=fn6h"); // "/exports/a.csv?_exp=1&_kid=*&email=*&_sig=*"
 * ```
 */
export function redactLink(url: string): string {
  const { path, query } = splitTarget(url);
  if (query === "") return redactPath(path);
  const pairs = query.slice(0, MAX_LENGTH).split("&").map((pair) => {
    const mark = pair.indexOf("=");
    // Without a name, it may be a value.
    if (mark < 0) return "*";
    const name = pair.slice(0, mark);
    return KEPT.has(name) ? printable(pair) : `${redactName(name)}=*`;
  });
  return `${redactPath(path)}?${pairs.join("&")}${query.length > MAX_LENGTH ? "..." : ""}`;
}

/** Printable ASCII without a key; all else percent-encoded. */
function printable(text: string): string {
  return cutText(text).replace(/[^\x21-\x7e…]+/gu, encodeURIComponent);
}
