/** The text that a link's signature is over, and the query strings that it is made of. */

/** A name and its value, decoded. */
export type Pair = readonly [name: string, value: string];

/** The first line of the text, which tells it from all else that a secret may sign. */
const FIRST_LINE = "spillway-link-v1";

/**
 * The text that is signed: four lines without a last line break.
 *
 * @param path as it stands in the URL, percent-encoded
 * @param pairs all of the query but `_sig`
 */
export function signedText(path: string, pairs: readonly Pair[]): string {
  return [FIRST_LINE, "GET", path, canonicalQuery(pairs)].join("\n");
}

/**
 * A query string as it is signed: encoded as by `encodeURIComponent`, in the order of the bytes.
 *
 * @throws {URIError} for a lone surrogate, which UTF-8 cannot hold
 */
export function canonicalQuery(pairs: readonly Pair[]): string {
  // What is encoded is ASCII, so that the order of UTF-16 units is that of bytes.
  return pairs.map((pair) => pair.map(encodeURIComponent).join("=")).sort().join("&");
}

/** The target of a request, in its parts. */
export interface Target {
  /** The path, percent-encoded. */
  readonly path: string;
  /** The query string without its `?`; empty where there is none. */
  readonly query: string;
}

/** Takes a URL, or the target of a request, apart without changing a character of it. */
export function splitTarget(url: string): Target {
  const target = url.replace(/^https?:\/\/[^/?#]*/i, "");
  const mark = target.indexOf("?");
  return mark < 0
    ? { path: target, query: "" }
    : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

/**
 * Reads a query string as `URLSearchParams` does (`+` is a space), or not at all: what that passes over or
 * replaces, such as an empty pair or bytes that are not UTF-8, is in no link that was signed.
 */
export function readPairs(query: string): readonly Pair[] | undefined {
  if (query === "") return [];
  // Of ASCII that is seen, a raw `#` is in no query: a reader of URLs takes what follows for a fragment.
  if (!/^[\x21\x22\x24-\x7e]*$/.test(query)) return undefined;
  try {
    return query.split("&").map((pair) => {
      const mark = pair.indexOf("=");
      if (mark < 0) throw new URIError("A pair has no =");
      return [decode(pair.slice(0, mark)), decode(pair.slice(mark + 1))] as const;
    });
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
