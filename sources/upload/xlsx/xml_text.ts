/** Makes strings of the bytes of XML text: UTF-8, its references to characters, and the escapes of cells. */

/** Text that is none: where its bytes are no UTF-8, or XML does not have what they say. */
export class XmlTextError extends Error {
  override readonly name = "XmlTextError";
}

const CR = 0x0d;
const LF = 0x0a;
const AMPERSAND = 0x26;
const SEMICOLON = 0x3b;
const UNDERSCORE = 0x5f;
const LOWER_X = 0x78;

/** What a byte asks for: nothing (a character of its own), a closer look, or the bytes that follow. */
const PLAIN = 0;
const BYTE_KINDS = new Uint8Array(256).fill(1, 0x80);
BYTE_KINDS.fill(1, 0, 0x20);
for (const byte of [CR, AMPERSAND, UNDERSCORE]) BYTE_KINDS[byte] = 1;
BYTE_KINDS[LF] = BYTE_KINDS[0x09] = PLAIN;

/** UTF-16 units that are made into a string at a time. */
const BLOCK_UNITS = 8192;

/** Units of a text that is made from an array of its own length, in half the time of a part of a larger one. */
const SHORT_UNITS = 32;

const SHORT_TEXTS = Array.from(
  { length: SHORT_UNITS + 1 },
  (_, length) => new Array<number>(length).fill(0),
);

const units = new Uint16Array(BLOCK_UNITS + 2);

/** The references that XML has without a DTD (XML 1.0, 4.6). */
const ENTITIES: Readonly<Record<string, number>> = {
  amp: AMPERSAND,
  lt: 0x3c,
  gt: 0x3e,
  quot: 0x22,
  apos: 0x27,
};

/**
 * The text of a cell, or of a part of one, that stands as XML text in some bytes.
 *
 * @throws {XmlTextError} when it is none
 */
export function decodeText(bytes: Uint8Array, from: number, to: number): string {
  return (to - from <= SHORT_UNITS ? shortText(bytes, from, to) : undefined) ??
    longText(bytes, from, to);
}

/** A short text of plain characters alone; undefined for another. */
function shortText(bytes: Uint8Array, from: number, to: number): string | undefined {
  const codes = SHORT_TEXTS[to - from]!;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if (BYTE_KINDS[byte] !== PLAIN) return undefined;
    codes[at - from] = byte;
  }
  return String.fromCharCode.apply(null, codes);
}

function longText(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  let count = 0;
  let escaped = false;
  let at = from;
  while (at < to) {
    if (count >= BLOCK_UNITS) {
      text += stringOf(count);
      count = 0;
    }
    const byte = bytes[at]!;
    if (BYTE_KINDS[byte] === PLAIN) {
      units[count++] = byte;
      at++;
      continue;
    }
    if (byte >= 0x80) {
      const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      const point = at + length > to ? -1 : codePoint(bytes, at, length);
      if (point < 0) throw new XmlTextError("its text is no UTF-8");
      at += length;
      count = addPoint(point, count);
    } else if (byte === UNDERSCORE) {
      escaped ||= bytes[at + 1] === LOWER_X;
      units[count++] = byte;
      at++;
    } else if (byte === AMPERSAND) {
      const end = bytes.indexOf(SEMICOLON, at);
      if (end < 0 || end >= to) throw new XmlTextError("an & stands for itself in its text");
      const point = reference(bytes.subarray(at + 1, end));
      escaped ||= point === UNDERSCORE;
      count = addPoint(point, count);
      at = end + 1;
    } else if (byte === CR) {
      // XML has one line break (XML 1.0, 2.11).
      units[count++] = LF;
      at += bytes[at + 1] === LF && at + 1 < to ? 2 : 1;
    } else {
      throw new XmlTextError(`its text has U+${hexOf(byte)}, which XML does not`);
    }
  }
  text = count === 0 ? text : text + stringOf(count);
  return escaped ? unescapeText(text) : text;
}

function stringOf(count: number): string {
  return String.fromCharCode.apply(null, units.subarray(0, count) as unknown as number[]);
}

function addPoint(point: number, count: number): number {
  if (point < 0x10000) {
    units[count] = point;
    return count + 1;
  }
  units[count] = 0xd800 + ((point - 0x10000) >> 10);
  units[count + 1] = 0xdc00 + (point & 0x3ff);
  return count + 2;
}

/** The character of some bytes of UTF-8; -1 where they are none. */
function codePoint(bytes: Uint8Array, at: number, length: number): number {
  const first = bytes[at]!;
  let point = length === 2 ? first & 0x1f : length === 3 ? first & 0x0f : first & 0x07;
  for (let next = at + 1; next < at + length; next++) {
    const byte = bytes[next]!;
    if ((byte & 0xc0) !== 0x80) return -1;
    point = point << 6 | byte & 0x3f;
  }
  if (length === 2) return first >= 0xc2 ? point : -1;
  if (length === 3) return point >= 0x800 && (point < 0xd800 || point > 0xdfff) ? point : -1;
  return first <= 0xf4 && point >= 0x10000 && point <= 0x10ffff ? point : -1;
}

/** The character that a reference stands for. */
function reference(name: Uint8Array): number {
  const text = String.fromCharCode(...name.subarray(0, 16));
  const [, hex, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(text) ?? [];
  const point = hex !== undefined
    ? parseInt(hex, 16)
    : decimal !== undefined
    ? Number(decimal)
    : Object.hasOwn(ENTITIES, text)
    ? ENTITIES[text]!
    : -1;
  if (!isCharacter(point)) throw new XmlTextError(`&${text}; in its text is no character`);
  return point;
}

/** Whether XML has a character (XML 1.0, 2.2). */
function isCharacter(point: number): boolean {
  if (point < 0x20) return point === 0x09 || point === LF || point === CR;
  return point <= 0xd7ff || point >= 0xe000 && point <= 0xfffd ||
    point >= 0x10000 && point <= 0x10ffff;
}

function hexOf(unit: number): string {
  return unit.toString(16).toUpperCase().padStart(4, "0");
}

/** Undoes `_xHHHH_`, which stands for a UTF-16 unit (ECMA-376 part 1, 22.9.2.19, ST_Xstring). */
export function unescapeText(text: string): string {
  return text.replaceAll(
    /_x([0-9A-Fa-f]{4})_/g,
    (_, hex: string) => String.fromCharCode(parseInt(hex, 16)),
  );
}

const MARKUP: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", "\r": "&#13;" };

const encoder = new TextEncoder();

/** The bytes that {@linkcode decodeText} makes the text of, but for the escapes in it. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text.replaceAll(/[&<\r]/g, (character) => MARKUP[character]!));
}
