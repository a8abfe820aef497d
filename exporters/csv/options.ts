/** The options of the exporter of CSV. */

/** The CSV dialects that a request can name. */
export const DIALECTS = ["excel", "excel-semicolon", "rfc4180", "postgres", "tsv"] as const;

/** One of {@linkcode DIALECTS}. */
export type Dialect = typeof DIALECTS[number];

/** Whether formulas are made harmless: in every dialect, in those that spreadsheets read, or nowhere. */
export type FormulaGuard = boolean | "spreadsheets";

/** How to write CSV or TSV. Every member has a default, so that `{}` is a request. */
export interface CsvOptions {
  /** CSV dialect; TSV has one alone. @default "rfc4180" */
  readonly dialect?: Dialect;
  /** Whether the file begins with a byte order mark. @default as the dialect does */
  readonly bom?: boolean;
  /** Whether the first row holds the columns' titles. @default true */
  readonly header?: boolean;
  /** What stands for null. @default "" */
  readonly null?: string;
  /** Whether text that a spreadsheet would run as a formula is made harmless. @default true */
  readonly formulaGuard?: FormulaGuard;
}
