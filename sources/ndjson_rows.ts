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
 * @param longest the most UTF-16 units of a line
 */
export function createNdjsonSplitter(longest: number): JsonSplitter {
  let text = "";
  let at = 0;
  /** Where no line feed was found yet. */
  let searched = 0;
  let ended = false;

  function line(): string | undefined {
    const feed = text.indexOf("\n", searched);
    if (feed < 0 && !ended) searched = text.length;
    if ((feed < 0 ? text.length : feed) - at > longest) throw tooLong(longest);
    if (feed < 0 && (!ended || at === text.length)) return undefined;
    const end = feed < 0 ? text.length : feed;
    const found = text.slice(at, end);
    at = searched = Math.min(end + 1, text.length);
    return found;
  }

  return {
    proven: false,
    write(more) {
      text = at === text.length ? more : text.slice(at) + more;
      searched -= at;
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

/** What is thrown for a row without an end in sight. */
export function tooLong(longest: number): SyntaxError {
  return new SyntaxError(`it is longer than ${longest} characters (max_row)`);
}
