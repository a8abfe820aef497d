/**
 * Writes rows of CSV from the bytes that a source sent, without making strings of them.
 *
 * What comes out is what `csv.ts` writes of the same cells: bytes are copied where it would write them
 * as they are, and quoted where it would do nothing else. Whatever looks as if it needed more (a
 * formula, a time zone, an exponent) is read as a cell, and written by `csv.ts` itself.
 */

import type { Cell, TextBatch, TextForm, TextRows } from "../sources/table.ts";
import { mayBeFormula } from "./formula_guard.ts";

/** How to write. */
export interface CsvTextRules {
  /** What stands between two fields. */
  readonly separator: "," | ";" | "\t";
  /** What ends a row. */
  readonly lineEnd: "\r\n" | "\n";
  /** Whether text that a spreadsheet would run must be found. */
  readonly guarded: boolean;
  /** Columns of which every cell must be read, as what they hold is not what is written. */
  readonly exact: readonly boolean[];
  /** What is written for null. */
  readonly nullField: string;
  /** What is written for a row without a byte. */
  readonly emptyLine: string;
  /** Writes a cell that is not null. */
  field(cell: Cell, index: number): string;
}

/** CSV on its way out. */
export interface CsvTextWriter {
  /** Adds text as it is. */
  addText(text: string): void;
  /** Adds rows. */
  add(batch: TextBatch): void;
  /** Bytes so far. */
  readonly bytes: number;
  /** Takes all there is, in a buffer of its own, and begins anew. */
  take(): Uint8Array<ArrayBuffer>;
}

/** What a byte within a field means: bits, so that those of a field can be gathered. */
const PLAIN = 0;
/** The field needs quotes. */
const QUOTED = 1;
/** A separator of other readers: a formula may stand behind it. */
const HIDING = 2;

const TAB = 0x09;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const EXPONENT = 0x65;
const TRUE = 0x74;

const [TRUE_BYTES, FALSE_BYTES, ZERO_MINUTES] = ["true", "false", ":00"]
  .map((text) => new TextEncoder().encode(text)) as [Uint8Array, Uint8Array, Uint8Array];

/** Bytes that a field may take besides twice its own: quotes, `:00`, `false`, a separator. */
const MARGIN = 16;

/** What {@linkcode copyPlain} found instead of an end. */
const NEEDS_QUOTES = -1;
const LOOK = -2;

// The loops over bytes stand alone, and take all that they need: V8 made the same loops over what a
// function closes over twice as slow, 550 ns a row of the audit log.

/**
 * Copies bytes that need no quotes; returns where the copy ends. What each byte means is gathered, and
 * looked at behind the last one, four bytes at a time: 380 ns for a row of the audit log, where a look
 * at each byte took 520.
 */
function copyPlain(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  to: number,
  classes: Uint8Array,
  suspects: Uint8Array,
): number {
  const shift = to - start;
  let found = PLAIN;
  let at = start;
  for (const last = end - 3; at < last; at += 4) {
    const one = bytes[at]!;
    const two = bytes[at + 1]!;
    const three = bytes[at + 2]!;
    const four = bytes[at + 3]!;
    found |= classes[one]! | classes[two]! | classes[three]! | classes[four]!;
    out[at + shift] = one;
    out[at + shift + 1] = two;
    out[at + shift + 2] = three;
    out[at + shift + 3] = four;
  }
  for (; at < end; at++) {
    const byte = bytes[at]!;
    found |= classes[byte]!;
    out[at + shift] = byte;
  }
  if (found === PLAIN) return end + shift;
  if (found !== HIDING) return NEEDS_QUOTES;
  for (at = start; at < end; at++) {
    if (classes[bytes[at]!] === HIDING && mayHideFormula(bytes, at + 1, end, suspects)) return LOOK;
  }
  return end + shift;
}

function copyQuoted(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  to: number,
): number {
  out[to++] = QUOTE;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) out[to++] = QUOTE;
    out[to++] = byte;
  }
  out[to++] = QUOTE;
  return to;
}

function copyBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  to: number,
): number {
  for (let at = start; at < end; at++) out[to++] = bytes[at]!;
  return to;
}

/** Whether the character here must be looked at as text, where a field starts with it. */
function isSuspect(bytes: Uint8Array, at: number, suspects: Uint8Array): boolean {
  const byte = bytes[at]!;
  return suspects[byte < 0x80 ? byte << 8 : byte << 8 | bytes[at + 1]!] === 1;
}

/**
 * Whether a formula may stand here, behind a separator. White space is passed over, as user agents are
 * full of `; `; a TAB is a separator itself.
 */
function mayHideFormula(
  bytes: Uint8Array,
  start: number,
  end: number,
  suspects: Uint8Array,
): boolean {
  let at = start;
  while (at < end && bytes[at] === SPACE) at++;
  return at < end && bytes[at] !== TAB && isSuspect(bytes, at, suspects);
}

/** Writes a field where its bytes tell how; returns where it ends, or {@linkcode LOOK}. */
function writeField(
  form: TextForm,
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  to: number,
  classes: Uint8Array,
  suspects: Uint8Array,
): number {
  switch (form) {
    case "digits":
      return copyBytes(bytes, start, end, out, to);
    case "boolean":
      return append(bytes[start] === TRUE ? TRUE_BYTES : FALSE_BYTES, out, to);
    case "number":
      if (bytes.subarray(start, end).includes(EXPONENT)) return LOOK;
      return copyBytes(bytes, start, end, out, to);
    case "text":
    case "utc": {
      if (start === end || isSuspect(bytes, start, suspects)) return LOOK;
      let next = copyPlain(bytes, start, end, out, to, classes, suspects);
      if (next === NEEDS_QUOTES) next = copyQuoted(bytes, start, end, out, to);
      return form === "utc" && bytes[end - 3] === PLUS ? append(ZERO_MINUTES, out, next) : next;
    }
    default:
      return LOOK;
  }
}

function append(bytes: Uint8Array, out: Uint8Array, to: number): number {
  for (let at = 0; at < bytes.length; at++) out[to++] = bytes[at]!;
  return to;
}

/** Makes a writer. */
export function createCsvTextWriter(
  { forms, readCell }: Pick<TextRows, "forms" | "readCell">,
  { separator, lineEnd, guarded, exact, nullField, emptyLine, field }: CsvTextRules,
): CsvTextWriter {
  const encoder = new TextEncoder();
  const width = forms.length;
  const comma = separator.charCodeAt(0);
  const suspects = suspectStarts(guarded);
  const classes = byteClasses(separator, guarded);
  const nullBytes = encoder.encode(nullField);
  const endBytes = encoder.encode(lineEnd);
  let out = new Uint8Array(USUAL_BYTES);
  let filled = 0;

  function makeRoom(bytes: number): void {
    if (filled + bytes <= out.length) return;
    const larger = new Uint8Array(2 * (filled + bytes));
    larger.set(out.subarray(0, filled));
    out = larger;
  }

  function addText(text: string): void {
    // UTF-8 takes no more than three bytes for a UTF-16 unit.
    makeRoom(3 * text.length);
    filled += encoder.encodeInto(text, out.subarray(filled)).written;
  }

  /** Adds what is a few bytes: `encodeInto` costs more than all other fields of a row. */
  function addBytes(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) out[filled++] = bytes[at]!;
  }

  const ways = forms.map((form, index) => exact[index] ? "other" : form);

  /** Writes a field as the text of its cell. */
  function look(bytes: Uint8Array, start: number, end: number, index: number): void {
    addText(field(readCell(index, bytes, start, end), index));
  }

  function add({ bytes, bounds, length }: TextBatch): void {
    let at = 0;
    for (let row = 0; row < length; row++) {
      const begin = filled;
      for (let index = 0; index < width; index++, at += 2) {
        const start = bounds[at]!;
        const end = bounds[at + 1]!;
        makeRoom((start < 0 ? nullBytes.length : 2 * (end - start)) + MARGIN);
        if (index > 0) out[filled++] = comma;
        if (start < 0) {
          addBytes(nullBytes);
          continue;
        }
        const to = writeField(ways[index]!, bytes, start, end, out, filled, classes, suspects);
        if (to >= 0) filled = to;
        else look(bytes, start, end, index);
      }
      if (filled === begin) addText(emptyLine);
      makeRoom(MARGIN);
      addBytes(endBytes);
    }
  }

  return {
    addText,
    add,
    get bytes() {
      return filled;
    },
    take() {
      const taken = out.slice(0, filled);
      filled = 0;
      // One cell of a hundred megabytes must not cost them for the rest of the file.
      if (out.length > MOST_BYTES) out = new Uint8Array(USUAL_BYTES);
      return taken;
    },
  };
}

/** Bytes that are taken at once, as a rule, with the row that goes beyond; and those that are kept. */
const USUAL_BYTES = 512 * 1024;
const MOST_BYTES = 4 * USUAL_BYTES;

/** What each byte within a field means. */
function byteClasses(separator: string, guarded: boolean): Uint8Array {
  const classes = new Uint8Array(256);
  for (const other of guarded ? ",;\t" : "") classes[other.charCodeAt(0)] = HIDING;
  for (const special of `"\r\n${separator}`) classes[special.charCodeAt(0)] = QUOTED;
  return classes;
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

/** They take 2 ms to find, and so are found once. */
function suspectStarts(guarded: boolean): Uint8Array {
  return guarded
    ? known.guarded ??= createSuspectStarts(true)
    : known.bare ??= createSuspectStarts(false);
}
