/** The options of the exporter of XLSX. */

import type { DocumentOptions } from "../document.ts";

/** How to write a workbook. Every member has a default, so that `{}` is a request. */
export interface XlsxOptions extends DocumentOptions {
  /** Whether the first row holds the columns' titles. @default true */
  readonly header?: boolean;
  /** Deflate level, 0 to 9. @default 2 */
  readonly deflateLevel?: number;
  /** Whether text that repeats is written once, in a table of strings. @default true */
  readonly sharedStrings?: boolean;
}

/** Level 2 deflates 460 MB/s of sheet XML to a seventh; level 6 takes 4 times as long for 18 % less. */
export const DEFLATE_LEVEL = 2;
