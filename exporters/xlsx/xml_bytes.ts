/**
 * Sheet XML as bytes, in a buffer that is used again and again: markup eight bytes at a time, which takes
 * half as long as one at a time (docs/design.md, "A row of a workbook"), text a unit at a time.
 */

/** Markup that is written again and again: ASCII. */
export interface Markup {
  /** Its bytes; the last word is filled up with zeros. */
  readonly words: Float64Array;
  /** How many bytes it has. */
  readonly length: number;
}

const WORD_BYTES = 8;

/**
 * Prepares markup. An ASCII byte is below 0x80, so that no eight of them are a NaN, whose bits may
 * change. Deno runs on little-endian machines alone: the words are in the order of their bytes.
 */
export function markup(text: string): Markup {
  const words = new Float64Array(Math.ceil(text.length / WORD_BYTES));
  new TextEncoder().encodeInto(text, new Uint8Array(words.buffer));
  return { words, length: text.length };
}

/** UTF-8 takes no more bytes for a UTF-16 unit. */
const BYTES_A_UNIT = 3;

/** Bytes of all the markup and all the digits of a cell, with what the last word is too long. */
const CELL_BYTES = 256;

/** A row of more bytes is refused: with 2 GiB before it, a sheet stays below the 4 GiB where ZIP64 begins. */
const MAX_BYTES = 2 ** 30;

/** What an ASCII unit means in text: nothing, that it is escaped, or that it may begin an escape. */
const PLAIN = 0;
const ESCAPED = 1;
const UNDERSCORE = 2;

const UNITS = new Uint8Array(128);
UNITS.fill(ESCAPED, 0, 0x20);
for (const unit of "\t\n") UNITS[unit.charCodeAt(0)] = PLAIN;
for (const unit of "&<>") UNITS[unit.charCodeAt(0)] = ESCAPED;
UNITS["_".charCodeAt(0)] = UNDERSCORE;

const SMALL_X = 0x78;
const SPACE = 0x20;
const ZERO = 0x30;

/** Seconds of a day, and days of which a double with a fraction has the same digits behind its point. */
const SECONDS_A_DAY = 86_400;
const FIRST_DAY = 2 ** 15;
const END_DAY = 2 ** 16;

const NO_BYTES = new Uint8Array(0);

/** XML on its way out. */
export class XmlBytes {
  readonly #encoder = new TextEncoder();
  readonly #blockBytes: number;
  #bytes = NO_BYTES;
  #view = new DataView(NO_BYTES.buffer);
  #at = 0;
  /** The digits of the row's number, of which there are seven at most. */
  readonly #row = { words: new Float64Array(1), length: 0 };
  readonly #digits = new Uint8Array(this.#row.words.buffer);

  /** Begins with room for the bytes that are taken at once, as a rule; more may be. */
  constructor(target: number) {
    this.#blockBytes = target + target / 8 + CELL_BYTES;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#at;
  }

  /** Takes all there is, with the buffer, and begins anew. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.subarray(0, this.#at);
    this.#at = 0;
    this.#replace(NO_BYTES);
    return taken;
  }

  /** Goes on in a buffer that was taken before, where it is as long as any; there must be nothing yet. */
  reuse(taken: Uint8Array<ArrayBuffer> | undefined): void {
    if (taken?.buffer.byteLength === this.#blockBytes) this.#replace(new Uint8Array(taken.buffer));
  }

  /** Begins a row, and keeps its number for the cells. */
  startRow(start: Markup, number: number, end: Markup): void {
    this.#row.length = writeDigits(this.#digits, 0, number);
    this.startCell(start, end);
  }

  /** Begins a cell: what is before the row's number, and what is after. Makes room for `units` of text. */
  startCell(start: Markup, middle: Markup, units = 0): void {
    this.makeRoom(units);
    this.addMarkup(start);
    this.addMarkup(this.#row);
    this.addMarkup(middle);
  }

  /** Takes back all that came after a length. */
  backTo(length: number): void {
    this.#at = length;
  }

  /** Adds markup; there must be room. */
  addMarkup({ words, length }: Markup): void {
    const view = this.#view;
    let at = this.#at;
    this.#at = at + length;
    // The last word may be too long: the next one begins where it should have ended.
    for (let index = 0; index < words.length; index++, at += WORD_BYTES) {
      view.setFloat64(at, words[index]!, true);
    }
  }

  /**
   * Adds text that is its own XML; there must be room. Adds nothing and says so where something is to
   * be escaped, replaced or told.
   */
  addPlain(text: string): boolean {
    const length = text.length;
    // A reader may drop the white space around text that does not ask for it (XML 1.0, 2.10).
    if (text.charCodeAt(0) <= SPACE || text.charCodeAt(length - 1) <= SPACE) return false;
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index);
      if (unit < 0x80) {
        const meaning = UNITS[unit];
        if (meaning !== PLAIN) {
          if (meaning === ESCAPED || text.charCodeAt(index + 1) === SMALL_X) return false;
        }
        bytes[at++] = unit;
      } else if (unit < 0x800) {
        bytes[at++] = 0xc0 | unit >> 6;
        bytes[at++] = 0x80 | unit & 0x3f;
      } else if (unit < 0xd800 || unit > 0xdfff && unit < 0xfffd) {
        bytes[at++] = 0xe0 | unit >> 12;
        bytes[at++] = 0x80 | unit >> 6 & 0x3f;
        bytes[at++] = 0x80 | unit & 0x3f;
      } else {
        return false;
      }
    }
    this.#at = at;
    return true;
  }

  /** Adds digits and the like, ASCII; there must be room. */
  addAscii(text: string): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < text.length; index++) bytes[at++] = text.charCodeAt(index);
    this.#at = at;
  }

  /** Adds a whole number from 0 to 2^31 - 1; there must be room. */
  addInteger(number: number): void {
    this.#at = writeDigits(this.#bytes, this.#at, number);
  }

  /**
   * Adds the shortest digits of a serial; there must be room. They take 150 ns to find, more than the
   * rest of such a cell. From 1989 to 2079 doubles are 2^-37 of a day apart, so that a second of the
   * day has the same digits on all those days; they are looked up.
   */
  addSerial(serial: number): void {
    const day = serial | 0;
    const rest = serial - day;
    const second = Math.round(rest * SECONDS_A_DAY);
    if (
      day < FIRST_DAY || day >= END_DAY || rest !== (FIRST_DAY + second / SECONDS_A_DAY) - FIRST_DAY
    ) {
      return this.addAscii(String(serial));
    }
    this.addInteger(day);
    if (second > 0) this.#at += writeFraction(this.#view, this.#at, second);
  }

  /** Adds XML of any length. */
  addXml(xml: string): void {
    this.makeRoom(xml.length);
    this.#at += this.#encoder.encodeInto(xml, this.#bytes.subarray(this.#at)).written;
  }

  /** Makes room for units of text and for a cell around them. */
  makeRoom(units: number): void {
    const needed = this.#at + BYTES_A_UNIT * units + CELL_BYTES;
    if (needed <= this.#bytes.length) return;
    if (needed > MAX_BYTES) {
      throw new RangeError(
        `Cannot write a row to a worksheet: it takes more than ${MAX_BYTES} bytes`,
      );
    }
    // One cell of a hundred megabytes must not cost them for the rest of the file.
    const size = needed <= this.#blockBytes ? this.#blockBytes : Math.min(2 * needed, MAX_BYTES);
    const larger = new Uint8Array(size);
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#replace(larger);
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** Writes the digits of a whole number below 2^31; returns where they end. */
function writeDigits(bytes: Uint8Array, at: number, number: number): number {
  let end = at + 1;
  for (let limit = 10; number >= limit; limit *= 10) end++;
  let rest = number;
  for (let digit = end - 1; digit >= at; digit--) {
    const tenth = (rest / 10) | 0;
    bytes[digit] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return end;
}

/**
 * The point and the digits of each second of a day, once it has been asked for: {@linkcode WORD_BYTES}
 * bytes twice, of which the last one says how many are meant; twelve digits at most.
 */
let fractions: DataView | undefined;

const FRACTION_BYTES = 2 * WORD_BYTES;

/** Writes the point and the digits of a second of a day; returns how many bytes that is. */
function writeFraction(view: DataView, at: number, second: number): number {
  fractions ??= new DataView(new ArrayBuffer(SECONDS_A_DAY * FRACTION_BYTES));
  const from = second * FRACTION_BYTES;
  const end = from + FRACTION_BYTES - 1;
  if (fractions.getUint8(end) === 0) {
    const digits = String(FIRST_DAY + second / SECONDS_A_DAY).slice(String(FIRST_DAY).length);
    new TextEncoder().encodeInto(digits, new Uint8Array(fractions.buffer, from));
    fractions.setUint8(end, digits.length);
  }
  view.setFloat64(at, fractions.getFloat64(from, true), true);
  view.setFloat64(at + WORD_BYTES, fractions.getFloat64(from + WORD_BYTES, true), true);
  return fractions.getUint8(end);
}
