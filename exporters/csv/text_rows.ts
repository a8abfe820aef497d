/**
 * Writes rows of CSV from the bytes that a source sent, without making strings of them.
 *
 * What comes out is what `mod.ts` writes of the same cells: bytes are copied where it would write them
 * as they are, and quoted where it would do nothing else. Whatever looks as if it needed more (a
 * formula, a time zone, an exponent) is read as a cell, and written by `mod.ts` itself.
 */

import type { Cell, TextBatch, TextForm, TextRows } from "../../table/table.ts";
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
  /**
   * Columns of datetimes that are written as a wall clock in UTC, without an offset; those must be
   * counted where no title names the zone.
   */
  readonly clocks: readonly (false | "named" | "unnamed")[];
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

/**
 * What a byte within a field means: bits, so that those of a field can be gathered. The first three stand
 * side by side, as {@linkcode hidesFormula} shifts one onto the other.
 */
const PLAIN = 0;
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
/** The field needs quotes. */
const QUOTED = 32;
/** A quote, which is written twice. */
const DOUBLED = 64;

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const DASH = 0x2d;
const ZERO = 0x30;
const COLON = 0x3a;
const EXPONENT = 0x65;
const TRUE = 0x74;
const ERA_END = 0x43;

const [TRUE_BYTES, FALSE_BYTES, ZERO_MINUTES] = ["true", "false", ":00"]
  .map((text) => new TextEncoder().encode(text)) as [Uint8Array, Uint8Array, Uint8Array];

/** Bytes that a field may take besides twice its own: quotes, `:00`, `false`, a separator, a word. */
const MARGIN = 16;

/** What {@linkcode writeField} gives instead of an end. */
const LOOK = -1;

// The loops over bytes stand alone, and take all that they need: V8 made the same loops over what a
// function closes over twice as slow, 550 ns a row of the audit log.

/**
 * Copies bytes, four at a time and up to four too many, and returns what they mean, gathered. A row of
 * the audit log took 520 ns with a look at each byte and 380 with bytes one at a time; with words, all
 * of CSV takes 0.83 of the time that it took with those.
 */
function copyPlain(
  from: DataView,
  start: number,
  end: number,
  out: DataView,
  to: number,
  classes: Uint8Array,
): number {
  let found = PLAIN;
  let at = start;
  for (const last = end - 3; at < last; at += 4, to += 4) {
    const word = from.getInt32(at, true);
    out.setInt32(to, word, true);
    found |= classes[word & 0xff]! | classes[word >>> 8 & 0xff]! |
      classes[word >>> 16 & 0xff]! | classes[word >>> 24]!;
  }
  if (at + 4 > from.byteLength) {
    for (; at < end; at++, to++) {
      const byte = from.getUint8(at);
      out.setUint8(to, byte);
      found |= classes[byte]!;
    }
    return found;
  }
  const word = from.getInt32(at, true);
  out.setInt32(to, word, true);
  // Those that are too many are taken for zeros, which mean nothing.
  const last = word & ((1 << 8 * (end - at)) - 1);
  return found | classes[last & 0xff]! | classes[last >>> 8 & 0xff]! | classes[last >>> 16]!;
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

/** Puts quotes around what was copied already, and holds none. */
function wrap(out: Uint8Array, start: number, length: number): number {
  const end = start + length + 1;
  out.copyWithin(start + 1, start, end - 1);
  out[start] = QUOTE;
  out[end] = QUOTE;
  return end + 1;
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

/** Whether there is all that a formula behind a separator takes, in some order. */
function mayHideFormula(found: number): boolean {
  return (found & (HIDING | TRIGGER)) === (HIDING | TRIGGER) && (found & (EQUALS | REACH)) !== 0;
}

/**
 * Whether a formula may stand behind one of the field's separators. The first loop finds triggers there
 * and has no branch: it takes 1 to 2 ns a byte, where a look behind each separator took 6 to 9.
 */
function hidesFormula(
  bytes: Uint8Array,
  start: number,
  end: number,
  classes: Uint8Array,
): boolean {
  let found = 0;
  let behind = 0;
  for (let at = start; at < end; at++) {
    const meaning = classes[bytes[at]!]!;
    found |= behind & meaning >> 2;
    behind = meaning & HIDING | behind & meaning >> 1;
  }
  if (found === 0) return false;
  for (let at = start; at < end; at++) {
    if ((classes[bytes[at]!]! & HIDING) === 0) continue;
    if (mayBeginFormula(bytes, at, end, classes)) return true;
  }
  return false;
}

/** Whether a formula may begin behind the separator that stands here. */
function mayBeginFormula(
  bytes: Uint8Array,
  separatorAt: number,
  end: number,
  classes: Uint8Array,
): boolean {
  let at = separatorAt + 1;
  while (at < end && (classes[bytes[at]!]! & (BLANK | TRIGGER)) === BLANK) at++;
  if (at === end || (classes[bytes[at]!]! & TRIGGER) === 0) return false;
  if ((classes[bytes[at]!]! & EQUALS) !== 0) return true;
  const separator = bytes[separatorAt]!;
  for (; at < end; at++) {
    const byte = bytes[at]!;
    if ((classes[byte]! & REACH) !== 0) return true;
    if (byte === separator || byte === LF || byte === CR) return false;
  }
  return false;
}

/** How the bytes of a column's cells become fields: by their form, or as a wall clock. */
type Way = TextForm | "clock" | "utc-clock";

function wayOf(form: TextForm, exact: boolean, clock: CsvTextRules["clocks"][number]): Way {
  if (exact || clock === "unnamed" && form === "utc") return "other";
  if (!clock) return form;
  return form === "utc" ? "utc-clock" : form === "text" ? "clock" : form;
}

/** Whether there is a datetime as a spreadsheet reads it, as `cell_text.ts` has it too. */
function isPlainClock(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 19 && bytes[start + 10] === SPACE && bytes[start + 16] === COLON;
}

/** Where a datetime in UTC ends before its offset, `+00`; {@linkcode LOOK} for any other. */
function clockEnd(bytes: Uint8Array, start: number, end: number): number {
  const utc = bytes[end - 3] === PLUS && bytes[end - 2] === ZERO && bytes[end - 1] === ZERO &&
    bytes[start + 10] === SPACE && bytes[start + 4] === DASH;
  return utc ? end - 3 : LOOK;
}

/**
 * Writes a field where its bytes, given as such and as a view, tell how; returns where it ends, or
 * {@linkcode LOOK}.
 */
function writeField(
  way: Way,
  bytes: Uint8Array,
  from: DataView,
  start: number,
  end: number,
  out: Uint8Array,
  view: DataView,
  to: number,
  classes: Uint8Array,
  suspects: Uint8Array,
): number {
  switch (way) {
    case "digits":
      return copyBytes(bytes, start, end, out, to);
    case "boolean":
      return append(bytes[start] === TRUE ? TRUE_BYTES : FALSE_BYTES, out, to);
    case "number":
      if (bytes.subarray(start, end).includes(EXPONENT)) return LOOK;
      return copyBytes(bytes, start, end, out, to);
    case "clock":
      if (!isPlainClock(bytes, start, end)) return LOOK;
      return writeText(bytes, from, start, end, out, view, to, classes, suspects);
    case "utc-clock": {
      const clock = clockEnd(bytes, start, end);
      if (clock === LOOK) return LOOK;
      return writeText(bytes, from, start, clock, out, view, to, classes, suspects);
    }
    case "text":
      return writeText(bytes, from, start, end, out, view, to, classes, suspects);
    case "utc": {
      // A year BC has its era behind the offset.
      if (bytes[end - 1] === ERA_END) return LOOK;
      const next = writeText(bytes, from, start, end, out, view, to, classes, suspects);
      return next >= 0 && bytes[end - 3] === PLUS ? append(ZERO_MINUTES, out, next) : next;
    }
    default:
      return LOOK;
  }
}

function writeText(
  bytes: Uint8Array,
  from: DataView,
  start: number,
  end: number,
  out: Uint8Array,
  view: DataView,
  to: number,
  classes: Uint8Array,
  suspects: Uint8Array,
): number {
  if (start === end || isSuspect(bytes, start, suspects)) return LOOK;
  const found = copyPlain(from, start, end, view, to, classes);
  if (mayHideFormula(found) && hidesFormula(bytes, start, end, classes)) return LOOK;
  if ((found & QUOTED) === 0) return to + end - start;
  return (found & DOUBLED) === 0
    ? wrap(out, to, end - start)
    : copyQuoted(bytes, start, end, out, to);
}

function append(bytes: Uint8Array, out: Uint8Array, to: number): number {
  for (let at = 0; at < bytes.length; at++) out[to++] = bytes[at]!;
  return to;
}

/** Makes a writer. */
export function createCsvTextWriter(
  { forms, readCell }: Pick<TextRows, "forms" | "readCell">,
  { separator, lineEnd, guarded, exact, clocks, nullField, emptyLine, field }: CsvTextRules,
): CsvTextWriter {
  const encoder = new TextEncoder();
  const width = forms.length;
  const comma = separator.charCodeAt(0);
  const suspects = suspectStarts(guarded);
  const classes = byteClasses(separator, guarded);
  const nullBytes = encoder.encode(nullField);
  const endBytes = encoder.encode(lineEnd);
  let out!: Uint8Array<ArrayBuffer>;
  let view!: DataView;
  let filled = 0;
  useRoom(new Uint8Array(USUAL_BYTES));

  function useRoom(bytes: Uint8Array<ArrayBuffer>): void {
    out = bytes;
    view = new DataView(bytes.buffer);
  }

  function makeRoom(bytes: number): void {
    if (filled + bytes <= out.length) return;
    const larger = new Uint8Array(2 * (filled + bytes));
    larger.set(out.subarray(0, filled));
    useRoom(larger);
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

  const ways = forms.map((form, index) => wayOf(form, exact[index]!, clocks[index]!));

  /** Writes a field as the text of its cell. */
  function look(bytes: Uint8Array, start: number, end: number, index: number): void {
    addText(field(readCell(index, bytes, start, end), index));
  }

  function add({ bytes, bounds, length }: TextBatch): void {
    const from = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
        const to = writeField(
          ways[index]!,
          bytes,
          from,
          start,
          end,
          out,
          view,
          filled,
          classes,
          suspects,
        );
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
      if (out.length > MOST_BYTES) useRoom(new Uint8Array(USUAL_BYTES));
      return taken;
    },
  };
}

/** Bytes that are taken at once, as a rule, with the row that goes beyond; and those that are kept. */
const USUAL_BYTES = 512 * 1024;
const MOST_BYTES = 4 * USUAL_BYTES;

/** The first byte of full-width ASCII in UTF-8, and of U+FEFF. */
const FULL_WIDTH = 0xef;

/** The first bytes of other white space beyond ASCII, and of much that is none. */
const SPACE_STARTS = [0xc2, 0xe1, 0xe2, 0xe3];

/** What each byte within a field means. */
function byteClasses(separator: string, guarded: boolean): Uint8Array {
  const classes = new Uint8Array(256);
  const add = (meaning: number, ...bytes: readonly number[]) => {
    for (const byte of bytes) classes[byte]! |= meaning;
  };
  const of = (text: string) => [...text].map((character) => character.charCodeAt(0));
  if (guarded) {
    classes.fill(BLANK, 0, SPACE + 1);
    classes.fill(BLANK, 0x80, 0xc0);
    add(BLANK, QUOTE, FULL_WIDTH, ...SPACE_STARTS);
    for (const byte of of(",;\t\r\n")) classes[byte] = HIDING;
    add(TRIGGER, FULL_WIDTH, ...of("=+-@"));
    add(EQUALS, FULL_WIDTH, ...of("="));
    add(REACH, FULL_WIDTH, ...of("(|!"));
  }
  add(QUOTED, ...of(`"\r\n${separator}`));
  add(DOUBLED, QUOTE);
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
