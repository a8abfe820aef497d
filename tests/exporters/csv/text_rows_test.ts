/**
 * CSV from the bytes of a source is CSV from its cells, byte for byte: for what is hard, written out, and
 * for whatever else there is, in every dialect.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { csv, tsv } from "../../../exporters/csv/mod.ts";
import { type CsvOptions, DIALECTS } from "../../../exporters/csv/options.ts";
import { cellConverter } from "../../../sources/converters.ts";
import { createTextReader } from "../../../sources/postgres/types.ts";
import type { Column, ColumnType, Row, Table, TextBatch } from "../../../table/table.ts";
import { convertText } from "../../../sources/text_rows.ts";
import { column, exportTable, tableOf } from "../tables.ts";

/** A column of PostgreSQL: what its type is there, and here. */
interface TextColumn {
  readonly oid: number;
  readonly type: ColumnType;
  /** What the export declares. */
  readonly declared?: ColumnType;
  readonly timezone?: string;
}

/** Texts of cells as a server sends them; null is null. */
type TextRow = readonly (string | null)[];

const encoder = new TextEncoder();

/** Rows as they lie in what came from a socket: with lengths and other things in between. */
function toBatch(rows: readonly TextRow[]): TextBatch {
  const pieces: Uint8Array[] = [encoder.encode('D,"=')];
  const bounds: number[] = [];
  let at = pieces[0]!.length;
  for (const text of rows.flat()) {
    const bytes = encoder.encode(text ?? "");
    bounds.push(text === null ? -1 : at, at + bytes.length);
    pieces.push(bytes, new Uint8Array([0x2b, 0x22, 0x3d, 0]));
    at += bytes.length + 4;
  }
  const bytes = new Uint8Array(at);
  pieces.reduce((to, piece) => {
    bytes.set(piece, to);
    return to + piece.length;
  }, 0);
  return { bytes, bounds: Int32Array.from(bounds), length: rows.length };
}

/** How the text of the columns is read, with their cells of the declared types; others are counted. */
function createReading(
  columns: readonly TextColumn[],
  described: readonly Column[],
  count: () => void,
) {
  const reading = createTextReader(
    columns.map(({ oid }) => oid),
    columns.map(({ declared }) => declared),
  );
  const converters = columns.map(({ type, declared }) =>
    declared && cellConverter({ name: "", type, strict: true }, declared, count)
  );
  return convertText(reading, converters, described);
}

/** The rows as one table whose cells are read, and as one whose text is copied. */
function bothTables(
  columns: readonly TextColumn[],
  rows: readonly TextRow[],
): { cells: Table; text: Table; others: { cells: number; text: number } } {
  const described = columns.map(({ type, declared, timezone }, index): Column =>
    column(`c${index}`, declared ?? type, timezone)
  );
  const others = { cells: 0, text: 0 };
  const reading = createReading(columns, described, () => others.cells++);
  const read = rows.map((row): Row =>
    row.map((text, index) => {
      if (text === null) return null;
      const bytes = encoder.encode(text);
      return reading.readCell(index, bytes, 0, bytes.length);
    })
  );
  // In two batches, and what is between them is looked at alone.
  const half = Math.ceil(rows.length / 2);
  const batches = [rows.slice(0, half), rows.slice(half)].filter(({ length }) => length > 0)
    .map(toBatch);
  const cells = tableOf(described, read, Math.max(1, half));
  const text = {
    ...tableOf(described, []),
    text: {
      ...createReading(columns, described, () => others.text++),
      batches: ReadableStream.from(batches),
    },
  };
  return { cells, text, others };
}

/** Exports both ways, makes sure that they are the same, and gives the text of the rows. */
async function exportBoth(
  columns: readonly TextColumn[],
  rows: readonly TextRow[],
  options: CsvOptions = {},
  exporter = csv,
): Promise<string> {
  const { cells, text, others } = bothTables(columns, rows);
  const [one, other] = [
    await exportTable(exporter, cells, options),
    await exportTable(exporter, text, options),
  ];
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  assert.equal(decoder.decode(other.bytes), decoder.decode(one.bytes));
  assert.deepEqual(other.warnings, one.warnings);
  assert.equal(others.text, others.cells);
  return decoder.decode(one.bytes);
}

const TEXT: TextColumn = { oid: 25, type: "string" };
const COLUMNS: readonly TextColumn[] = [
  TEXT,
  { oid: 16, type: "boolean" },
  { oid: 20, type: "integer" },
  { oid: 1700, type: "decimal" },
  { oid: 701, type: "number" },
  { oid: 1082, type: "date" },
  { oid: 1114, type: "datetime" },
  { oid: 1184, type: "datetime" },
  { oid: 1184, type: "datetime", timezone: "Asia/Seoul" },
  { oid: 1186, type: "duration" },
  { oid: 114, type: "json" },
  { oid: 17, type: "binary" },
  { oid: 20, type: "integer", declared: "string" },
  { oid: 25, type: "string", declared: "decimal" },
  { oid: 701, type: "number", declared: "decimal" },
];

/** Columns whose cells become others. */
const CONVERTED: readonly TextColumn[] = [
  { oid: 16, type: "boolean", declared: "string" },
  { oid: 20, type: "integer", declared: "number" },
  { oid: 1700, type: "decimal", declared: "number" },
  { oid: 1700, type: "decimal", declared: "string" },
  { oid: 701, type: "number", declared: "integer" },
  { oid: 1114, type: "datetime", declared: "date" },
  { oid: 1184, type: "datetime", declared: "string" },
  { oid: 1082, type: "date", declared: "datetime", timezone: "Asia/Seoul" },
  { oid: 25, type: "string", declared: "integer" },
  { oid: 25, type: "string", declared: "json" },
  { oid: 17, type: "binary", declared: "string" },
];

Deno.test("csv from text: fields are copied, quoted, guarded and translated as cells are", async () => {
  const row = (text: string | null) => [text];
  const lines = async (texts: readonly (string | null)[], options: CsvOptions = {}) =>
    await exportBoth([TEXT], texts.map(row), { header: false, ...options });
  assert.equal(
    await lines(["plain", null, "", 'a "q"', "a,b", "a\r\nb", "é 두 🎉", "=1+1", "-1", "\ufeffx"]),
    'plain\r\n""\r\n""\r\n"a ""q"""\r\n"a,b"\r\n"a\r\nb"\r\né 두 🎉\r\n\'=1+1\r\n\'-1\r\n"\ufeffx"\r\n',
  );
  // The full-width signs, and separators of other readers, behind which a formula may stand.
  assert.equal(
    await lines([
      "＝1",
      "＠x",
      "\t=1",
      "a;=1",
      "a; b",
      "a\t-1",
      "a\t-x(1)",
      "@",
      "+",
      "a,b;＋ｓ（",
    ]),
    "'＝1\r\n'＠x\r\n'\t'=1\r\na;'=1\r\na; b\r\n\"a\t-1\"\r\na\t'-x(1)\r\n'@\r\n'+\r\n" +
      `"a,b;'＋ｓ（"\r\n`,
  );
  assert.equal(await lines(["=1", "a;=1"], { formulaGuard: false }), "=1\r\na;=1\r\n");
  assert.equal(
    await lines(["\\.", null, "", "x"], { dialect: "postgres" }),
    '"\\."\n\n""\nx\n',
  );
  assert.equal(await lines([null, "-", "x"], { null: "-" }), "-\r\n'-\r\nx\r\n");
});

Deno.test("csv from text: a spreadsheet gets wall clocks in UTC, and is told so", async () => {
  const columns: readonly TextColumn[] = [
    { oid: 1184, type: "datetime" },
    { oid: 1114, type: "datetime" },
    { oid: 25, type: "string", declared: "datetime" },
    { oid: 1184, type: "datetime" },
  ];
  const rows: readonly TextRow[] = [
    ["2026-01-02 03:04:05.5+00", "2026-01-02 03:04:05", "2026-01-02T03:04:05+09:00", null],
    ["infinity", "2026-01-02 03:04:05.123456", "n/a", "2026-01-02 03:04:05+00"],
    ["12345-01-02 03:04:05+00", "-infinity", "2026-01-02 03:04:05+00", "2026-01-02 03:04:05+00"],
    ["2026-01-02 03:04:05+00", "0044-03-15 00:00:00 BC", "2026-01-02 03:04+09", null],
  ];
  // The first two rows are the first batch, which decides.
  assert.equal(
    await exportBoth(columns, rows, { dialect: "excel", bom: false }),
    "c0 (UTC),c1,c2 (UTC),c3 (UTC)\r\n" +
      "2026-01-02 03:04:05.5,2026-01-02 03:04:05,2026-01-01 18:04:05,\r\n" +
      "infinity,2026-01-02 03:04:05.123456,n/a,2026-01-02 03:04:05\r\n" +
      "12345-01-02 03:04:05+00:00,'-infinity,2026-01-02 03:04:05,2026-01-02 03:04:05\r\n" +
      "2026-01-02 03:04:05,0044-03-15 00:00:00 BC,2026-01-01 18:04:00,\r\n",
  );
  assert.equal(
    await exportBoth([columns[0]!], [[null], [null], ["2026-01-02 03:04:05+00"]], {
      dialect: "excel-semicolon",
      bom: false,
    }),
    'c0\r\n""\r\n""\r\n2026-01-02 03:04:05\r\n',
  );
});

Deno.test("csv from text: each type is written as its cells are", async () => {
  const rows: readonly TextRow[] = [
    [
      ...["x", "t", "-5", "-1.50", "1e+20", "2026-01-02", "2026-01-02 03:04:05.5"],
      ...["2026-01-02 03:04:05+00", "2026-01-02 03:04:05+00", "PT36H", '{"a": "=1"}', "\\x00ff"],
      ...["-7", "-8", "1e-07"],
    ],
    [
      ...["", "f", "9223372036854775807", "NaN", "-0", "infinity", "-infinity"],
      ...["infinity", "infinity", "-P1D", "[]", "\\x", "9007199254740993", "= 8", "Infinity"],
    ],
    COLUMNS.map(() => null),
  ];
  assert.equal(
    await exportBoth(COLUMNS, rows, { header: false }),
    "x,true,-5,-1.50,100000000000000000000,2026-01-02,2026-01-02 03:04:05.5," +
      "2026-01-02 03:04:05+00:00,2026-01-02T12:04:05+09:00,PT36H," +
      `"{""a"": ""=1""}",AP8=,'-7,-8,1e-7\r\n` +
      `"",false,9223372036854775807,NaN,-0,infinity,'-infinity,infinity,infinity,'-P1D,[],"",` +
      "9007199254740993,'= 8,Infinity\r\n" +
      ",,,,,,,,,,,,,,\r\n",
  );
});

Deno.test("csv from text: whatever the rows, the dialect and the options are", async () => {
  const SPECIAL = [
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    '"',
    ",",
    ";",
    " ",
    "\\",
    ".",
    "a",
    "0",
    "(",
  ];
  const piece = fc.oneof(
    fc.constantFrom(...SPECIAL, "＝", "－", "\ufeff", "é", "두", "🎉", "\0", "\u00a0", "\u2028"),
    fc.string(),
  );
  const any = fc.array(piece, { maxLength: 5 }).map((pieces) =>
    pieces.join("").toWellFormed().replaceAll("\0", "")
  );
  const digits = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
  const decimal = fc.oneof(
    fc.tuple(digits, fc.stringMatching(/^\d{1,20}$/)).map((parts) => parts.join(".")),
    fc.constantFrom("NaN", "Infinity", "-Infinity", "0", "-0.50"),
  );
  const float = fc.oneof(
    fc.double().map((value) => Number.isFinite(value) && value !== 0 ? floatText(value) : "NaN"),
    fc.constantFrom("NaN", "Infinity", "-Infinity", "-0", "1e+20", "1e-07", "0.1"),
  );
  const moment = fc.constantFrom(
    ...["2026-01-02 00:00:00", "2026-07-02 23:59:59.123456", "0001-01-01 00:00:00"],
    ...["-infinity", "infinity", "0044-03-15 00:00:00 BC", "12345-01-02 03:04:05"],
  );
  const zoned = moment.map((text) =>
    text.includes("infinity")
      ? text
      : text.replace(/(?= BC$)|$/, "+00").replace(/(\+00) BC\+00$/, "$1 BC")
  );
  const byOid: Readonly<Record<number, fc.Arbitrary<string>>> = {
    16: fc.constantFrom("t", "f"),
    17: fc.uint8Array({ maxLength: 6 }).map((bytes) => `\\x${bytes.toHex()}`),
    20: digits,
    25: any,
    114: fc.json(),
    701: float,
    1082: fc.constantFrom("2026-01-02", "infinity", "0044-03-15 BC"),
    1114: moment,
    1184: zoned,
    1186: fc.constantFrom("PT36H", "-P1D", "P1Y2M", "PT0S"),
    1700: decimal,
  };
  const table = fc.array(fc.constantFrom(...COLUMNS, ...CONVERTED), { minLength: 1, maxLength: 5 })
    .chain((columns) =>
      fc.tuple(
        fc.constant(columns),
        fc.array(
          fc.tuple(...columns.map(({ oid }) => fc.option(byOid[oid]!))),
          { maxLength: 6 },
        ),
      )
    );
  const options: fc.Arbitrary<CsvOptions> = fc.record({
    dialect: fc.constantFrom(...DIALECTS),
    formulaGuard: fc.constantFrom(true, false, "spreadsheets" as const),
    header: fc.boolean(),
    null: fc.constantFrom("", "-", "NULL", "t", "0", "=x", "2026-01-02"),
  });
  await fc.assert(
    fc.asyncProperty(table, options, async ([columns, rows], options) => {
      await exportBoth(columns, rows, options);
    }),
    { numRuns: 1500 },
  );
  await fc.assert(
    fc.asyncProperty(table, async ([columns, rows]) => {
      await exportBoth(columns, rows, {}, tsv);
    }),
    { numRuns: 200 },
  );
});

/** A double as PostgreSQL writes it: two digits of an exponent at least. */
function floatText(value: number): string {
  return value.toString().replace(/e([+-])(\d)$/, "e$10$2");
}

Deno.test("csv from text: a row of megabytes and one of a thousand columns are whole", async () => {
  const long = "é,".repeat(1_000_000);
  const text = await exportBoth([TEXT], [[long], ["x"]], { header: false });
  assert.equal(text, `"${long}"\r\nx\r\n`);
  const columns = Array.from({ length: 1000 }, () => TEXT);
  const row = columns.map((_, index) => `v${index}`);
  assert.equal(
    await exportBoth(columns, [row, row, row], { header: false }),
    `${row.join(",")}\r\n`.repeat(3),
  );
});
