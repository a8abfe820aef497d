/** Cuts a query with named params where PostgreSQL will have `$1`, `$2`, …. */

import { type ListPosition, listPosition } from "../list_params.ts";
import { SourceError } from "../source.ts";

/** Where a param stands in a query. */
export interface Slot {
  /** The param's name. */
  readonly name: string;
  /** What it is to the SQL around it; nothing but a value where this is absent. */
  readonly position?: ListPosition;
}

/** One query, cut where its params stand. */
export interface Statement {
  /** The text around the slots, one more than there are; without a semicolon, perhaps with a comment at its end. */
  readonly texts: readonly string[];
  /** Where params stand, in order. */
  readonly slots: readonly Slot[];
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
    String.raw`(?<bracket>[()[\]])`,
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
  /** Where it begins in the query. */
  readonly start: number;
}

/** Cuts a query into pieces; a `:name` is one of the declared params, or can be nothing else than a param. */
function* pieces(text: string, declared: readonly string[]): Generator<Piece> {
  const token = new RegExp(TOKEN);
  /** The brackets that are open, by what they are: of a subscript, or any others. */
  const open: ("subscript" | "other")[] = [];
  let at = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const { comment, positional, name, bracket, end } = match.groups!;
    yield { kind: "plain", text: text.slice(at, match.index), start: at };
    at = comment === undefined ? token.lastIndex : commentEnd(text, match.index);
    if (bracket === "]" || bracket === ")") open.pop();
    else if (bracket !== undefined) {
      open.push(isSubscript(text, match.index) ? "subscript" : "other");
    }
    const kind = comment !== undefined || match[0].startsWith("--")
      ? "comment"
      : positional !== undefined
      ? "positional"
      : name !== undefined &&
          !(open.at(-1) === "subscript" && isSlice(lately(text, match.index), name, declared))
      ? "name"
      : end !== undefined
      ? "end"
      : "plain";
    yield { kind, text: text.slice(match.index, at), start: match.index };
    token.lastIndex = at;
  }
  yield { kind: "plain", text: text.slice(at), start: at };
}

/** Whether a bracket begins a subscript, and not an array (`array[1, 2]`) or an expression. */
function isSubscript(text: string, at: number): boolean {
  if (text[at] !== "[") return false;
  const [before = ""] = /(?:[\w$\u0080-\uffff]+|[)\]"])\s{0,100}$/.exec(lately(text, at)) ?? [];
  return before !== "" && !/^array\s*$/i.test(before);
}

/**
 * Whether a `:name` in a subscript is the end of a slice (4.2.3): `x[1:n]`, where the colon follows an
 * expression. `x[:n]` may be both, and is the param where one of that name is declared.
 */
function isSlice(before: string, name: string, declared: readonly string[]): boolean {
  const trimmed = before.trimEnd();
  if (trimmed.endsWith("[")) return !declared.includes(name);
  return /[\w$\u0080-\uffff)\]"']$/.test(trimmed);
}

/** As much of the text before a place as tells what it is. */
function lately(text: string, at: number): string {
  return text.slice(Math.max(0, at - 200), at);
}

/** The names of the placeholders (`:name`) of a query, each once and in order. */
export function placeholders(query: string, declared: readonly string[]): readonly string[] {
  const names = pieces(query, declared).filter(({ kind }) => kind === "name")
    .map(({ text }) => text.slice(1));
  return [...new Set(names)];
}

/**
 * Cuts a query where its params stand. A name may stand in it more than once, and a `:name` that is no
 * param stays as it is: it may be the end of an array's slice.
 *
 * @param names the names of the params
 * @throws {SourceError} when it is no query, or more than one statement
 */
export function parseQuery(text: string, names: readonly string[]): Statement {
  const slots: Slot[] = [];
  const texts: string[] = [];
  /** The statement without its comments, to tell what kind it is. */
  let bare = "";
  let current = "";
  let ended = false;
  for (const piece of pieces(text, names)) {
    if (piece.kind === "end") ended = true;
    else if (ended) {
      if (piece.kind === "comment" || piece.text.trim() === "") continue;
      throw new SourceError("Cannot run the query: a second statement follows the first");
    } else if (piece.kind === "positional") {
      throw new SourceError(`Cannot run the query: it has ${piece.text}, where params are :name`);
    } else {
      bare += piece.kind === "comment" ? " " : piece.text;
      const name = piece.text.slice(1);
      if (piece.kind === "name" && names.includes(name)) {
        const behind = text.slice(piece.start + piece.text.length);
        const position = listPosition(current, behind);
        slots.push(position === undefined ? { name } : { name, position });
        texts.push(current);
        current = "";
      } else current += piece.text;
    }
  }
  // The transaction is read-only, so that this is no protection: CALL could end the transaction.
  if (!/^[\s(]*(?:select|values|table|with)(?!\w)/i.test(bare)) throw new SourceError(NOT_A_QUERY);
  return { texts: [...texts, current], slots };
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
