/** What every reader of uploads offers: an uploaded file in, columns and batches of cells out. */

import type { Note } from "../notes.ts";
import { type ReadOptions, type RowStream, type SourceColumn, SourceError } from "../source.ts";
import type { ColumnType, Row } from "../../table/table.ts";

export type { Note, NoteKind } from "../notes.ts";

/** An uploaded file, on a disk. */
export interface UploadFile {
  /** Its bytes. */
  readonly size: number;
  /**
   * Reads bytes from an offset on; how many, fewer than `into` holds only at the end of the file.
   *
   * It is no promise: a worker reads one upload and has nothing else to do, 256 KiB of a disk's cache take
   * 50 us, and a cell that is looked up in a file cannot wait for a promise each.
   */
  readAt(offset: number, into: Uint8Array): number;
}

/** A file of a reader's own, for what does not fit into memory; it is removed with the upload. */
export interface ScratchFile extends UploadFile {
  /**
   * Writes bytes at its end; `size` is where the next ones go.
   *
   * @throws {UploadError} where it would be larger than it may be
   */
  append(bytes: Uint8Array): void;
}

/** What the caller says about the file, instead of having it detected. */
export interface ReadingOptions {
  /** Whether the first row names the columns. @default detected */
  readonly header?: boolean | undefined;
  /** What stands between two fields of text: one ASCII character. @default detected */
  readonly separator?: string | undefined;
  /** What stands around fields of text; empty: nothing does. @default `"` */
  readonly quote?: string | undefined;
  /** The label of text's encoding (WHATWG Encoding, 4.2). @default detected */
  readonly encoding?: string | undefined;
  /** A sheet by its name, or by its number from 1, hidden ones counted. @default the first one that is shown */
  readonly sheet?: string | number | undefined;
  /** The cells of a sheet that are read: `B3:F100`, `B:F`. @default those that there are */
  readonly range?: string | undefined;
}

/** How much a reader may take from a file. Each is for the reader to keep: it stops there. */
export interface ReadingLimits {
  /** Cells of the table, the empty ones of a row counted up to its last one. */
  readonly maxCells: number;
  /** UTF-16 units (or bytes, where the reader has those) of a row. */
  readonly maxRow: number;
}

/** What a reader is given besides the file. */
export interface ReaderContext extends Required<Pick<ReadOptions, "types" | "batchRows">> {
  /** What the caller says about the file. */
  readonly reading: ReadingOptions;
  /** How much it may take. */
  readonly limits: ReadingLimits;
  /** Counts what is to be said. */
  readonly note: Note;
  /** Whether the rows are welcome as text (`RowStream.text`). @default false */
  readonly text?: boolean;
  /** Makes the scratch file, once; absent where there is none: what needs it is too large then. */
  readonly scratch?: (() => ScratchFile) | undefined;
  /** Aborted when the run is cancelled: what is unpacked before the first row ends then. @default never */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A reader of one format. `open` looks at the first rows, so that the columns' names and types are known, and
 * reads the others as they are pulled; reading again from the start is cheap, as the file is on a disk.
 *
 * The file stays the caller's, who closes it when the stream has ended, failed or was cancelled.
 */
export interface UploadReader {
  /**
   * Opens a file.
   *
   * @throws {UploadError} where it is not what it should be
   */
  open(file: UploadFile, context: ReaderContext): Promise<RowStream>;
}

/**
 * Rows as a file has them: the row that names the columns is not told from the others, and rows have any
 * length. `toRowStream` (`raw_rows.ts`) makes columns and batches of them: what finds the header, the names and
 * the types is the same for every format whose cells stand in a grid.
 */
export interface RawRows {
  /** The columns, where the file names them elsewhere than in its first row. @default they are found */
  readonly columns?: readonly SourceColumn[];
  /** Columns that there are at least, as far as the file says so before its rows. @default as the first rows have */
  readonly width?: number;
  /**
   * The next rows, some hundred at most and none that is empty at the end of the file; undefined at the end.
   *
   * @throws {UploadError} where the file is not what it should be
   */
  read(): Promise<RawBatch | undefined>;
  /** Releases what reading holds, also while a read is pending; the file stays open. */
  close(): Promise<void>;
}

/** Some rows of {@linkcode RawRows}. */
export interface RawBatch {
  /** Their cells, each as `table/table.ts` has those of its type. */
  readonly rows: readonly Row[];
  /**
   * The type of each cell, where the file itself tells it (a style makes a number a date). It is looked at for
   * the first {@linkcode SAMPLE_ROWS} rows alone. @default what the cell shows: text is `string`
   */
  readonly types?: readonly (readonly (ColumnType | undefined)[])[];
}

/** The rows whose cells decide the types of the columns. */
export const SAMPLE_ROWS = 1000;

/** Bytes or UTF-16 units of them, after which the rows so far decide. */
export const SAMPLE_UNITS = 8 * 1024 * 1024;

/** Where in an upload something is wrong; as much as is known. */
export interface UploadPosition {
  /** A line of text, from 1, the header counted. */
  readonly line?: number;
  /** A row of data, from 1, where there are no lines. */
  readonly row?: number;
  /** The name of a sheet. */
  readonly sheet?: string;
  /** A cell of it: `C7`. */
  readonly cell?: string;
}

/** How an {@linkcode UploadError} came to be. */
export interface UploadErrorOptions extends ErrorOptions {
  /** What is wrong. @default "content" */
  readonly kind?: UploadError["kind"];
  /** Where. @default not known */
  readonly position?: UploadPosition;
  /** What the caller said of the file that does not fit it. @default nothing */
  readonly option?: string;
}

/** An upload that is not what it should be: the caller's issue, and never the server's. */
export class UploadError extends SourceError {
  /**
   * `content`: it is broken, too much, or not what it says; `type`: it is whole, and of a kind that is not
   * read (XLS, ODS, a picture).
   */
  readonly kind: "content" | "type";
  /** Where. */
  readonly position: UploadPosition;
  /** What the caller said of the file that does not fit it: `sheet`, `_types`. */
  readonly option: string | undefined;

  /** Says what is wrong, as a sentence about the file without the position: `a quote is not closed`. */
  constructor(
    message: string,
    { kind = "content", position = {}, option, ...options }: UploadErrorOptions = {},
  ) {
    super(`Cannot read the upload${positionText(position)}: ${message}`, options);
    this.kind = kind;
    this.position = position;
    this.option = option;
  }
}

/** `, line 7`; `, sheet "Data", cell C7`. */
function positionText({ line, row, sheet, cell }: UploadPosition): string {
  return [
    line === undefined ? "" : `, line ${line}`,
    row === undefined ? "" : `, row ${row}`,
    sheet === undefined ? "" : `, sheet ${JSON.stringify(sheet)}`,
    cell === undefined ? "" : `, cell ${cell}`,
  ].join("");
}
