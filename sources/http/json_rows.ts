/** Splits one JSON array, as it comes, into the text of its elements. */

import { isEscaped } from "./json_text.ts";
import { type JsonSplitter, Pieces } from "./ndjson_rows.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** What may come next, outside an element. */
type State = "start" | "first" | "element" | "separator" | "end";

const EXPECTED: Readonly<Record<State, string>> = {
  start: "an array",
  first: "an element or ]",
  element: "an element",
  separator: ", or ]",
  end: "nothing after the array",
};

/**
 * Splits an array (RFC 8259, 5) in the memory of one element. The commas and brackets of the array are
 * checked here; an element's text is only found by its quotes and the depth of its brackets, and parsing
 * it shows whether it is JSON. Each character is looked at once, however the text is cut into pieces.
 *
 * @param maxRow the most UTF-16 units of an element
 */
export function createJsonSplitter(maxRow: number): JsonSplitter {
  let text = "";
  /** Where to look on. */
  let at = 0;
  let state: State = "start";
  /** Where what is left of the element begins that is being read; -1 between elements. */
  let start = -1;
  const begun = new Pieces(maxRow);
  let depth = 0;
  let inString = false;
  /** Whether a backslash takes the next character along. */
  let escaping = false;

  /** Looks on through an element; true at its end. */
  function scanElement(): boolean {
    while (at < text.length) {
      if (inString) {
        if (!scanString()) return false;
        continue;
      }
      const code = text.charCodeAt(at);
      if (depth === 0) {
        // A number ends before what is none of its characters.
        if (isNumberPart(code)) at++;
        else return true;
        continue;
      }
      at++;
      if (code === QUOTE) inString = true;
      else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
      else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && --depth === 0) return true;
    }
    return false;
  }

  /** Looks for the quote that ends a string; a backslash takes what follows it along. */
  function scanString(): boolean {
    if (escaping && at < text.length) {
      at++;
      escaping = false;
    }
    for (;;) {
      const quote = text.indexOf('"', at);
      const end = quote < 0 ? text.length : quote;
      const escaped = isEscaped(text, end, at);
      if (quote < 0) {
        at = end;
        escaping ||= escaped;
        return false;
      }
      at = quote + 1;
      if (!escaped) {
        inString = false;
        return true;
      }
    }
  }

  /** Looks on to the beginning of an element; false at the end of the text. */
  function findElement(): boolean {
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (isSpace(code)) continue;
      if (state === "start" && code === OPEN_BRACKET) state = "first";
      else if (state === "separator" && code === COMMA) state = "element";
      else if ((state === "first" || state === "separator") && code === CLOSE_BRACKET) {
        state = "end";
      } else if ((state === "first" || state === "element") && beginsElement(code)) {
        start = at;
        if (code === OPEN_BRACE || code === OPEN_BRACKET) {
          depth = 1;
          at++;
        }
        return true;
      } else throw new SyntaxError(`expected ${EXPECTED[state]}`);
    }
    return false;
  }

  return {
    proven: true,
    write(more) {
      text = text.slice(at) + more;
      at = 0;
      if (start >= 0) start = 0;
    },
    next() {
      if (start < 0 && !findElement()) return undefined;
      const complete = scanElement();
      const piece = text.slice(start, at);
      start = complete ? -1 : at;
      if (complete) {
        state = "separator";
        return begun.finish(piece);
      }
      begun.add(piece);
      return undefined;
    },
    end() {
      if (state !== "end") throw new SyntaxError("the array has no end");
    },
  };
}

/** RFC 8259, 2. */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** An object, an array, or a number, which counts the rows before it. */
function beginsElement(code: number): boolean {
  return code === OPEN_BRACE || code === OPEN_BRACKET || code >= 0x30 && code <= 0x39;
}

function isNumberPart(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
