/** Reads delimited text as batches of fields, in the memory of a few pieces of it. */

import type { ByteReader } from "../byte_reader.ts";
import { CsvError, type CsvScanner } from "./scanner.ts";

/** Text whose fields are found as they are asked for. */
export class TextBatches {
  /** The bytes that the bounds of the last batch are of. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Where the rows of the last batch lie in them. */
  start = 0;
  /** Where the rows of the last batch end. */
  end = 0;
  /** How many batches there were. */
  count = 0;

  readonly #text: ByteReader;
  readonly #scanner: CsvScanner;
  readonly #maxRow: number;
  #from = 0;
  #to = 0;
  #ended = false;
  /** Bytes of the text before those that are here. */
  #passed = 0;

  /** Takes the bytes of a row at most, and what was read of the text already. */
  constructor(text: ByteReader, scanner: CsvScanner, maxRow: number, begin?: Uint8Array) {
    this.#text = text;
    this.#scanner = scanner;
    this.#maxRow = maxRow;
    if (begin) this.#add(begin);
  }

  /**
   * Finds the next rows, at most so many; how many there are, none only at the end. Their bounds are the
   * scanner's.
   *
   * @throws {TextError} where the text is no rows
   */
  async next(maxRows: number): Promise<number> {
    for (;;) {
      const { rows, end } = this.#scan(maxRows);
      this.start = this.#from;
      this.#from = this.end = end;
      this.count++;
      if (rows > 0) return rows;
      if (this.#ended) return 0;
      await this.#fill();
    }
  }

  #scan(maxRows: number) {
    try {
      return this.#scanner.scan(this.bytes, this.#from, this.#to, this.#ended, maxRows);
    } catch (error) {
      if (error instanceof CsvError) throw new TextError(error.message, this.#passed + error.at);
      throw error;
    }
  }

  /** Takes more text: as much as there is of the row that has begun, so that each byte is scanned twice at most. */
  async #fill(): Promise<void> {
    const begun = this.#to - this.#from;
    if (begun > this.#maxRow) {
      throw new TextError(
        `it is a row of more than ${this.#maxRow} bytes; a quote may not be closed`,
        this.#passed + this.#from,
      );
    }
    this.#passed += this.#from;
    this.bytes.copyWithin(0, this.#from, this.#to);
    this.#from = 0;
    this.#to = begun;
    const wanted = 2 * begun;
    do {
      const piece = await this.#text.read();
      if (piece === undefined) {
        this.#ended = true;
        break;
      }
      this.#add(piece);
    } while (this.#to < wanted);
  }

  #add(piece: Uint8Array): void {
    const end = this.#to + piece.length;
    if (end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.bytes.length, end));
      larger.set(this.bytes.subarray(0, this.#to));
      this.bytes = larger;
    }
    this.bytes.set(piece, this.#to);
    this.#to = end;
  }

  /** Closes the text. */
  close(): Promise<void> {
    return this.#text.close();
  }
}

/** Text that is no rows, at an offset of it; the line is counted where it is told. */
export class TextError extends Error {
  override readonly name = "TextError";
  /** Bytes of UTF-8 before it, without a mark. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}
