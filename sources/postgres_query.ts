/** Turns a query with named params into the one statement that PostgreSQL is sent. */

import { type ParamValue, type Query, SourceError } from "./source.ts";

/** One query in PostgreSQL's own form. */
export interface BoundQuery {
  /** The statement with `$1`, `$2`, …, without a semicolon; it may end in a comment. */
  readonly text: string;
  /** The values in their order, as text; the server decides which types they are of. */
  readonly values: readonly (string | null)[];
}

/** A character that may continue an identifier (PostgreSQL 4.1.1). */
const WORD = String.raw`[\w$\u0080-\uffff]`;

/**
 * What may hide a placeholder or a semicolon, be mistaken for a placeholder, or be one. What is not
 * finished reaches to the end, and is for the server to refuse.
 */
const TOKEN = new RegExp(
  [
    String.raw`--[^\n\r]*`,
    // They nest, which takes a loop.
    String.raw`(?<comment>/\*)`,
    // 4.1.2.2: only a string with an E before it has backslash escapes.
    String.raw`(?<!${WORD})[eE]'(?:[^'\\]|''|\\[^])*(?:'|$)`,
    String.raw`'[^']*(?:'|$)`,
    String.raw`"[^"]*(?:"|$)`,
    // 4.1.2.4: dollar quotes.
    String
      .raw`(?<!${WORD})\$(?<tag>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[^]*?(?:\$\k<tag>\$|$)`,
    String.raw`(?<!${WORD})(?<positional>\$\d+)`,
    "::",
    String.raw`:(?<name>[A-Za-z_\u0080-\uffff]${WORD}*)`,
    "(?<end>;)",
  ].join("|"),
  "g",
);

/** What is wrong with a statement that is no query. */
const NOT_A_QUERY =
  "Cannot run the query: only SELECT, VALUES, TABLE or WITH … SELECT can be exported";

/** A piece of a query: plain SQL, a comment, or something that a `:name` or a `;` is no part of. */
interface Piece {
  readonly kind: "plain" | "comment" | "positional" | "name" | "end";
  readonly text: string;
}

/** Cuts a query into pieces. */
function* pieces(text: string): Generator<Piece> {
  const token = new RegExp(TOKEN);
  let at = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const { comment, positional, name, end } = match.groups!;
    yield { kind: "plain", text: text.slice(at, match.index) };
    at = comment === undefined ? token.lastIndex : commentEnd(text, match.index);
    const kind = comment !== undefined || match[0].startsWith("--")
      ? "comment"
      : positional !== undefined
      ? "positional"
      : name !== undefined
      ? "name"
      : end !== undefined
      ? "end"
      : "plain";
    yield { kind, text: text.slice(match.index, at) };
    token.lastIndex = at;
  }
  yield { kind: "plain", text: text.slice(at) };
}

/** The names of the placeholders (`:name`) of a query, each once and in order. */
export function placeholders(query: string): readonly string[] {
  const names = pieces(query).filter(({ kind }) => kind === "name").map(({ text }) =>
    text.slice(1)
  );
  return [...new Set(names)];
}

/**
 * Binds the params of a query. A name may stand in it more than once, and a `:name` that is no param
 * stays as it is: it may be the end of an array's slice.
 *
 * @throws {SourceError} when it is no query, or more than one statement
 */
export function bindQuery({ text, params }: Query): BoundQuery {
  const names: string[] = [];
  /** The statement without its comments, to tell what kind it is. */
  let bare = "";
  let bound = "";
  let ended = false;
  for (const piece of pieces(text)) {
    if (piece.kind === "end") ended = true;
    else if (ended) {
      if (piece.kind === "comment" || piece.text.trim() === "") continue;
      throw new SourceError("Cannot run the query: a second statement follows the first");
    } else if (piece.kind === "positional") {
      throw new SourceError(`Cannot run the query: it has ${piece.text}, where params are :name`);
    } else {
      bare += piece.kind === "comment" ? " " : piece.text;
      const name = piece.text.slice(1);
      if (piece.kind === "name" && Object.hasOwn(params, name)) {
        if (!names.includes(name)) names.push(name);
        bound += `$${names.indexOf(name) + 1}`;
      } else bound += piece.text;
    }
  }
  // The transaction is read-only, so that this is no protection: CALL could end the transaction.
  if (!/^[\s(]*(?:select|values|table|with)(?!\w)/i.test(bare)) throw new SourceError(NOT_A_QUERY);
  return { text: bound, values: names.map((name) => textOf(params[name]!)) };
}

function textOf(value: ParamValue): string | null {
  return value === null ? null : String(value);
}

/** Where a comment ends that begins here: behind as many ends as beginnings, or at the end. */
function commentEnd(text: string, start: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  let depth = 0;
  for (let match = mark.exec(text); match !== null; match = mark.exec(text)) {
    depth += match[0] === "/*" ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return text.length;
}
