/** Turns a query's named params into the question marks and values of a prepared statement. */

import mysql from "mysql2";
import { type ParamValue, SourceError } from "./source.ts";

/** A statement as the server prepares it. */
export interface BoundStatement {
  /** The query with `?` for each placeholder. */
  readonly text: string;
  /** A value for each, in their order. */
  readonly values: readonly unknown[];
}

/** How the server reads a statement: its `sql_mode`. */
export interface ReadingOptions {
  /** Whether a backslash in a string is a letter like others (`NO_BACKSLASH_ESCAPES`). @default false */
  readonly plainBackslash?: boolean;
}

/**
 * What may hide a placeholder or be one (MySQL 9.1 and 9.7); a string or comment without an end
 * reaches to the end. A doubled quote needs no rule: it reads as two strings side by side.
 */
function tokens({ plainBackslash = false }: ReadingOptions): RegExp {
  const inside = (quote: string) =>
    plainBackslash ? `[^${quote}]*` : `(?:[^${quote}\\\\]|\\\\[^])*`;
  return new RegExp(
    [
      // Two dashes begin a comment before a space or a control character only: `5--:n` has none.
      String.raw`--(?=[\s\x00-\x1f]|$)[^\n]*`,
      String.raw`#[^\n]*`,
      String.raw`/\*[^]*?(?:\*/|$)`,
      `'${inside("'")}(?:'|$)`,
      `"${inside('"')}(?:"|$)`,
      "`[^`]*(?:`|$)",
      "::",
      String.raw`(?<mark>\?)`,
      String.raw`:(?<name>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`,
    ].join("|"),
    "g",
  );
}

/**
 * The names of a query's placeholders, each once and in order, as a server with the usual `sql_mode`
 * reads it.
 */
export function placeholders(query: string): readonly string[] {
  const found = [...query.matchAll(tokens({}))];
  return [...new Set(found.flatMap(({ groups }) => groups?.name ?? []))];
}

/**
 * Replaces each `:name` outside strings, quoted names and comments, as often as it stands there.
 *
 * @example
 * ```ts
 * bindParams("select ':no' from t where org = :org", { org: "a" }); // … where org = ?
 * ```
 *
 * @throws {SourceError} for a name without a value, and for a `?` of the query's own
 */
export function bindParams(
  query: string,
  params: Readonly<Record<string, ParamValue>>,
  options: ReadingOptions = {},
): BoundStatement {
  const values: unknown[] = [];
  const text = query.replace(tokens(options), (token, ...rest) => {
    const { mark, name } = rest.at(-1) as { readonly mark?: string; readonly name?: string };
    if (mark !== undefined) {
      throw new SourceError("Cannot run the query: it has a ?, and params are written as :name");
    }
    if (name === undefined) return token;
    if (!Object.hasOwn(params, name)) {
      throw new SourceError(`Cannot run the query: it names :${name}, which is no param`);
    }
    values.push(bindable(params[name]!));
    return "?";
  });
  return { text, values };
}

const INT64_END = 2n ** 63n;

/**
 * The value with the type that it is sent as. Left to itself, the driver sends a number as a double,
 * which `limit` refuses, and a `bigint` as text.
 */
function bindable(value: ParamValue): unknown {
  const { TypedParameter: typed } = mysql;
  if (typeof value === "boolean") return typed.TINY(value ? 1 : 0);
  if (typeof value === "number" && Number.isSafeInteger(value)) return typed.LONGLONG(value);
  if (typeof value !== "bigint") return value;
  if (value >= -INT64_END && value < INT64_END) return typed.LONGLONG(value);
  return value >= 0 && value < 2n * INT64_END
    ? typed.LONGLONG.unsigned(value)
    : typed.NEWDECIMAL(String(value));
}
