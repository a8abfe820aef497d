/** Reads a query string to the letter: what is no text in UTF-8 is a mistake. */

import { badRequest, ProblemError } from "./problems.ts";

/**
 * The names and values of a query string. `URLSearchParams` puts U+FFFD for bytes that are no UTF-8, such as
 * those of a form in Latin-1, and takes a lone `%` for itself, so that a query would be run for another value.
 *
 * @throws {ProblemError} 400 with every name whose value, or which itself, cannot be decoded
 */
export function parseQuery(search: string): URLSearchParams {
  const broken = search.slice(1).split("&").filter((pair) => decode(pair) === undefined);
  if (broken.length > 0) {
    const names = broken.map((pair) => pair.replace(/=.*$/s, ""));
    throw new ProblemError(badRequest(names.map((name) => ({
      name: decode(name) ?? name,
      detail: "must be text in UTF-8, percent-encoded",
    }))));
  }
  return new URLSearchParams(search);
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}
