/** Tells the encoding of a text. */

import { isAscii, isUtf8 } from "node:buffer";
import type { ByteReader } from "./byte_reader.ts";
import { guessEncoding } from "./encoding_guess.ts";
import type { Note } from "./reader.ts";

/** Bytes of a text that are looked at for its encoding. */
const LOOKED_AT_BYTES = 1024 * 1024;

/**
 * The label of a text that began with ASCII alone, and goes on: what the first character beyond is of is seen
 * when it comes, as every encoding of a kind with ASCII reads the text before it.
 */
export const ASCII_SO_FAR = "ascii-so-far";

/** Marks in front of a text, by its encoding. */
const MARKS: readonly (readonly [string, readonly number[]])[] = [
  ["utf-8", [0xef, 0xbb, 0xbf]],
  ["utf-16le", [0xff, 0xfe]],
  ["utf-16be", [0xfe, 0xff]],
];

/**
 * The label of a text's encoding (WHATWG Encoding, 4.2), or {@linkcode ASCII_SO_FAR}: by its mark, by the zeros of
 * UTF-16, as UTF-8 where it is that; else it is guessed from the lines that are not ASCII, and said.
 *
 * @param open begins to read the text anew
 */
export async function findEncoding(open: () => ByteReader, note: Note): Promise<string> {
  const text = open();
  try {
    return await detect(text, note);
  } finally {
    await text.close();
  }
}

async function detect(text: ByteReader, note: Note): Promise<string> {
  let all: Uint8Array = new Uint8Array();
  let ended = false;
  while (!ended && all.length < LOOKED_AT_BYTES) {
    const piece = await text.read();
    ended = piece === undefined;
    // A copy in any case: the piece is its reader's.
    all = joined(all, (piece ?? new Uint8Array()).slice());
  }
  const known = markOf(all) ?? utf16Of(all);
  if (known !== undefined) return known;
  const whole = ended ? all : all.subarray(0, wholeCharacters(all));
  if (isAscii(whole)) return ended ? "utf-8" : ASCII_SO_FAR;
  return isUtf8(whole) ? "utf-8" : guessEncoding(all, note);
}

/** Bytes one after the other. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const [one, other] = parts.filter(({ length }) => length > 0);
  if (other === undefined) return one ?? new Uint8Array();
  const all = new Uint8Array(parts.reduce((bytes, { length }) => bytes + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The encoding whose mark a text begins with. */
export function markOf(bytes: Uint8Array): string | undefined {
  return MARKS.find(([, mark]) => mark.every((byte, index) => bytes[index] === byte))?.[0];
}

/** UTF-16 without a mark: ASCII, of which every table has some, has a zero in each of its units. */
function utf16Of(bytes: Uint8Array): string | undefined {
  const units = Math.min(bytes.length, 4096) >> 1;
  const zeros = [0, 0];
  for (let at = 0; at < 2 * units; at++) if (bytes[at] === 0) zeros[at & 1]!++;
  const [even, odd] = zeros as [number, number];
  if (odd > units / 8 && even < odd / 8) return "utf-16le";
  if (even > units / 8 && odd < even / 8) return "utf-16be";
  return undefined;
}

/** Where the last whole character of UTF-8 ends. */
export function wholeCharacters(bytes: Uint8Array): number {
  const { length } = bytes;
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back]!;
    if (byte < 0x80) return length;
    if (byte >= 0xc0) {
      const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return back < size ? length - back : length;
    }
  }
  return length;
}
