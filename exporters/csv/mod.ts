/**
 * CSV in its dialects, TSV among them.
 *
 * The base is RFC 4180, in UTF-8. Fields are quoted only where a reader needs it: around a separator,
 * a quote, CR or LF, and where the guard wants it. Spaces at a field's ends belong to it and need no
 * quotes (RFC 4180, 2.4). Two rules go beyond the RFC, both so that a row reads back as it was:
 *
 * - Null is unquoted, and text equal to what stands for null is quoted (PostgreSQL, COPY, "CSV
 *   Format"): by default null is an empty field and the empty string is `""`.
 * - The only field of a row is never written as an empty line, which readers skip: it becomes `""`,
 *   so that null is the empty string there. COPY reads an empty line as null, and gets one.
 *
 * The formula guard puts `'` before text that a spreadsheet would run (see `formula_guard.ts`),
 * whatever its column's type. Numbers are never touched, those that come as text in a number column
 * included. A value that begins with a quote needs no guard: it is text to a spreadsheet. It holds in
 * every dialect: the maker of a link chooses the dialect, and only the export may turn it off, for all
 * of them or for COPY.
 */

import type { Cell, Column, Row, Table, TextBatch, TextRows } from "../../table/table.ts";
import {
  type CellTextOptions,
  createCellText,
  isNumeric,
  isZoned,
  numberText,
} from "../cell_text.ts";
import { createCsvTextWriter, type CsvTextRules } from "./text_rows.ts";
import { csvTextStream } from "./text_rows_stream.ts";
import { type Exporter, TableError } from "../exporter.ts";
import { guardFormulas, hidesTrigger, mayBeFormula, type Separator } from "./formula_guard.ts";
import type { CsvOptions, Dialect, FormulaGuard } from "./options.ts";
import { type TextFormat, textStream } from "../text_stream.ts";
import type { Warnings } from "../warnings.ts";
import { DECIDING_ROWS, hasOffset, zoneTitles } from "../zone_titles.ts";

/** What a dialect decides. */
interface Rules {
  readonly separator: Separator;
  readonly lineEnd: "\r\n" | "\n";
  readonly bom: boolean;
  /** Which of a column's names its reader wants. */
  readonly header: "title" | "name";
  /** Whether a spreadsheet opens it, or COPY does. */
  readonly reader: "spreadsheet" | "copy";
  readonly cells: CellTextOptions;
}

const RFC4180 = {
  separator: ",",
  lineEnd: "\r\n",
  bom: false,
  header: "title",
  reader: "spreadsheet",
  cells: {},
} satisfies Rules;

const DIALECT_RULES: Readonly<Record<Dialect, Rules>> = {
  rfc4180: RFC4180,
  // Without the mark, Excel reads UTF-8 as the system's code page; with a `T`, no date.
  excel: { ...RFC4180, bom: true, cells: { datetime: "spreadsheet" } },
  "excel-semicolon": { ...RFC4180, bom: true, separator: ";", cells: { datetime: "spreadsheet" } },
  postgres: {
    ...RFC4180,
    lineEnd: "\n",
    header: "name",
    reader: "copy",
    cells: { binary: "hex" },
  },
  tsv: { ...RFC4180, separator: "\t" },
};

/** Comma-separated values; `dialect` names another kind. */
export const csv: Exporter<CsvOptions> = {
  readsText: true,
  encode: (table, options, warnings) =>
    encode(DIALECT_RULES[options.dialect ?? "rfc4180"], table, options, warnings),
};

/**
 * Tab-separated values, with the quotes of CSV around a tab or a line end: the registered media type
 * has no way to write them at all, and Excel and LibreOffice read these.
 */
export const tsv: Exporter<CsvOptions> = {
  readsText: true,
  encode: (table, options, warnings) => encode(DIALECT_RULES.tsv, table, options, warnings),
};

function encode(
  rules: Rules,
  table: Table,
  options: CsvOptions,
  warnings: Warnings,
): ReadableStream<Uint8Array> {
  const format = csvFormat(table.columns, rules, options, warnings);
  const { text } = table;
  if (!text) return textStream(table, format, warnings);
  return csvTextStream(text, (first) => {
    const head = format.head(first ? firstRows(text, first, format.clocks) : []);
    const writer = createCsvTextWriter(text, format.text());
    writer.addText(head);
    return writer;
  });
}

/** A CSV file, as rows of cells or as rows of text. */
interface CsvFormat extends TextFormat {
  /** What comes before the first row; the first ones decide about {@linkcode clocks}. */
  head(rows: readonly Row[]): string;
  /** Columns of datetimes that a spreadsheet reads. */
  readonly clocks: readonly boolean[];
  /** The rules for rows of text; the head comes first. */
  text(): CsvTextRules;
}

function csvFormat(
  columns: readonly Column[],
  rules: Rules,
  options: CsvOptions,
  warnings: Warnings,
): CsvFormat {
  const { separator, lineEnd, reader } = rules;
  const { bom = rules.bom, header = true } = options;
  const guarded = isGuarded(rules, options.formulaGuard);
  const needsQuotes = createQuoteTest(rules, guarded);
  const nullText = harmlessNull(options.null ?? "", rules, guarded);
  if (reader === "copy" && needsQuotes(nullText)) {
    throw new TableError(`Cannot write null as ${JSON.stringify(nullText)}: COPY wants it bare`);
  }

  const width = columns.length;
  const cellTexts = columns.map((column) => createCellText(column, rules.cells));
  const zoned = columns.map(isZoned);
  const clocks = columns.map(({ type }) =>
    rules.cells.datetime === "spreadsheet" && type === "datetime"
  );
  /** Columns of whose datetimes the head does not say what zone they are in. */
  let unnamed: readonly boolean[] = [];
  const numeric = columns.map(({ type }) =>
    type === "integer" || type === "number" || type === "decimal"
  );
  const nullField = quoteIfNeeded(nullText);
  const trueField = notNull("true");
  const falseField = notNull("false");
  const emptyLine = width === 1 && reader === "spreadsheet" ? '""' : "";

  function quoteIfNeeded(text: string): string {
    return needsQuotes(text) ? quote(text) : text;
  }

  function guard(text: string, column: Column): string {
    const harmless = guarded ? guardFormulas(text, separator) : text;
    if (harmless !== text) warnings.count("formula-guarded", column.name);
    return harmless;
  }

  /** A field that is not null and holds nothing that needs quotes otherwise. */
  function notNull(text: string): string {
    return text === nullText ? quote(text) : text;
  }

  /** Text that looks as if it needed quotes or the guard. */
  function suspectText(text: string, index: number): string {
    if (numeric[index] && isNumeric(text)) return notNull(text);
    const field = guard(text, columns[index]!);
    return field === nullText || needsQuotes(field) ? quote(field) : field;
  }

  function writeText(text: string, index: number): string {
    const plain = text !== nullText && text !== "" && !mayBeFormula(text) && !SUSPECT.test(text);
    return plain ? text : suspectText(text, index);
  }

  function rareCell(cell: Cell | undefined, index: number): string {
    if (cell === null || cell === undefined) return nullField;
    const written = cellTexts[index]!(cell);
    return typeof cell === "bigint" ? notNull(written) : writeText(written, index);
  }

  function dateText(text: string, index: number): string {
    if (unnamed[index] && hasOffset(text)) warnings.count("zone-unnamed", columns[index]!.name);
    return cellTexts[index]!(text);
  }

  /** A field of a row; in one that begins with a sign, text is in quotes (`formula_guard.ts`). */
  function field(cell: Cell | undefined, index: number, signed: boolean): string {
    if (typeof cell === "string") {
      const text = zoned[index] || clocks[index] ? dateText(cell, index) : cell;
      const written = writeText(text, index);
      return signed && written[0] !== '"' && !(numeric[index] && isNumeric(text))
        ? quote(written)
        : written;
    }
    if (typeof cell === "number") return notNull(numberText(cell));
    if (cell === true) return trueField;
    return cell === false ? falseField : rareCell(cell, index);
  }

  function row(cells: Row): string {
    let line = "";
    let signed = false;
    for (let index = 0; index < width; index++) {
      if (index > 0) line += separator;
      const written = field(cells[index], index, signed);
      line += written;
      if (index === 0) signed = guarded && beginsWithSign(written);
    }
    return (line === "" ? emptyLine : line) + lineEnd;
  }

  function headerLine(titles: readonly string[]): string {
    const line = titles.map((title, index) => quoteIfNeeded(guard(title, columns[index]!)))
      .join(separator);
    return (line === "" && width === 1 ? '""' : line) + lineEnd;
  }

  function head(rows: readonly Row[]): string {
    let titles = columns.map((column) => column[rules.header]);
    if (clocks.includes(true)) {
      const zones = zoneTitles(columns, rows);
      titles = zones.map(({ title }) => title);
      unnamed = zones.map(({ named }, index) => !zoned[index] && !(named && header));
    }
    return (bom ? "\ufeff" : "") + (header ? headerLine(titles) : "");
  }

  return {
    head,
    clocks,
    row,
    tail: "",
    text: () => ({
      separator,
      lineEnd,
      guarded,
      exact: zoned.map((moves) => moves || nullText !== ""),
      clocks: clocks.map((clock, index) => clock && (unnamed[index] ? "unnamed" : "named")),
      nullField,
      emptyLine,
      field,
    }),
  };
}

/** The first rows of a batch, with the cells of some columns and no others. */
function firstRows(
  text: TextRows,
  { bytes, bounds, length }: TextBatch,
  columns: readonly boolean[],
): readonly Row[] {
  if (!columns.includes(true)) return [];
  return Array.from(
    { length: Math.min(length, DECIDING_ROWS) },
    (_, row): Row =>
      columns.map((wanted, column) => {
        const at = 2 * (row * columns.length + column);
        const start = bounds[at]!;
        if (!wanted || start < 0) return null;
        return text.readCell(column, bytes, start, bounds[at + 1]!, true);
      }),
  );
}

function isGuarded({ reader }: Rules, guard: FormulaGuard = true): boolean {
  return guard === "spreadsheets" ? reader === "spreadsheet" : guard;
}

/**
 * What stands for null comes from a URL: a crafted link must not write a formula. A lone `-`, which
 * people like, is none.
 */
function harmlessNull(text: string, { separator }: Rules, guarded: boolean): string {
  return guarded && text !== "-" ? guardFormulas(text, separator) : text;
}

/**
 * What any dialect may have to quote, and more: the cheap test before the exact one. Alternatives
 * and anchors in it would double its time.
 */
const SUSPECT = /[",;\t\r\n\\]/;

/** Makes the test for text that needs quotes. */
function createQuoteTest(
  { separator, reader }: Rules,
  guarded: boolean,
): (text: string) => boolean {
  // U+FEFF in front would be read as the file's mark, if it is the file's first field.
  const special = new RegExp(`["${separator}\\r\\n]|^\\ufeff`);
  // A line that is `\.` ends the data, before PostgreSQL 18 (COPY, "CSV Format").
  const isSpecial = reader === "copy"
    ? (text: string) => special.test(text) || text === "\\."
    : (text: string) => special.test(text);
  return guarded ? (text) => isSpecial(text) || hidesTrigger(text) : isSpecial;
}

function beginsWithSign(field: string): boolean {
  return field[0] === "-" || field[0] === "+";
}

function quote(text: string): string {
  return '"' + text.replaceAll('"', '""') + '"';
}
