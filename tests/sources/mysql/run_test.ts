/** MariaDB in a worker, which may connect to its server and to nothing else, and behind the whole server. */

import assert from "node:assert/strict";
import { emptyFolder, spillway, startServe } from "../../commands/fixture.ts";
import { readWorkbook } from "../../exporters/xlsx/read_workbook.ts";
import { until } from "../../waiting.ts";
import { PASSWORD } from "./server.ts";
import { mysqlTest, sharedServer } from "./shared.ts";

const CONFIG = `
server: { port: 0 }
sources:
  shop: { type: mysql, url: "\${MYSQL_URL}", host: localhost }
exports:
  days:
    source: shop
    query: >-
      select seq as n, timestamp('2026-01-02 03:04:05') + interval seq day as at,
        cast(seq * 1.10 as decimal(10, 2)) as amount,
        if(seq < 3, concat('=', seq), null) as note, point(seq, 0.5) as place
      from seq_1_to_9 where seq <= :days order by seq
    params: { days: { type: integer, default: 3 } }
  many:
    source: shop
    query: select seq, repeat('x', 1000) as padding from seq_1_to_10000000
  sleeps:
    source: shop
    query: select sleep(600) as never
`;

mysqlTest("mysql: the command line exports a query of MariaDB", async () => {
  const server = await sharedServer();
  await using folder = await emptyFolder();
  await Deno.writeTextFile(`${folder.path}/spillway.yaml`, CONFIG);
  const run = (account: string, ...args: string[]) =>
    spillway(["run", "days", ...args], {
      cwd: folder.path,
      environment: { MYSQL_URL: server.url(account) },
    });
  const csv = await run("reader", "--format", "csv", "--output", "-");
  assert.equal(csv.code, 0, csv.stderr);
  assert.equal(
    csv.stdout,
    "n,at,amount,note,place\r\n" +
      "1,2026-01-03 03:04:05,1.10,'=1,POINT(1 0.5)\r\n" +
      "2,2026-01-04 03:04:05,2.20,'=2,POINT(2 0.5)\r\n" +
      "3,2026-01-05 03:04:05,3.30,,POINT(3 0.5)\r\n",
  );
  assert.match(csv.stderr, /^days\.csv: 3 rows, .*\nwarning: formula-guarded: 2 in note\n$/);

  const xlsx = await run(
    ...["reader", "--format", "xlsx", "--output", "days.xlsx", "--param", "days=2"],
  );
  assert.equal(xlsx.code, 0, xlsx.stderr);
  const [sheet] = readWorkbook(Deno.readFileSync(`${folder.path}/days.xlsx`));
  assert.deepEqual(
    ["A1", "A3", "C3", "D3", "E3"].map((cell) => sheet!.cells.get(cell)?.text),
    ["n", "2", "2.20", "=2", "POINT(2 0.5)"],
  );

  const wrong = await run("nobody", "--format", "csv", "--output", "-");
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.stderr, /Cannot open source: the server refused the account or its password/);
  assert(!wrong.stderr.includes(encodeURIComponent(PASSWORD)), wrong.stderr);
  assert(!wrong.stderr.includes(PASSWORD), wrong.stderr);
});

mysqlTest("mysql: a client that leaves ends its query", async () => {
  const { url, connect } = await sharedServer();
  await using folder = await emptyFolder();
  await Deno.writeTextFile(`${folder.path}/spillway.yaml`, CONFIG);
  await using server = await startServe([], {
    cwd: folder.path,
    environment: { MYSQL_URL: url() },
  });
  await using admin = await connect();
  const running = async () => {
    const [row] = await admin.ask(
      "select count(*) from information_schema.processlist where user = 'reader'",
    );
    return Number(row![0]);
  };

  const response = await fetch(`${server.origin}/exports/many.csv`, {
    headers: { "accept-encoding": "identity" },
  });
  const reader = response.body!.getReader();
  await reader.read();
  assert.equal(await running(), 1);
  await reader.cancel();
  await until(async () => await running() === 0);

  // One that leaves before there is a response, while the server cannot send anything.
  const leaving = new AbortController();
  const asked = fetch(`${server.origin}/exports/sleeps.csv`, { signal: leaving.signal });
  asked.catch(() => {});
  await until(async () => await running() === 1);
  leaving.abort();
  await until(async () => await running() === 0);
});
