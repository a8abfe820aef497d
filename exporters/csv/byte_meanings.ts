/** What bytes of a field mean to a reader of CSV: that it needs quotes, or may hold a formula. */

import { mayBeFormula } from "./formula_guard.ts";

/**
 * What a byte within a field means: bits, so that those of a field can be gathered. The first three stand
 * side by side, as {@linkcode mayHideTrigger} shifts one onto the other.
 */
export const PLAIN = 0;
/** A separator of some reader: a formula may stand behind it. */
const HIDING = 1;
/** White space, or a byte of it, and quotes, which may stand between a separator and its formula. */
const BLANK = 2;
/** `=`, `+`, `-` and `@`, or the first byte of their full-width forms. */
const TRIGGER = 4;
/** `=`, which needs no reach. */
const EQUALS = 8;
/** `(`, `|` and `!`, or the first byte of their full-width forms. */
const REACH = 16;
/** Quotes, and brackets that a formula would have to close. */
const OPENING = 32;
/** The field needs quotes. */
export const QUOTED = 64;
/** A quote, which is written twice. */
export const DOUBLED = 128;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const DOT = 0x2e;
const NON_ASCII = 0x80;

/** Whether the character here must be looked at as text, where a field starts with it. */
export function isSuspect(bytes: Uint8Array, at: number, suspects: Uint8Array): boolean {
  const byte = bytes[at]!;
  return suspects[byte < 0x80 ? byte << 8 : byte << 8 | bytes[at + 1]!] === 1;
}

/** Whether there are a separator of some reader and a trigger, in some order. */
export function holdsTrigger(found: number): boolean {
  return (found & (HIDING | TRIGGER)) === (HIDING | TRIGGER);
}

/**
 * Whether a trigger may stand behind one of the field's separators. The loop has no branch, which is five
 * times as fast as a look behind each separator.
 */
export function mayHideTrigger(
  bytes: Uint8Array,
  start: number,
  end: number,
  meanings: Uint8Array,
): boolean {
  let found = 0;
  let behind = 0;
  for (let at = start; at < end; at++) {
    const meaning = meanings[bytes[at]!]!;
    found |= behind & meaning >> 2;
    behind = meaning & HIDING | behind & meaning >> 1;
  }
  return found !== 0;
}

/**
 * Whether what begins with one of these triggers must be looked at as text: it may be a harmful formula
 * (`formula_guard.ts`), or its trigger may be another character. Where it need not, a trigger is there
 * for certain.
 *
 * @param own the file's separator
 */
export function mayBeHarmful(
  bytes: Uint8Array,
  start: number,
  end: number,
  meanings: Uint8Array,
  own: number,
): boolean {
  for (let at = start; at < end; at++) {
    if ((meanings[bytes[at]!]! & HIDING) === 0) continue;
    if (mayBeginHarmful(bytes, at, end, meanings, own)) return true;
  }
  return false;
}

/** Whether a harmful formula may begin behind the separator that stands here. */
function mayBeginHarmful(
  bytes: Uint8Array,
  separatorAt: number,
  end: number,
  meanings: Uint8Array,
  own: number,
): boolean {
  const separator = bytes[separatorAt]!;
  let at = separatorAt + 1;
  for (; at < end; at++) {
    const byte = bytes[at]!;
    if ((meanings[byte]! & (BLANK | TRIGGER)) !== 0 && byte >= NON_ASCII) return true;
    if ((meanings[byte]! & BLANK) === 0 && (byte !== TAB || separator === TAB)) break;
  }
  if (at === end || (meanings[bytes[at]!]! & TRIGGER) === 0) return false;
  if ((meanings[bytes[at]!]! & EQUALS) !== 0) return true;
  let found = 0;
  for (at++; at < end; at++) {
    const byte = bytes[at]!;
    found |= meanings[byte]!;
    if ((found & REACH) !== 0) return true;
    if (byte === separator || byte === LF || byte === CR) return false;
  }
  return separator !== own && ((found & OPENING) !== 0 || !isOperandEnd(bytes[end - 1]!));
}

/** Whether what a formula goes on with must begin with an operator, by the last byte; those beyond ASCII do not tell. */
function isOperandEnd(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39 || byte >= 0x41 && byte <= 0x5a ||
    byte >= 0x61 && byte <= 0x7a || byte === DOT;
}

/** The first byte of full-width ASCII in UTF-8, and of U+FEFF. */
const FULL_WIDTH = 0xef;

/** The first bytes of other white space beyond ASCII, and of much that is none. */
const SPACE_STARTS = [0xc2, 0xe1, 0xe2, 0xe3];

/** What each byte within a field means, by the byte. */
export function byteMeanings(separator: string, guarded: boolean): Uint8Array {
  const meanings = new Uint8Array(256);
  const add = (meaning: number, ...bytes: readonly number[]) => {
    for (const byte of bytes) meanings[byte]! |= meaning;
  };
  const of = (text: string) => [...text].map((character) => character.charCodeAt(0));
  if (guarded) {
    meanings.fill(BLANK, 0, SPACE + 1);
    meanings.fill(BLANK, 0x80, 0xc0);
    add(BLANK, QUOTE, FULL_WIDTH, ...SPACE_STARTS);
    for (const byte of of(",;\t\r\n")) meanings[byte] = HIDING;
    add(TRIGGER, FULL_WIDTH, ...of("=+-@"));
    add(EQUALS, FULL_WIDTH, ...of("="));
    add(REACH, FULL_WIDTH, ...of("(|!"));
    add(OPENING, ...of("\"'[{"));
  }
  add(QUOTED, ...of(`"\r\n${separator}`));
  add(DOUBLED, QUOTE);
  return meanings;
}

/**
 * The starts of fields that must be looked at as text, by their first two bytes, or by the first where
 * that is ASCII: those of a formula, of U+FEFF, and of `\.`, which COPY wants in quotes. Two bytes of
 * three may be those of other letters too, which are then looked at for nothing.
 */
function createSuspectStarts(guarded: boolean): Uint8Array {
  const encoder = new TextEncoder();
  const starts = new Uint8Array(65_536);
  for (let unit = 0; unit < 65_536; unit++) {
    const text = String.fromCharCode(unit);
    if (text !== "\ufeff" && text !== "\\" && !(guarded && mayBeFormula(text))) continue;
    const [first = 0, second = 0] = encoder.encode(text);
    starts[first << 8 | second] = 1;
  }
  return starts;
}

const known: { guarded?: Uint8Array; bare?: Uint8Array } = {};

/** The starts of suspect fields, found once, as it takes 2 ms. */
export function suspectStarts(guarded: boolean): Uint8Array {
  return guarded
    ? known.guarded ??= createSuspectStarts(true)
    : known.bare ??= createSuspectStarts(false);
}
