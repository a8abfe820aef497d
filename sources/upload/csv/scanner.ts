/** Finds the rows and fields of delimited text in its bytes (RFC 4180, and what spreadsheets write besides). */

import { MAX_COLUMNS } from "../raw_rows.ts";

const LF = 0x0a;
const CR = 0x0d;

/** How fields are told apart. */
export interface CsvDialect {
  /** The byte between two fields; ASCII. */
  readonly separator: number;
  /** The byte around a field, doubled within; -1 where quotes are like other bytes. */
  readonly quote: number;
}

/** What a scan found. */
export interface ScannedRows {
  /** How many rows. */
  readonly rows: number;
  /** Where the next row begins. */
  readonly end: number;
}

/** Text that is no rows of fields. */
export class CsvError extends Error {
  override readonly name = "CsvError";
  /** Where, as an offset into the bytes that were scanned. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** What is known of the rows. */
export interface ScanOptions {
  /** How many columns there are. @default rows are as they are */
  readonly width?: number;
  /** Fields that a row may have. @default the columns that any table may have */
  readonly maxFields?: number;
}

/** Fields that there is room for at first. */
const FIRST_FIELDS = 4096;

/**
 * A scanner. Empty lines are no rows, but those of a single column are null. A field is quoted where it begins with a quote; any other quote is a
 * byte like others, as `5" disk` is in spreadsheets. Rows end with CRLF, LF or CR.
 */
export class CsvScanner {
  /** Where each field of the rows starts and ends; a field without a byte and without quotes starts at -1. */
  bounds = new Int32Array(2 * FIRST_FIELDS);
  /** Fields of each row, where the width is not known yet. */
  readonly counts: number[] = [];
  /** Rows so far with fewer fields than columns. */
  shortRows = 0;

  readonly #separator: number;
  readonly #quote: number;
  readonly #width: number | undefined;
  readonly #maxFields: number;
  /** 1 where a field without quotes ends. */
  readonly #ends = new Uint8Array(256);
  /** Whether lines without a byte are passed over: in a single column they are rows, but for those in front. */
  #skipsEmpty = true;
  /** Fields of the current row that hold quotes, by their place in the bounds. */
  #doubled: number[] = [];
  /** Whether the quoted field that was found last holds quotes. */
  #isDoubled = false;

  /** Takes the number of columns, which each row has then, and that of fields that a row may have. */
  constructor(
    { separator, quote }: CsvDialect,
    { width, maxFields = MAX_COLUMNS }: ScanOptions = {},
  ) {
    this.#separator = separator;
    this.#quote = quote;
    this.#width = width;
    this.#maxFields = maxFields;
    for (const byte of [separator, LF, CR]) this.#ends[byte] = 1;
  }

  /**
   * Scans rows, at most so many. One that does not end is left for the next scan, which begins at it with more
   * bytes. Doubled quotes are made single in the bytes.
   *
   * @param last whether the text ends with the bytes
   * @throws {CsvError} where quotes do not fit, or a row has more fields than there are columns, or may be
   */
  scan(bytes: Uint8Array, from: number, to: number, last: boolean, maxRows: number): ScannedRows {
    const separator = this.#separator;
    const quote = this.#quote;
    const ends = this.#ends;
    this.counts.length = 0;
    let bounds = this.bounds;
    let filled = 0;
    let rows = 0;
    let at = from;
    let rowStart = from;
    scanning:
    while (rows < maxRows && at < to) {
      rowStart = at;
      if (this.#skipsEmpty && (bytes[at] === LF || bytes[at] === CR)) {
        rowStart = ++at;
        continue;
      }
      const rowFilled = filled;
      for (;;) {
        let start = at;
        let end: number;
        if (at < to && bytes[at] === quote) {
          start = at + 1;
          end = this.#findClosing(bytes, start, to, last);
          if (end < 0) break scanning;
          if (this.#isDoubled) this.#doubled.push(filled);
          at = end + 1;
          if (at < to && ends[bytes[at]!] === 0) {
            throw new CsvError("text follows a closing quote", at);
          }
        } else {
          while (at < to && ends[bytes[at]!] === 0) at++;
          end = at;
          if (end === start) start = -1;
        }
        if (at === to && !last) break scanning;
        if (filled + 2 > bounds.length) {
          // A file of separators alone has as many fields as bytes: they are counted before there is room for more.
          this.#checkFields((filled - rowFilled) / 2, rowStart);
          bounds = this.#grow();
        }
        bounds[filled++] = start;
        bounds[filled++] = end;
        if (at === to) break;
        const byte = bytes[at++];
        if (byte === separator) continue;
        if (byte === CR) {
          if (at === to && !last) break scanning;
          if (at < to && bytes[at] === LF) at++;
        }
        break;
      }
      if (this.#doubled.length > 0) this.#undouble(bytes);
      filled = this.#endRow(rowFilled, filled, rowStart);
      bounds = this.bounds;
      rows++;
      rowStart = at;
      this.#skipsEmpty = this.#width !== 1;
    }
    this.#doubled.length = 0;
    return { rows, end: rowStart };
  }

  /** Where the quote is that closes a field; -1 where it takes more bytes to tell. */
  #findClosing(bytes: Uint8Array, start: number, to: number, last: boolean): number {
    const quote = this.#quote;
    this.#isDoubled = false;
    for (let at = start;; at += 2) {
      while (at < to && bytes[at] !== quote) at++;
      if (at === to) {
        if (!last) return -1;
        throw new CsvError("the quote that opens here is not closed", start - 1);
      }
      if (at + 1 === to) return last ? at : -1;
      if (bytes[at + 1] !== quote) return at;
      this.#isDoubled = true;
    }
  }

  #grow(): Int32Array<ArrayBuffer> {
    const larger = new Int32Array(2 * this.bounds.length);
    larger.set(this.bounds);
    return this.bounds = larger;
  }

  /** Takes one of two quotes out of the fields that have them. */
  #undouble(bytes: Uint8Array): void {
    const { bounds } = this;
    for (const field of this.#doubled) {
      const end = bounds[field + 1]!;
      let to = bounds[field]!;
      for (let at = to; at < end; at++) {
        const byte = bytes[at]!;
        bytes[to++] = byte;
        if (byte === this.#quote) at++;
      }
      bounds[field + 1] = to;
    }
    this.#doubled.length = 0;
  }

  #checkFields(count: number, rowStart: number): void {
    if (count <= this.#maxFields) return;
    throw new CsvError(`it has more than the ${this.#maxFields} columns that are read`, rowStart);
  }

  /** Gives a row as many fields as there are columns; where its bounds end. */
  #endRow(from: number, to: number, rowStart: number): number {
    const width = this.#width;
    const count = (to - from) / 2;
    this.#checkFields(count, rowStart);
    if (width === undefined) {
      this.counts.push(count);
      return to;
    }
    if (count === width) return to;
    const wanted = from + 2 * width;
    if (count < width) {
      while (wanted > this.bounds.length) this.#grow();
      this.bounds.fill(-1, to, wanted);
      this.shortRows++;
      return wanted;
    }
    for (let field = wanted; field < to; field += 2) {
      if (this.bounds[field]! < 0) continue;
      throw new CsvError(`it has ${count} fields, and there are ${width} columns`, rowStart);
    }
    return wanted;
  }
}
