/** A table of everything that has ever made an export go wrong. */

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { Cell, Column, Row } from "../../table/table.ts";

/** Its columns, as the catalogue shows them. */
export const NASTY_COLUMNS: readonly Column[] = [
  { name: "id", title: "No.", type: "integer" },
  { name: "label", title: 'Text, "any" of it', type: "string" },
  { name: "big", title: "Größe; groß", type: "integer" },
  { name: "amount", title: "Amount", type: "decimal", format: "#,##0.00" },
  { name: "ratio", title: "Ratio", type: "number" },
  { name: "flag", title: "Flag", type: "boolean" },
  { name: "day", title: "日付", type: "date" },
  { name: "moment", title: "As stored", type: "datetime" },
  {
    name: "local",
    title: "In Berlin",
    type: "datetime",
    timezone: "Europe/Berlin",
    format: "yyyy-mm-dd hh:mm:ss",
  },
  { name: "clock", title: "Clock", type: "time" },
  { name: "span", title: "Span", type: "duration" },
  { name: "data", title: "Data", type: "json" },
  { name: "bytes", title: "Bytes", type: "binary" },
  { name: "anything", title: "=Anything", type: "string" },
];

/** What the table declares; `decimal_text` keeps every digit, and `any` takes what comes. */
const SCHEMA = `create table nasty (
  id integer primary key, label text, big integer, amount decimal_text, ratio real, flag boolean,
  day date, moment timestamp, local timestamp, clock time, span text, data json_text, bytes blob,
  anything
)`;

/** The query of its export; PostgreSQL and the sqlite3 shell cannot take a NUL. */
export const NASTY_QUERY =
  "select * from nasty where :nul or label is null or instr(label, char(0)) = 0 order by id";

/** Cells by column; null where there is none. */
type NastyRow = Readonly<Record<string, SQLInputValue>>;

/** Text, one a row. */
const LABELS: readonly string[] = [
  "",
  " ",
  "  leading and trailing  ",
  "\tstarts with a tab",
  "comma, semicolon; tab\t, pipe|",
  'a "quoted" word',
  '"',
  '""',
  "'",
  "it's",
  "line feed\nin the middle",
  "carriage return\rin the middle",
  "both\r\nin the middle",
  "\n",
  "\r\n",
  "ends with a line feed\n",
  "=1+1",
  '=HYPERLINK("http://example.com","click")',
  "+82 2 555 0100",
  "-1",
  "@SUM(1,2)",
  " =1+1",
  "\uff1d1+1",
  "first\n=1+1",
  "a;=1+1",
  "a\t+cmd|1!A1, and @SUM(1); -2 (of 3), -x",
  "007",
  "1e5",
  "1/2",
  "true",
  "NULL",
  "null",
  "\\N",
  "\\.",
  "<b>&amp;</b>",
  "]]>",
  "_x0041_ and _x000D_",
  "한국어와 日本語",
  "שלום مرحبا",
  "e\u0301 is not é",
  "👩‍👩‍👧 and 🇰🇷",
  "\u00a0no-break spaces\u00a0",
  "\ufeffmark",
  "a\u2028b\u2029c\u0085d",
  "\u0001\u0002\u0007\b\u000b\f\u000e\u001b\u001f\u007f",
  "a\u0000b",
  "\ufffe\uffff",
  "long: " + "x".repeat(40_000),
  // The 32,767th unit of a worksheet's cell would be half a character.
  "y".repeat(32_766) + "😀" + "z".repeat(100),
  "多".repeat(32_767),
  Array.from({ length: 200 }, (_, line) => `line ${line}, "quoted"`).join("\r\n"),
];

const ROWS: readonly NastyRow[] = [
  {},
  ...LABELS.map((label) => ({ label })),
  ...[0n, 42n, -1n, 999_999_999_999_999n, 9_007_199_254_740_993n, 2n ** 63n - 1n, -(2n ** 63n)]
    .map((big) => ({ big })),
  ...[
    "12.50",
    "-0.10",
    "0.00",
    "1234567.89",
    "999999999999.99",
    "123456789012345678901234567890",
    "-0.000000000000000000000000000001",
    "12345678901234.56",
    "1e3",
    "not a number",
    "=2+2",
  ].map((amount) => ({ amount })),
  ...[0.1, -2.5, 42, 1e15, 1e21, 1.7976931348623157e308, 5e-324, 0.1 + 0.2, 123456789.123456789]
    .map((ratio) => ({ ratio })),
  ...[1n, 0n, 2n, "yes"].map((flag) => ({ flag })),
  ...[
    "2026-01-02",
    "2024-02-29",
    "1900-03-01",
    "1900-02-28",
    "0001-01-01",
    "9999-12-31",
    "2026-02-30",
    "soon",
    86_400n,
  ].map((day) => ({ day })),
  ...[
    "2026-01-02 03:04:05",
    "2026-01-02T03:04:05Z",
    "2026-01-02T03:04:05.25+09:00",
    // The hour that Berlin skips, and the one that it has twice.
    "2026-03-29T00:59:59Z",
    "2026-03-29T01:00:00Z",
    "2026-10-25T00:30:00Z",
    "2026-10-25T01:30:00Z",
    "2026-12-31T23:30:00.123456Z",
    "1999-12-31 12:00",
    "1800-01-01 00:00:00",
    "whenever",
    1_767_322_645n,
  ].map((moment) => ({ moment, local: moment })),
  ...["00:00", "03:04:05", "23:59:59.5", "24:00:00", "noon"].map((clock) => ({ clock })),
  ...["PT36H5M", "P1DT2S", "PT0S", "P1M", "-PT90S", "a while"].map((span) => ({ span })),
  ...['{"a": [1, 2.50, "x, \\"y\\""], "b": null}', '"\\ud83d\\ude00"', "{broken", "12.50", "[]"]
    .map((data) => ({ data })),
  ...[[0, 1, 2, 253, 254, 255], [], [0x3d, 0x31]].map((bytes) => ({
    bytes: Uint8Array.from(bytes),
  })),
  ...["text", 7n, 2.5, Uint8Array.of(1, 2, 3), "=1+1"].map((anything) => ({ anything })),
];

/** How many rows it has. */
export const NASTY_ROWS = ROWS.length;

/** Its rows as an exporter might get them, with none of them as a source would have read it. */
export const NASTY_CELLS: readonly Row[] = ROWS.map((row, index) =>
  NASTY_COLUMNS.map(({ name }) => (name === "id" ? index + 1 : row[name] ?? null) as Cell)
);

/** Makes a database with the table. */
export function createNasty(path: string): void {
  const database = new DatabaseSync(path);
  try {
    database.exec(SCHEMA);
    database.exec("begin");
    const names = NASTY_COLUMNS.map(({ name }) => name);
    const insert = database.prepare(
      `insert into nasty values (${names.map(() => "?").join(", ")})`,
    );
    for (const [index, row] of ROWS.entries()) {
      insert.run(...names.map((name) => name === "id" ? index + 1 : row[name] ?? null));
    }
    database.exec("commit");
  } finally {
    database.close();
  }
}
