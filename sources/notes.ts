/** What a source saw and did not give, or gave in another way. */

/**
 * What is counted for the receipt besides the rows. Each is a
 * `WarningKind` of `exporters/warnings.ts`, and has a line in `docs/formats.md`.
 */
export type NoteKind =
  /** A cell that is not of its column's type stays text. */
  | "other-type"
  /** Bytes that are no text in the file's encoding came with U+FFFD in place of them. */
  | "invalid-text"
  /** The encoding of a text was guessed from its bytes, and may be another one. */
  | "encoding-guessed"
  /** A row had fewer fields than there are columns: the others are null. */
  | "short-row"
  /** A cell without a title above it: its column is named `column_7`. */
  | "column-unnamed"
  /** A cell is an error (`#DIV/0!`), and given as this text. */
  | "error-cell"
  /** A formula without a cached value is null. */
  | "formula-unknown"
  /** A row that is hidden in its sheet; it is read all the same. */
  | "hidden-row"
  /** A column that is hidden in its sheet; it is read all the same. */
  | "hidden-column"
  /** A sheet that was not read: there were others. Where it is hidden, `hidden-sheet` instead. */
  | "sheet-skipped"
  /** A hidden sheet that was not read. */
  | "hidden-sheet"
  /** A range of merged cells: its first cell has the value, the others are null. */
  | "merged-cells";

/**
 * Counts something. `where` is a column's name or, of sheets, the sheet's: it is shown as the warning's
 * column.
 */
export type Note = (kind: NoteKind, where?: string, times?: number) => void;
