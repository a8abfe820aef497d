/** Tells the encoding of a text, and reads it as UTF-8. */

import { isAscii, isUtf8 } from "node:buffer";
import { analyse } from "chardet";
import type { ByteReader } from "./byte_reader.ts";
import type { Note } from "./reader.ts";

/** Bytes of a text that are looked at for its encoding. */
const LOOKED_AT_BYTES = 1024 * 1024;

/** Bytes of lines that are not ASCII that are enough to tell an older encoding. */
const EVIDENCE_BYTES = 64 * 1024;

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
  return isUtf8(whole) ? "utf-8" : guessed(all, note);
}

/** Guesses, and says so. */
function guessed(bytes: Uint8Array, note: Note): string {
  const evidence: Uint8Array[] = [];
  let size = 0;
  // Lines of ASCII alone tell nothing.
  for (const line of linesBeyondAscii(bytes)) {
    if (size >= EVIDENCE_BYTES) break;
    evidence.push(line);
    size += line.length;
  }
  const label = guess(joined(...evidence));
  note("encoding-guessed", label);
  return label;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
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
function markOf(bytes: Uint8Array): string | undefined {
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
function wholeCharacters(bytes: Uint8Array): number {
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

/** The lines that have a byte beyond ASCII, cut at ASCII, where no character can be halved. */
function* linesBeyondAscii(bytes: Uint8Array): Generator<Uint8Array> {
  let start = 0;
  let beyond = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte >= 0x80) beyond = true;
    else if (byte === 0x0a || byte === 0x0d) {
      if (beyond) yield bytes.subarray(start, at + 1);
      start = at + 1;
      beyond = false;
    }
  }
  if (beyond) yield bytes.subarray(start);
}

/** What is known of an encoding of two bytes a character: where those lie that are used most. */
interface DoubleByte {
  readonly label: string;
  /** Whether a lead byte is of common characters, or of punctuation. */
  isCommon(lead: number): boolean;
}

const DOUBLE_BYTES: readonly DoubleByte[] = [
  // Hangul.
  { label: "euc-kr", isCommon: (lead) => inside(lead, 0xb0, 0xc8) || inside(lead, 0xa1, 0xa3) },
  // Kana, and kanji of the first level.
  { label: "shift_jis", isCommon: (lead) => inside(lead, 0x81, 0x98) && lead !== 0x85 },
  {
    label: "gb18030",
    isCommon: (lead) => lead >= 0xb0 && lead <= 0xd7 || inside(lead, 0xa1, 0xa3),
  },
  { label: "big5", isCommon: (lead) => inside(lead, 0xa1, 0xc6) },
  { label: "euc-jp", isCommon: (lead) => inside(lead, 0xa1, 0xa5) || inside(lead, 0xb0, 0xcf) },
];

function inside(byte: number, first: number, last: number): boolean {
  return byte >= first && byte <= last;
}

/** The part of the characters that must be common ones: in text of another encoding, half are. */
const COMMON_PART = 0.8;

/** Alphabets in which letters beyond ASCII stand among others. */
const LATIN = ["windows-1252", "windows-1250", "windows-1254", "windows-1257", "iso-8859-2"];

const OTHER_ALPHABETS = [
  "windows-1251",
  "windows-1253",
  "windows-1255",
  "windows-1256",
  "koi8-r",
  "iso-8859-5",
  "iso-8859-6",
];

/** Names that the detection has, as the labels of what Windows writes; others are labels already. */
const LABELS: Readonly<Record<string, string>> = {
  "iso-8859-1": "windows-1252",
  "iso-8859-7": "windows-1253",
  "iso-8859-8": "windows-1255",
  "iso-8859-9": "windows-1254",
};

/**
 * The encoding that bytes look most like. Those of two bytes a character are told by which characters there
 * would be, also from a single short line, where the statistics of `chardet` say nothing or something else.
 */
function guess(bytes: Uint8Array): string {
  const evidence = bytes.subarray(0, EVIDENCE_BYTES);
  const parts = DOUBLE_BYTES.map((encoding) => ({
    label: encoding.label,
    part: isTextOf(evidence, encoding.label) ? commonPart(evidence, encoding) : 0,
  })).sort((one, other) => other.part - one.part);
  if (parts[0]!.part >= COMMON_PART) return parts[0]!.label;
  if (isThai(evidence)) return "windows-874";
  const isLatin = neighbours(evidence) < 0.5;
  for (const { name } of analyse(evidence)) {
    const label = LABELS[name.toLowerCase()] ?? name.toLowerCase();
    if ((isLatin ? LATIN : OTHER_ALPHABETS).includes(label)) return label;
  }
  return "windows-1252";
}

function isTextOf(bytes: Uint8Array, label: string): boolean {
  try {
    // The last character may be cut.
    new TextDecoder(label, { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function commonPart(bytes: Uint8Array, { isCommon }: DoubleByte): number {
  let all = 0;
  let common = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at]! < 0x80) continue;
    all++;
    if (isCommon(bytes[at]!)) common++;
    at++;
  }
  return all === 0 ? 0 : common / all;
}

/** The part of the bytes beyond ASCII that stand beside another one. */
function neighbours(bytes: Uint8Array): number {
  let all = 0;
  let beside = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at]! < 0x80) continue;
    all++;
    if (bytes[at - 1]! >= 0x80 || bytes[at + 1]! >= 0x80) beside++;
  }
  return all === 0 ? 0 : beside / all;
}

/** Whether half of the letters are where Thai has consonants, and other alphabets have signs. */
function isThai(bytes: Uint8Array): boolean {
  const letters = bytes.filter((byte) => byte >= 0x80);
  const consonants = letters.filter((byte) => byte >= 0xa1 && byte <= 0xc6);
  return consonants.length > letters.length * 0.4;
}

/** Whether a label is that of an encoding. */
export function isLabel(label: string): boolean {
  try {
    new TextDecoder(label);
    return true;
  } catch {
    return false;
  }
}

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
        : guessed(piece, note);
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
