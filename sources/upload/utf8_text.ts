/** Reads a text of any encoding as UTF-8. */

import { isAscii, isUtf8 } from "node:buffer";
import type { ByteReader } from "./byte_reader.ts";
import { ASCII_SO_FAR, joined, markOf, wholeCharacters } from "./encoding.ts";
import { guessEncoding } from "./encoding_guess.ts";
import type { Note } from "./reader.ts";

/**
 * Reads a text as UTF-8 without a mark. What is none in its encoding is U+FFFD then, and counted.
 */
export function toUtf8(text: ByteReader, label: string, note: Note): ByteReader {
  switch (label) {
    case "utf-8":
      return checkUtf8(text, note);
    case ASCII_SO_FAR:
      return readOnFromAscii(text, note);
    default:
      return transcode(text, label, note);
  }
}

const encoder = new TextEncoder();

/** U+FFFD of a text that is not in it already. */
function countReplaced(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\ufffd"); at >= 0; at = text.indexOf("\ufffd", at + 1)) count++;
  return count;
}

function transcode(text: ByteReader, label: string, note: Note): ByteReader {
  const decoder = new TextDecoder(label);
  let ended = false;
  return {
    async read() {
      while (!ended) {
        const bytes = await text.read();
        ended = bytes === undefined;
        const decoded = decoder.decode(bytes, { stream: !ended });
        const replaced = countReplaced(decoded);
        if (replaced > 0) note("invalid-text", undefined, replaced);
        if (decoded !== "") return encoder.encode(decoded);
      }
      return undefined;
    },
    close: () => text.close(),
  };
}

/** Passes ASCII on, and what follows it in the encoding that it is found to be of. */
function readOnFromAscii(text: ByteReader, note: Note): ByteReader {
  let rest: ByteReader | undefined;
  return {
    async read() {
      if (rest) return await rest.read();
      const piece = await text.read();
      if (piece === undefined || isAscii(piece)) return piece;
      const label = isUtf8(piece.subarray(0, wholeCharacters(piece)))
        ? "utf-8"
        : guessEncoding(piece, note);
      rest = toUtf8(startingWith(piece, text), label, note);
      return await rest.read();
    },
    close: () => text.close(),
  };
}

function startingWith(first: Uint8Array, text: ByteReader): ByteReader {
  let isFirst = true;
  return {
    async read() {
      if (!isFirst) return await text.read();
      isFirst = false;
      return first;
    },
    close: () => text.close(),
  };
}

/** Passes UTF-8 on, without its mark. */
function checkUtf8(text: ByteReader, note: Note): ByteReader {
  let rest: Uint8Array = new Uint8Array();
  let isFirst = true;
  let ended = false;
  return {
    async read() {
      while (!ended) {
        const piece = await text.read();
        ended = piece === undefined;
        let bytes = joined(rest, piece ?? new Uint8Array());
        // A mark is three bytes, of which a piece might be but a part.
        if (isFirst && !ended && bytes.length < 3) {
          rest = bytes.slice();
          continue;
        }
        if (isFirst && markOf(bytes) === "utf-8") bytes = bytes.subarray(3);
        isFirst = false;
        const end = ended ? bytes.length : wholeCharacters(bytes);
        rest = bytes.slice(end);
        if (end > 0) return valid(bytes.subarray(0, end), note);
      }
      return undefined;
    },
    close: () => text.close(),
  };
}

function valid(bytes: Uint8Array, note: Note): Uint8Array {
  if (isUtf8(bytes)) return bytes;
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const fixed = encoder.encode(text);
  // Each byte that is none of UTF-8 becomes three; those that were U+FFFD before stay.
  note("invalid-text", undefined, countReplaced(text) - countOwn(bytes));
  return fixed;
}

/** U+FFFD that were in the text. */
function countOwn(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(0xef); at >= 0; at = bytes.indexOf(0xef, at + 1)) {
    if (bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd) count++;
  }
  return count;
}
