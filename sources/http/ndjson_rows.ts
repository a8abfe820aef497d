/** Splits NDJSON into the text of its rows. */

/** Splits text that comes in pieces into the JSON texts that are in it. */
export interface JsonSplitter {
  /** Whether the text says by itself that it is whole, as an array's bracket does. */
  readonly proven: boolean;
  /** Adds text. */
  write(text: string): void;
  /**
   * The next one; nothing when it takes more text.
   *
   * @throws {SyntaxError} when there is none where one should be
   */
  next(): string | undefined;
  /**
   * Says that no more text comes; `next` may have a last one then.
   *
   * @throws {SyntaxError} when the text cannot end here
   */
  end(): void;
}

/**
 * Splits at line feeds (ndjson.org). Lines of white space alone say nothing, so that an upstream may keep
 * a connection alive with them while it has no rows. What the lines are is not looked at.
 *
 * @param maxRow the most UTF-16 units of a line
 */
export function createNdjsonSplitter(maxRow: number): JsonSplitter {
  let text = "";
  let at = 0;
  const begun = new Pieces(maxRow);
  let ended = false;

  function line(): string | undefined {
    const feed = text.indexOf("\n", at);
    const end = feed < 0 ? text.length : feed;
    const piece = text.slice(at, end);
    at = Math.min(end + 1, text.length);
    if (feed >= 0) return begun.finish(piece);
    begun.add(piece);
    return ended && begun.length > 0 ? begun.finish("") : undefined;
  }

  return {
    proven: false,
    write(more) {
      text = at === text.length ? more : text.slice(at) + more;
      at = 0;
    },
    next() {
      for (;;) {
        const found = line();
        if (found === undefined || /[^ \t\r]/.test(found)) return found;
      }
    },
    end() {
      ended = true;
    },
  };
}

/**
 * The pieces of a row that has begun. They are joined once: joined to what came before with each piece, a row
 * of 60 MB took 700 MB, and its time grew with its square.
 */
export class Pieces {
  readonly #maxRow: number;
  #pieces: string[] = [];
  #length = 0;

  /** Takes the most UTF-16 units of a row. */
  constructor(maxRow: number) {
    this.#maxRow = maxRow;
  }

  /** How long it is so far. */
  get length(): number {
    return this.#length;
  }

  /**
   * Adds a piece.
   *
   * @throws {SyntaxError} when the row is too long with it
   */
  add(piece: string): void {
    if (this.#length + piece.length > this.#maxRow) {
      throw new SyntaxError(`it is longer than ${this.#maxRow} characters (max_row)`);
    }
    if (piece !== "") this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** Adds the last piece, gives the row and begins anew. */
  finish(piece: string): string {
    if (this.#length === 0 && piece.length <= this.#maxRow) return piece;
    this.add(piece);
    const row = this.#pieces.join("");
    this.#pieces = [];
    this.#length = 0;
    return row;
  }
}
