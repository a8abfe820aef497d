/** PostgreSQL in a worker, which may connect to its server and to nothing else. */

import assert from "node:assert/strict";
import { spillway } from "../../commands/fixture.ts";
import { readWorkbook } from "../../exporters/xlsx/read_workbook.ts";
import { PASSWORD } from "./server.ts";
import { postgresTest, sharedServer } from "./shared.ts";

postgresTest("the command line exports a query of PostgreSQL", async () => {
  const server = await sharedServer();
  const folder = Deno.makeTempDirSync({ prefix: "spillway-run-" });
  try {
    Deno.writeTextFileSync(
      `${folder}/spillway.yaml`,
      `sources:
  warehouse: { type: postgres, url: "\${DATABASE_URL}" }
exports:
  days:
    source: warehouse
    query: >-
      select n, timestamptz '2026-01-02 03:04:05+09' + n * interval '1 day' as at, n > 1 as late,
        n * 1.10 as amount, case when n < 3 then '=' || n end as note
      from generate_series(1, :days) as n
    params: { days: { type: integer, default: 3 } }
`,
    );
    const run = (...args: string[]) =>
      spillway(["run", "days", ...args], {
        cwd: folder,
        environment: { DATABASE_URL: server.url() },
      });
    const csv = await run("--format", "csv", "--output", "-");
    assert.equal(csv.code, 0, csv.stderr);
    assert.equal(
      csv.stdout,
      "n,at,late,amount,note\r\n" +
        "1,2026-01-02 18:04:05+00:00,false,1.10,'=1\r\n" +
        "2,2026-01-03 18:04:05+00:00,true,2.20,'=2\r\n" +
        "3,2026-01-04 18:04:05+00:00,true,3.30,\r\n",
    );
    assert.match(csv.stderr, /^days\.csv: 3 rows, .*\nwarning: formula-guarded: 2 in note\n$/);

    const xlsx = await run("--format", "xlsx", "--output", "days.xlsx", "--param", "days=2");
    assert.equal(xlsx.code, 0, xlsx.stderr);
    const [sheet] = readWorkbook(Deno.readFileSync(`${folder}/days.xlsx`));
    assert.deepEqual(
      ["A1", "A3", "D3", "E3"].map((cell) => sheet!.cells.get(cell)?.text),
      ["n", "2", "2.20", "=2"],
    );

    const wrong = await spillway(["run", "days", "--format", "csv", "--output", "-"], {
      cwd: folder,
      environment: { DATABASE_URL: server.url("nobody") },
    });
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, /password authentication failed for user "nobody"/);
    assert(!wrong.stderr.includes(encodeURIComponent(PASSWORD)), wrong.stderr);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
