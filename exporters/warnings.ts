/** Counts the cells that are not as they were in the source, or not what their column declares. */

/** What happened to a cell. */
export type WarningKind =
  /** A lone surrogate was written as U+FFFD: UTF-8 has no form for it. */
  | "lone-surrogate"
  /** Text that was not valid where it was stored came with U+FFFD in place of what is no text. */
  | "invalid-text"
  /** A character that XML 1.0 forbids was written as U+FFFD. */
  | "illegal-character"
  /** Text longer than a worksheet cell holds was cut. */
  | "text-cut"
  /** A cell that is not of its column's declared type was written as what it is. */
  | "other-type"
  /** A number, date or time beyond what the format's type holds exactly was written as text. */
  | "written-as-text"
  /** A number with more digits than a double holds was written with all of them. */
  | "beyond-double"
  /** A number with more digits than a worksheet holds was written as the nearest that it does. */
  | "rounded"
  /** A datetime with an offset was written in UTC, without one and without a title that says so. */
  | "zone-unnamed"
  /** A cell of a column of links that is no URL, or too long a one, was written as what it is. */
  | "link-as-text"
  /** A leading `'` was put before text that a spreadsheet would run as a formula. */
  | "formula-guarded"
  /** A column's key was changed to be legal and unique. */
  | "column-renamed"
  // Of a file that was read (`sources/notes.ts`):
  | "encoding-guessed"
  | "short-row"
  | "column-unnamed"
  | "error-cell"
  | "formula-unknown"
  | "hidden-row"
  | "hidden-column"
  | "sheet-skipped"
  | "hidden-sheet"
  | "merged-cells";

/** One line of a run's report. */
export interface Warning {
  /** What happened. */
  readonly kind: WarningKind;
  /** The column's name; absent where a stream of text no longer knows its columns, and where a great many are named. */
  readonly column?: string;
  /** How many cells (or columns) it happened to. */
  readonly count: number;
}

/** Warnings that name their column: a file that is read has as many columns as its sender likes. */
const MAX_NAMED = 100;

/** Characters of a name. */
const MAX_NAME = 200;

/** The counts of one run. */
export class Warnings {
  /**
   * Whether text with U+FFFD was written: only its source can tell whether it was valid. It is known of
   * rows beyond the first few hundred before more rows are asked for.
   */
  textSuspected = false;
  readonly #counts = new Map<string, { kind: WarningKind; column?: string; count: number }>();

  /** Counts `times` more cells of a column; those of the columns beyond the first hundred together. */
  count(kind: WarningKind, column?: string, times = 1): void {
    const name = column === undefined || column.length <= MAX_NAME
      ? column
      : `${column.slice(0, MAX_NAME).toWellFormed()}…`;
    const key = name === undefined ? kind : `${kind} ${name}`;
    const entry = this.#counts.get(key);
    if (entry) entry.count += times;
    else if (name === undefined) this.#counts.set(key, { kind, count: times });
    else if (this.#counts.size < MAX_NAMED) {
      this.#counts.set(key, { kind, column: name, count: times });
    } else this.count(kind, undefined, times);
  }

  /** What was counted, in the order of its first occurrence. */
  list(): readonly Warning[] {
    return [...this.#counts.values()];
  }
}
