/** Declared types the whole way: from a database to CSV, JSON and a workbook, by the command line. */

import assert from "node:assert/strict";
import { emptyFolder, spillway } from "../commands/fixture.ts";
import { readWorkbook } from "../exporters/xlsx/read_workbook.ts";
import * as mariadb from "./mysql/shared.ts";
import * as postgresql from "./postgres/shared.ts";
import { createFolder } from "./sqlite/fixture.ts";

/** A configuration whose query gives each column as the database likes, for the same row in the end. */
function configuration(source: string, query: string): string {
  return `
sources:
  database: ${source}
exports:
  figures:
    source: database
    query: >-
      ${query}
    columns:
      amount: { type: number }
      third: { type: number }
      total: { type: integer }
      mean: { type: number }
      answer: { type: integer }
      half: { type: number }
      month: { type: date }
      day: { type: date }
      at: { type: datetime }
      code: { type: string }
      share: { type: string }
      price: { type: decimal }
      odd: { type: integer }
`;
}

const HEADER = "amount,third,total,mean,answer,half,month,day,at,code,share,price,odd";

/** Exports the row in three formats, and looks at what is written. */
async function check(source: string, query: string, environment: Record<string, string> = {}) {
  await using folder = await emptyFolder();
  await Deno.writeTextFile(`${folder.path}/spillway.yaml`, configuration(source, query));
  const run = async (format: string, output: string) => {
    const args = ["run", "figures", "--format", format, "--output", output];
    const { code, stdout, stderr } = await spillway(args, { cwd: folder.path, environment });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^figures\.\w+: 1 rows?, .*\nwarning: other-type: 1 in odd\n$/);
    return stdout;
  };
  assert.equal(
    await run("csv", "-"),
    `${HEADER}\r\n2180,3.3333333333333335,10,2.5,42,0.5,2021-01-01,2021-01-01,` +
      "2021-01-02 00:00:00,7,0.5,-1234.50,many\r\n",
  );
  assert.equal(
    await run("json", "-"),
    '[\n{"amount":2180,"third":3.3333333333333335,"total":10,"mean":2.5,"answer":42,"half":0.5,' +
      '"month":"2021-01-01","day":"2021-01-01","at":"2021-01-02 00:00:00","code":"7",' +
      '"share":"0.5","price":-1234.50,"odd":"many"}\n]\n',
  );
  await run("xlsx", "figures.xlsx");
  const [sheet] = readWorkbook(await Deno.readFile(`${folder.path}/figures.xlsx`));
  const cells = [..."ABCDEFGHIJKLM"].map((letter) => sheet!.cells.get(`${letter}2`)!);
  // 2021-01-01 is day 44,197.
  assert.deepEqual(cells.map(({ type, text }) => [type === "n", text]), [
    [true, "2180"],
    [true, "3.3333333333333335"],
    [true, "10"],
    [true, "2.5"],
    [true, "42"],
    [true, "0.5"],
    [true, "44197"],
    [true, "44197"],
    [true, "44198"],
    [false, "7"],
    [false, "0.5"],
    [true, "-1234.50"],
    [false, "many"],
  ]);
}

postgresql.postgresTest("declared types are honoured from PostgreSQL to the file", async () => {
  const server = await postgresql.sharedServer();
  await check(
    '{ type: postgres, url: "${DATABASE_URL}" }',
    `select 2180.0000000000000000 as amount, 10::numeric(20, 16) / 3 as third,
      sum(n::bigint) as total, avg(n) as mean, '42' as answer, '0.5' as half,
      date_trunc('month', timestamp '2021-01-15 03:04:05') as month,
      '2021-01-01 00:00:00' as day, date '2021-01-02' as at, 7 as code, 0.5::float8 as share,
      '-1234.5'::money as price, 'many' as odd
      from generate_series(1, 4) as n`,
    { DATABASE_URL: server.url() },
  );
});

mariadb.mysqlTest("declared types are honoured from MariaDB to the file", async () => {
  const server = await mariadb.sharedServer();
  await check(
    '{ type: mysql, url: "${MYSQL_URL}" }',
    `select cast(2180 as decimal(20, 16)) as amount, cast(10 as decimal(20, 12)) / 3 as third,
      sum(seq) as total, avg(seq) as mean, '42' as answer, '0.5' as half,
      cast('2021-01-01' as datetime(6)) as month, '2021-01-01 00:00:00' as day,
      date '2021-01-02' as at, 7 as code, cast(0.5 as float) as share,
      cast(-1234.5 as decimal(10, 2)) as price, 'many' as odd
      from seq_1_to_4`,
    { MYSQL_URL: server.url() },
  );
});

Deno.test("declared types are honoured from SQLite to the file", async () => {
  using folder = createFolder();
  folder.write("create table t (n integer); insert into t values (1), (2), (3), (4)");
  await check(
    `{ type: sqlite, path: ${folder.path} }`,
    `select '2180.0000000000000000' as amount, 10.0 / 3 as third, sum(n) as total,
      avg(n) as mean, '42' as answer, '0.5' as half, '2021-01-01T00:00:00Z' as month,
      '2021-01-01 00:00:00' as day, date('2021-01-02') as at, 7 as code, 0.5 as share,
      '-1234.50' as price, 'many' as odd
      from t`,
  );
});
