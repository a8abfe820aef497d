/**
 * Finds the members of a JSON text that is whole, and known to be JSON. `json_rows.ts` looks for the ends of
 * texts that come in pieces, and stops and goes on anywhere: one scanner for both is longer than the two.
 */

/** A member of an object, or an element of an array. */
export interface Member {
  /** Its key; empty in an array. */
  readonly key: string;
  /** The JSON text of its value, as it was written. */
  readonly text: string;
}

/** The members of an object's text, or the elements of an array's; it must be JSON. */
export function membersOf(text: string): readonly Member[] {
  const members: Member[] = [];
  let at = skipSpace(text, 0);
  const isObject = text[at] === "{";
  at = skipSpace(text, at + 1);
  while (text[at] !== "}" && text[at] !== "]") {
    let key = "";
    if (isObject) {
      const end = valueEnd(text, at);
      key = JSON.parse(text.slice(at, end));
      const colon = skipSpace(text, end);
      at = skipSpace(text, colon + 1);
    }
    const end = valueEnd(text, at);
    members.push({ key, text: text.slice(at, end) });
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return members;
}

/** RFC 8259, 2. */
function skipSpace(text: string, at: number): number {
  while (" \t\r\n".includes(text[at] ?? "x")) at++;
  return at;
}

/** The end of the value that begins at `at`. */
function valueEnd(text: string, at: number): number {
  let depth = 0;
  for (;;) {
    switch (text[at]) {
      case '"':
        at = stringEnd(text, at);
        break;
      case "{":
      case "[":
        depth++;
        at++;
        break;
      case "}":
      case "]":
        depth--;
        at++;
        break;
      default:
        // A number, a word; within brackets also what is between them.
        while (!'",:{}[] \t\r\n'.includes(text[at]!)) at++;
        if (depth > 0 && !'"{}[]'.includes(text[at]!)) at++;
    }
    if (depth === 0) return at;
  }
}

/** The end of the string that begins at `at`. */
function stringEnd(text: string, at: number): number {
  let quote = text.indexOf('"', at + 1);
  while (isEscaped(text, quote, at + 1)) quote = text.indexOf('"', quote + 1);
  return quote + 1;
}

const BACKSLASH = 0x5c;

/** Whether an odd number of backslashes stands before a place of a string, from another one on. */
export function isEscaped(text: string, at: number, from: number): boolean {
  let first = at;
  while (first > from && text.charCodeAt(first - 1) === BACKSLASH) first--;
  return (at - first) % 2 === 1;
}
