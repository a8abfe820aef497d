/** Turns a query and its params into a request, which stays under the source's URL whatever they are. */

import type { HttpConfig } from "./config.ts";
import { PLACEHOLDER, placeholders } from "./query.ts";
import { type ParamItem, type ParamValue, type Query, SourceError } from "../source.ts";

/** What is sent. */
export interface HttpRequest {
  /** Where to, params included. */
  readonly url: string;
  /** The JSON text of a POST; absent for a GET. */
  readonly body?: string;
}

/**
 * Builds the request of a query: its path is added to the path of the source's URL, and its query
 * string to the URL's own. Params that it names take their places, percent-encoded; the others go into
 * the query string of a GET and into the JSON object of a POST.
 *
 * A param may be part of a path's segment, and never makes another one: some servers decode `%2F`
 * before they look for `..`, so that a value with a slash is refused there. Of a query string, a pair
 * whose param is null is left out. A list is a pair for each of its items, and one without a value where it
 * has none; in a path, its items with commas between; in a POST's body, an array.
 *
 * @throws {SourceError} when the query leaves the URL, or a value would
 */
export function toRequest({ url, method }: HttpConfig, { text, params }: Query): HttpRequest {
  const query = text.trim();
  if (!LEGAL.test(query)) refuse("it is a path and a query string, without spaces, \\ and #");
  const mark = query.indexOf("?");
  const path = mark < 0 ? query : query.slice(0, mark);
  const pairs = mark < 0 ? [] : query.slice(mark + 1).split("&").filter((pair) => pair !== "");
  if (DOTS.test(path)) refuse("its path has a . or .. in it");

  const target = new URL(url);
  if (path !== "" && path !== "/") {
    const filled = path.replace(/^\//, "").replace(
      PLACEHOLDER,
      (_, name) => segment(name, valueOf(params, name)),
    );
    // A value can make `.:x` a `..`, and a URL takes that out together with what is before it.
    if (DOTS.test(filled)) refuse("a param makes a . or .. of its path", dotted(path, params));
    target.pathname = `${target.pathname.replace(/\/$/, "")}/${filled}`;
  }
  const named = new Set(placeholders(query));
  const others = Object.keys(params).filter((name) => !named.has(name));
  if (method === "GET") pairs.push(...others.map((name) => `${encodeURIComponent(name)}=:${name}`));
  const written = pairs.flatMap((pair) => fillPair(pair, params));
  target.search = [target.search.slice(1), ...written].filter((part) => part !== "").join("&");
  return method === "GET"
    ? { url: target.href }
    : { url: target.href, body: toJson(others, params) };
}

/** Everything but white space, control characters, the backslash, which a URL reads as a slash, and #. */
const LEGAL = /^[^\0-\x20\x7f\\#]*$/;

/**
 * A segment that a URL takes for a direction (WHATWG URL, 4.1), or one that hides behind a %2F or a `;`: some
 * servers decode a segment, drop what follows its `;` and then go up.
 */
const DOTS = /(?:^|\/|%2f|%5c)(?:\.|%2e){1,2}(?:$|\/|%2f|%5c|;|%3b)/i;

function valueOf(params: Query["params"], name: string): ParamValue {
  if (!Object.hasOwn(params, name)) refuse(`it names :${name}, which has no value`);
  return params[name]!;
}

/** A value as a part of a path's segment. */
function segment(name: string, value: ParamValue): string {
  if (value !== null && typeof value === "object") {
    return value.length === 0
      ? segment(name, null)
      : value.map((item) => segment(name, item)).join();
  }
  const text = value === null ? "" : String(value);
  // deno-lint-ignore no-control-regex
  if (text === "" || /[/\\\0-\x1f\x7f]/.test(text)) {
    refuse(`the value of :${name} is empty or has a slash, and stands in its path`, [name]);
  }
  return encodeText(name, text);
}

/** The params of a path whose values have a dot. */
function dotted(path: string, params: Query["params"]): readonly string[] {
  return placeholders(path).filter((name) => String(params[name]).includes("."));
}

/** A pair with its values, or one for each item of a list; nothing where a value is null. */
function fillPair(pair: string, params: Query["params"]): readonly string[] {
  const names = placeholders(pair);
  if (names.some((name) => valueOf(params, name) === null)) return [];
  const lists = names.filter((name) => typeof params[name] === "object");
  if (lists.length > 1) refuse(`:${lists.join(" and :")} are lists, and stand in one pair`);
  const [list] = lists;
  const items = list === undefined ? [] : params[list] as readonly ParamItem[];
  const fill = (item: ParamItem) =>
    pair.replace(
      PLACEHOLDER,
      (_, name) => encodeText(name, String(name === list ? item : params[name])),
    );
  return items.length === 0 ? [fill("")] : items.map(fill);
}

function encodeText(name: string, text: string): string {
  if (!text.isWellFormed()) refuse("a value has half of a character (a lone surrogate)", [name]);
  return encodeURIComponent(text);
}

/** The members as JSON, integers with every digit. */
function toJson(names: readonly string[], params: Query["params"]): string {
  const members = names.map((name) => `${JSON.stringify(name)}:${jsonOf(params[name]!)}`);
  return `{${members.join(",")}}`;
}

function jsonOf(value: ParamValue): string {
  if (value !== null && typeof value === "object") return `[${value.map(jsonOf).join(",")}]`;
  return typeof value === "bigint" ? String(value) : JSON.stringify(value);
}

/** @param params those whose values are why */
function refuse(reason: string, params: readonly string[] = []): never {
  throw new SourceError(`Cannot run the query: ${reason}`, { params });
}
