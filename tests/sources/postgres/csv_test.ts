/** The fast path of PostgreSQL to CSV against the plain one: the same bytes, and the same ends. */

import assert from "node:assert/strict";
import { csv } from "../../../exporters/csv/mod.ts";
import { type CsvOptions, DIALECTS } from "../../../exporters/csv/options.ts";
import { Warnings } from "../../../exporters/warnings.ts";
import { postgres } from "../../../sources/postgres/descriptor.ts";
import { postgresDriver } from "../../../sources/postgres/driver.ts";
import { toTable } from "../../../sources/to_table.ts";
import type { ColumnSetting } from "../../../table/table.ts";
import { SourceError } from "../../../sources/source.ts";
import { COLUMN_TYPES } from "../../../table/table.ts";
import { standstill, until } from "../../waiting.ts";
import { startProxy } from "../proxy.ts";
import { postgresTest, sharedServer } from "./shared.ts";

/** How an export is read and written. */
interface Reading {
  readonly columns?: Readonly<Record<string, ColumnSetting>>;
  readonly select?: readonly string[];
  readonly options?: CsvOptions;
}

/** Writes a query as CSV, from the server's text or from cells. */
async function write(query: string, text: boolean, reading: Reading = {}) {
  const { columns = {}, select, options = {} } = reading;
  const server = await sharedServer();
  const config = postgres.config.parse({ url: server.url() });
  const types = Object.fromEntries(
    Object.entries(columns).flatMap(([name, { type }]) => type ? [[name, type]] : []),
  );
  const stream = await postgresDriver.open(config, { text: query, params: {} }, { text, types });
  assert.equal(stream.text !== undefined, text);
  const warnings = new Warnings();
  const table = await toTable(
    stream,
    { title: "T", columns, ...(select ? { select } : {}) },
    (column) => warnings.count("other-type", column),
  );
  const bytes = await new Response(csv.encode(table, options, warnings)).bytes();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return { file: decoder.decode(bytes), warnings: warnings.list() };
}

/** What is hard about each type, in six rows. */
const HARD = `select n,
    (array['=1+1', '-x', 'a "q", b', E'two\\r\\nlines', '', null])[n] as note,
    (array['＝1', E'\\ufeffx', 'é 두 🎉', 'a;=1', E'\\\\.', 'NULL'])[n] as other,
    (array[true, false, null])[n] as flag,
    (array[9223372036854775807, -1, 0])[n] as big,
    (array[12345678901234567890.10, -0.5, 'NaN'])[n] as exact,
    (array['0.1', '1e20', '1e-7', 'NaN', '-Infinity', '-0'])[n]::float8 as float,
    (array['0.1', '3.4e38', '1e-7'])[n]::real as single,
    (array['2026-01-02', 'infinity', '0044-03-15 BC'])[n]::date as day,
    (array['2026-01-02 03:04:05.5', '-infinity', '0044-03-15 BC'])[n]::timestamp as local,
    (array['2026-01-02 03:04:05+09', 'infinity', '0044-03-15 00:00+00 BC'])[n]::timestamptz as at,
    (array['2026-07-02 03:04:05.123456+09', '-infinity', '1800-01-01 00:00+00'])[n]::timestamptz
      as shown,
    (array['36 hours', '-1 day', '1 year 2 mons'])[n]::interval as span,
    (array['{"a": "=1"}', '[]', 'null'])[n]::json as data,
    (array['\\x00ff', '\\x', '\\x3d31'])[n]::bytea as raw,
    (array['{a,"=b"}', '{}', null])[n]::text[] as list,
    '10.0.0.1/8'::inet as net
  from generate_series(1, 6) as n`;

const SETTINGS = { columns: { shown: { timezone: "Asia/Seoul" } } } satisfies Reading;

postgresTest("postgres: CSV from the server's text is CSV from cells, byte for byte", async () => {
  for (const dialect of DIALECTS) {
    for (const formulaGuard of [true, false]) {
      for (const nothing of ["", "-", "NULL"]) {
        const options = { dialect, formulaGuard, null: nothing };
        const reading = { ...SETTINGS, options };
        const [fast, plain] = [await write(HARD, true, reading), await write(HARD, false, reading)];
        assert.equal(fast.file, plain.file);
        assert.deepEqual(fast.warnings, plain.warnings);
      }
    }
  }
  const reading = { ...SETTINGS, select: ["net", "note", "n"] };
  assert.deepEqual(await write(HARD, true, reading), await write(HARD, false, reading));
});

/** Every column of {@linkcode HARD} and a few more, under every type. */
const HARDER = HARD.replace(
  "select n,",
  `select n, n = 1 as yes, '=1' || n as formula,
    (array['$1,234.50', '-0.5'])[n]::money as price,
    (array['42', '-0.50', '2021-01-01', 'true', '=1', '-'])[n] as digits,
    (array['2021-01-01', '2021-01-02 03:04:05'])[n]::timestamp as midnight,`,
);

postgresTest("postgres: with types declared, CSV from text is CSV from cells too", async () => {
  const server = await sharedServer();
  const config = postgres.config.parse({ url: server.url() });
  const { columns, batches } = await postgresDriver.open(config, { text: HARDER, params: {} });
  await batches.cancel();
  for (const type of COLUMN_TYPES) {
    for (const options of [{}, { null: "-" }, { formulaGuard: false }]) {
      const declared = Object.fromEntries(columns.map(({ name }) => [name, { type }]));
      const reading = { columns: declared, options };
      const [fast, plain] = [
        await write(HARDER, true, reading),
        await write(HARDER, false, reading),
      ];
      assert.equal(fast.file, plain.file);
      // Cells are counted by the batch, and text as it is written: the order of the kinds is another.
      assert.deepEqual(new Set(fast.warnings), new Set(plain.warnings), type);
      const counted = fast.warnings.filter(({ kind }) => kind === "other-type");
      assert(counted.length > 0 || type === "string" || type === "json", type);
    }
  }
});

postgresTest("postgres: a declared type is what the server's text becomes in CSV", async () => {
  const types = {
    n: "string",
    big: "number",
    exact: "number",
    flag: "string",
    at: "date",
    day: "datetime",
    price: "decimal",
    digits: "number",
    midnight: "date",
  } as const;
  const { file, warnings } = await write(HARDER, true, {
    select: Object.keys(types),
    columns: Object.fromEntries(Object.entries(types).map(([name, type]) => [name, { type }])),
  });
  assert.equal(
    file,
    "n,big,exact,flag,at,day,price,digits,midnight\r\n" +
      "1,9223372036854776000,12345678901234567000,true,2026-01-01 18:04:05+00:00," +
      "2026-01-02 00:00:00,1234.50,42,2021-01-01\r\n" +
      "2,-1,-0.5,false,infinity,infinity,-0.50,-0.5,2021-01-02 03:04:05\r\n" +
      "3,0,NaN,,0044-03-15 BC,0044-03-15 00:00:00 BC,,2021-01-01,\r\n" +
      "4,,,,,,,true,\r\n" +
      "5,,,,,,,'=1,\r\n" +
      "6,,,,,,,'-,\r\n",
  );
  assert.deepEqual(
    warnings.map(({ kind, column, count }) => [kind, column, count]),
    [
      ["other-type", "at", 1],
      ["other-type", "midnight", 1],
      ["other-type", "digits", 4],
      ["formula-guarded", "digits", 2],
    ],
  );
});

postgresTest("postgres: CSV from the server's text is what it should be", async () => {
  const { file, warnings } = await write(HARD, true, {
    ...SETTINGS,
    select: ["n", "note", "flag", "big", "exact", "float", "at", "shown", "raw", "list"],
    columns: { ...SETTINGS.columns, note: { title: "=Note" } },
  });
  assert.equal(
    file,
    "n,'=Note,flag,big,exact,float,at,shown,raw,list\r\n" +
      "1,'=1+1,true,9223372036854775807,12345678901234567890.10,0.1,2026-01-01 18:04:05+00:00," +
      `2026-07-02T03:04:05.123456+09:00,AP8=,"{a,'=b}"\r\n` +
      "2,'-x,false,-1,-0.5,100000000000000000000,infinity,'-infinity,\"\",{}\r\n" +
      '3,"a ""q"", b",,0,NaN,1e-7,0044-03-15 00:00:00+00:00 BC,1800-01-01T08:28:00+08:28,PTE=,\r\n' +
      '4,"two\r\nlines",,,,NaN,,,,\r\n' +
      '5,"",,,,-Infinity,,,,\r\n' +
      "6,,,,,-0,,,,\r\n",
  );
  assert.deepEqual(
    warnings.map(({ kind, column, count }) => [kind, column, count]),
    [
      ["formula-guarded", "note", 3],
      ["formula-guarded", "list", 1],
      ["formula-guarded", "shown", 1],
    ],
  );
});

/** Opens a query as text, behind a proxy that counts, and gives its reader. */
async function openText(query: string, run: string) {
  const server = await sharedServer();
  const proxy = startProxy(server.port);
  const url = server.url().replace(`:${server.port}/`, `:${proxy.port}/`);
  const { text } = await postgresDriver.open(
    postgres.config.parse({ url }),
    { text: query, params: {} },
    { text: true, run },
  );
  return { reader: text!.batches.getReader(), proxy };
}

async function backendsOf(run: string): Promise<number> {
  const sql = (await sharedServer()).connect();
  try {
    const [row] = await sql`select count(*)::int as count from pg_stat_activity
      where application_name = ${`spillway:${run}`}`;
    return row!.count;
  } finally {
    await sql.end();
  }
}

postgresTest(
  "postgres: text is read only as it is pulled, and a cancel ends its query",
  async () => {
    const { reader, proxy } = await openText(
      "select n, repeat('x', 1000) from generate_series(1, 100000) as n",
      "text",
    );
    await using _ = proxy;
    await reader.read();
    const sent = await standstill(proxy.sent);
    // What the kernel holds between two pairs of sockets, of 100 MB.
    assert(sent < 16 * 1024 * 1024, `${sent} bytes were sent for one batch`);
    assert.equal(await backendsOf("text"), 1);
    await reader.cancel();
    await until(async () => await backendsOf("text") === 0);
  },
);

postgresTest("postgres: an error in the middle of text is an error, never an end", async () => {
  const { reader, proxy } = await openText(
    "select 1 / (50000 - n), repeat('x', 100) from generate_series(1, 100000) as n",
    "broken",
  );
  await using _ = proxy;
  let rows = 0;
  await assert.rejects(async () => {
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      rows += step.value.length;
    }
  }, (error) => {
    assert(error instanceof SourceError);
    assert.equal(error.message, "Cannot read the query: division by zero");
    return true;
  });
  assert(rows < 50_000, `${rows} rows`);
  assert.equal(await backendsOf("broken"), 0);
});
