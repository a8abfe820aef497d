/** The settings of an upload as a source. */

import type { ReadingOptions } from "./reader.ts";

/** The formats that are read. */
export const UPLOAD_FORMATS = ["csv", "tsv", "ndjson", "json", "xlsx"] as const;

/** One of {@linkcode UPLOAD_FORMATS}. */
export type UploadFormat = typeof UPLOAD_FORMATS[number];

/** An uploaded file, and how to read it. */
export interface UploadConfig extends ReadingOptions {
  /** Where the file is. */
  readonly path: string;
  /** What it is. @default detected */
  readonly format?: UploadFormat | undefined;
  /** The formats that may be read. @default all */
  readonly formats?: readonly UploadFormat[] | undefined;
  /** Cells of the table at most. */
  readonly max_cells: number;
  /** Bytes of text, or UTF-16 units, of a row at most. */
  readonly max_row: number;
  /** A file that may be made for what does not fit into memory. @default there is none */
  readonly scratch?: { readonly path: string; readonly maxBytes: number } | undefined;
}
