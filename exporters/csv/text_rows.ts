/**
 * Writes rows of CSV from the bytes that a source sent, without making strings of them.
 *
 * What comes out is what `mod.ts` writes of the same cells: bytes are copied where it would write them
 * as they are, and quoted where it would do nothing else. Whatever looks as if it needed more (a
 * formula, a time zone, an exponent) is read as a cell, and written by `mod.ts` itself.
 */

import type { Cell, TextBatch, TextForm, TextRows } from "../../table/table.ts";
import {
  byteMeanings,
  DOUBLED,
  holdsTrigger,
  isSuspect,
  mayBeHarmful,
  mayHideTrigger,
  PLAIN,
  QUOTED,
  suspectStarts,
} from "./byte_meanings.ts";
import type { Separator } from "./formula_guard.ts";

/** How to write. */
export interface CsvTextRules {
  /** What stands between two fields. */
  readonly separator: Separator;
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
  /** Writes a cell that is not null, in a row that begins with a sign or does not. */
  field(cell: Cell, index: number, signed: boolean): string;
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

const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const DASH = 0x2d;
const ZERO = 0x30;
const COLON = 0x3a;
const EXPONENT = 0x65;
const TRUE = 0x74;
const ERA_END = 0x43;

const encoder = new TextEncoder();
const TRUE_BYTES = encoder.encode("true");
const FALSE_BYTES = encoder.encode("false");
const ZERO_MINUTES = encoder.encode(":00");

/** Bytes that a field may take besides twice its own: quotes, `:00`, `false`, a separator, a word. */
const MARGIN = 16;

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

/** Whether a datetime in UTC ends with its offset as `+00`. */
function endsInUtc(bytes: Uint8Array, start: number, end: number): boolean {
  return bytes[end - 3] === PLUS && bytes[end - 2] === ZERO && bytes[end - 1] === ZERO &&
    bytes[start + 10] === SPACE && bytes[start + 4] === DASH;
}

/**
 * The writer. What its methods write ends at `#filled`, behind which there is room for what they write;
 * those that may fail write nothing then. The loops over bytes take what they need of it first (docs/design.md,
 * "What a field of CSV costs").
 */
class Writer implements CsvTextWriter {
  readonly #rules: CsvTextRules;
  readonly #readCell: TextRows["readCell"];
  readonly #ways: readonly Way[];
  readonly #comma: number;
  readonly #nullBytes: Uint8Array;
  readonly #endBytes: Uint8Array;
  readonly #meanings: Uint8Array;
  readonly #suspects: Uint8Array;
  /** The batch that is written, as bytes and as words. */
  #bytes!: Uint8Array;
  #words!: DataView;
  #out!: Uint8Array<ArrayBuffer>;
  #outWords!: DataView;
  #filled = 0;
  /** Whether the row that is written begins with a sign. */
  #signed = false;

  constructor({ forms, readCell }: Pick<TextRows, "forms" | "readCell">, rules: CsvTextRules) {
    const { separator, guarded, exact, clocks, nullField, lineEnd } = rules;
    this.#rules = rules;
    this.#readCell = readCell;
    this.#ways = forms.map((form, index) => wayOf(form, exact[index]!, clocks[index]!));
    this.#comma = separator.charCodeAt(0);
    this.#nullBytes = encoder.encode(nullField);
    this.#endBytes = encoder.encode(lineEnd);
    this.#meanings = byteMeanings(separator, guarded);
    this.#suspects = suspectStarts(guarded);
    this.#useBuffer(new Uint8Array(FIRST_BYTES));
  }

  get bytes(): number {
    return this.#filled;
  }

  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#out.slice(0, this.#filled);
    this.#filled = 0;
    // One cell of a hundred megabytes must not cost them for the rest of the file.
    if (this.#out.length > MAX_KEPT_BYTES) this.#useBuffer(new Uint8Array(FIRST_BYTES));
    return taken;
  }

  addText(text: string): void {
    // UTF-8 takes no more than three bytes for a UTF-16 unit.
    this.#makeRoom(3 * text.length);
    this.#filled += encoder.encodeInto(text, this.#out.subarray(this.#filled)).written;
  }

  add({ bytes, bounds, length }: TextBatch): void {
    this.#bytes = bytes;
    this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const width = this.#ways.length;
    let at = 0;
    for (let row = 0; row < length; row++) {
      const begin = this.#filled;
      this.#signed = false;
      for (let index = 0; index < width; index++, at += 2) {
        const start = bounds[at]!;
        const end = bounds[at + 1]!;
        this.#makeRoom((start < 0 ? this.#nullBytes.length : 2 * (end - start)) + MARGIN);
        if (index > 0) this.#out[this.#filled++] = this.#comma;
        if (start < 0) this.#append(this.#nullBytes);
        else if (!this.#copyField(this.#ways[index]!, start, end)) {
          const cell = this.#readCell(index, bytes, start, end);
          this.addText(this.#rules.field(cell, index, this.#signed));
        }
        if (index === 0) this.#signed = this.#beginsWithSign(begin);
      }
      if (this.#filled === begin) this.addText(this.#rules.emptyLine);
      this.#makeRoom(MARGIN);
      this.#append(this.#endBytes);
    }
  }

  /** Whether a row begins with a sign: text in it is in quotes then (`formula_guard.ts`). */
  #beginsWithSign(begin: number): boolean {
    if (!this.#rules.guarded || this.#filled === begin) return false;
    return this.#out[begin] === DASH || this.#out[begin] === PLUS;
  }

  #useBuffer(bytes: Uint8Array<ArrayBuffer>): void {
    this.#out = bytes;
    this.#outWords = new DataView(bytes.buffer);
  }

  #makeRoom(bytes: number): void {
    if (this.#filled + bytes <= this.#out.length) return;
    const larger = new Uint8Array(2 * (this.#filled + bytes));
    larger.set(this.#out.subarray(0, this.#filled));
    this.#useBuffer(larger);
  }

  /** Writes a field where its bytes tell how; false where it must be read as a cell. */
  #copyField(way: Way, start: number, end: number): boolean {
    const bytes = this.#bytes;
    switch (way) {
      case "digits":
        return this.#append(bytes, start, end);
      case "boolean":
        return this.#append(bytes[start] === TRUE ? TRUE_BYTES : FALSE_BYTES);
      case "number":
        return !bytes.subarray(start, end).includes(EXPONENT) && this.#append(bytes, start, end);
      case "text":
        return this.#copyText(start, end);
      case "clock":
        return isPlainClock(bytes, start, end) && this.#copyText(start, end);
      case "utc-clock":
        return endsInUtc(bytes, start, end) && this.#copyText(start, end - 3);
      case "utc":
        // A year BC has its era behind the offset.
        return bytes[end - 1] !== ERA_END && !this.#signed && this.#copyText(start, end) &&
          (bytes[end - 3] !== PLUS || this.#append(ZERO_MINUTES));
      default:
        return false;
    }
  }

  /** Copies a few bytes, for which `set` and `encodeInto` would cost more than all else of a row. */
  #append(bytes: Uint8Array, start = 0, end = bytes.length): true {
    const out = this.#out;
    let to = this.#filled;
    for (let at = start; at < end; at++) out[to++] = bytes[at]!;
    this.#filled = to;
    return true;
  }

  /** Writes text, with quotes where it needs them; false where it may be a formula, or empty. */
  #copyText(start: number, end: number): boolean {
    if (start === end || isSuspect(this.#bytes, start, this.#suspects)) return false;
    let found = this.#copyPlain(start, end);
    if (holdsTrigger(found) && mayHideTrigger(this.#bytes, start, end, this.#meanings)) {
      if (mayBeHarmful(this.#bytes, start, end, this.#meanings, this.#comma)) return false;
      found |= QUOTED;
    }
    if (this.#signed) found |= QUOTED;
    if ((found & QUOTED) === 0) this.#filled += end - start;
    else if ((found & DOUBLED) === 0) this.#wrap(end - start);
    else this.#copyQuoted(start, end);
    return true;
  }

  /**
   * Copies bytes behind what is written, and returns what they mean, gathered. Four at a time and up to
   * four too many: all of CSV then takes 0.83 of the time that it takes byte by byte.
   */
  #copyPlain(start: number, end: number): number {
    const from = this.#words;
    const out = this.#outWords;
    const meanings = this.#meanings;
    let to = this.#filled;
    let found = PLAIN;
    let at = start;
    for (const last = end - 3; at < last; at += 4, to += 4) {
      const word = from.getInt32(at, true);
      out.setInt32(to, word, true);
      found |= meanings[word & 0xff]! | meanings[word >>> 8 & 0xff]! |
        meanings[word >>> 16 & 0xff]! | meanings[word >>> 24]!;
    }
    if (at + 4 > from.byteLength) {
      for (; at < end; at++, to++) {
        const byte = from.getUint8(at);
        out.setUint8(to, byte);
        found |= meanings[byte]!;
      }
      return found;
    }
    const word = from.getInt32(at, true);
    out.setInt32(to, word, true);
    // Those that are too many are taken for zeros, which mean nothing.
    const last = word & ((1 << 8 * (end - at)) - 1);
    return found | meanings[last & 0xff]! | meanings[last >>> 8 & 0xff]! | meanings[last >>> 16]!;
  }

  /** Puts quotes around bytes that were copied already, and hold none. */
  #wrap(length: number): void {
    const out = this.#out;
    const start = this.#filled;
    out.copyWithin(start + 1, start, start + length);
    out[start] = QUOTE;
    out[start + length + 1] = QUOTE;
    this.#filled = start + length + 2;
  }

  #copyQuoted(start: number, end: number): void {
    const bytes = this.#bytes;
    const out = this.#out;
    let to = this.#filled;
    out[to++] = QUOTE;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) out[to++] = QUOTE;
      out[to++] = byte;
    }
    out[to++] = QUOTE;
    this.#filled = to;
  }
}

/** Makes a writer of rows whose cells have these forms. */
export function createCsvTextWriter(
  rows: Pick<TextRows, "forms" | "readCell">,
  rules: CsvTextRules,
): CsvTextWriter {
  return new Writer(rows, rules);
}

/**
 * Bytes that there is room for at first: a chunk, and a batch of 64 KiB that goes beyond it; and those that
 * are kept. There are as many of these as runs.
 */
const FIRST_BYTES = 192 * 1024;
const MAX_KEPT_BYTES = 1024 * 1024;
