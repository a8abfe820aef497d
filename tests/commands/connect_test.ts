/** `check --connect`: what sources say of a configuration, at once and without a row. */

import assert from "node:assert/strict";
import { mysqlTest, sharedServer as sharedMysql } from "../sources/mysql/shared.ts";
import { freePort } from "../free_port.ts";
import { postgresTest, sharedServer as sharedPostgres } from "../sources/postgres/shared.ts";
import { emptyFolder, type Finished, spillway } from "./fixture.ts";

/** Checks a configuration, with these files beside it. */
async function check(
  config: string,
  files: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  await using folder = await emptyFolder();
  for (const [name, text] of Object.entries({ ...files, "spillway.yaml": config })) {
    await Deno.writeTextFile(`${folder.path}/${name}`, text);
  }
  return await spillway(["check", "--connect", "--config", "spillway.yaml"], { cwd: folder.path });
}

function lines({ stderr }: Finished): readonly string[] {
  return stderr.trimEnd().split("\n");
}

/** What PostgreSQL and MariaDB are asked alike. */
const exportsOf = (source: string, rows: string) => `
exports:
  good:
    source: ${source}
    query: select id, amount from audit where id in (:ids) and (:since is null or day >= :since)
    params: { ids: { type: "integer[]" }, since: { type: date, required: false } }
    columns: { amount: { title: Amount } }
  letters: { source: ${source}, query: "select id, amount from audit", columns: { ID: {}, Total: {} } }
  missing: { source: ${source}, query: select id from audits }
  typo: { source: ${source}, query: selekt id from audit }
  column: { source: ${source}, query: select nothing from audit }
  secret: { source: ${source}, query: select id from secret }
  never-run: { source: ${source}, query: "${rows}" }
`;

postgresTest("check --connect says what PostgreSQL refuses, each at its place", async () => {
  const server = await sharedPostgres();
  await server.run(`create table audit (id int, amount numeric, day date);
    create table secret (id int); grant select on audit to reader`);
  try {
    const config = `sources: { shop: { type: postgres, url: "${server.url()}" } }` +
      exportsOf("shop", "select 1 / (id - id) as n from audit, pg_sleep(600)") + `
  untyped:
    source: shop
    query: select :a + :b as sum
    params: { a: { type: string }, b: { type: string } }
`;
    const result = await check(config);
    assert.equal(result.code, 78, result.stderr);
    assert.deepEqual(lines(result), [
      "spillway: Cannot use the configuration: 7 mistakes",
      'spillway.yaml: exports.letters.columns.ID: the query gives no such column; it gives "id", with ' +
      "other capital letters",
      'spillway.yaml: exports.letters.columns.Total: the query gives no such column; it gives "id", "amount"',
      'spillway.yaml: exports.missing.query: relation "audits" does not exist',
      "spillway.yaml: exports.typo.query: only SELECT, VALUES, TABLE or WITH … SELECT can be exported",
      'spillway.yaml: exports.column.query: column "nothing" does not exist',
      "spillway.yaml: exports.secret.query: permission denied for table secret",
      "spillway.yaml: exports.untyped.query: operator is not unique: unknown + unknown",
    ]);
    const good = config.replace(/^ {2}(?:letters|missing|typo|column|secret): .*\n/gm, "")
      .replace(/^ {2}untyped:[^]*/m, "");
    assert.deepEqual(await check(good), {
      code: 0,
      stdout:
        "spillway.yaml: good, 2 exports from 1 source; every source and every query answers\n",
      stderr: "",
    });
  } finally {
    await server.run("drop table audit; drop table secret");
  }
});

mysqlTest("check --connect says what MariaDB refuses, each at its place", async () => {
  const server = await sharedMysql();
  await server.run(
    "create database hidden",
    "create table test.audit (id int, amount decimal(9, 2), day date)",
    "create table hidden.secret (id int)",
  );
  try {
    const config = `sources: { shop: { type: mysql, url: "${server.url()}" } }` +
      exportsOf("shop", "select sleep(600) as n from audit").replace(
        "from secret",
        "from hidden.secret",
      ) +
      String.raw`
  quoted:
    source: shop
    query: select concat('a\', :n, '\') as a, :m as b
    params: { n: { type: integer }, m: { type: integer } }
`;
    const result = await check(config);
    assert.equal(result.code, 78, result.stderr);
    assert.deepEqual(lines(result), [
      "spillway: Cannot use the configuration: 7 mistakes",
      'spillway.yaml: exports.letters.columns.ID: the query gives no such column; it gives "id", with ' +
      "other capital letters",
      'spillway.yaml: exports.letters.columns.Total: the query gives no such column; it gives "id", "amount"',
      "spillway.yaml: exports.missing.query: Table 'test.audits' doesn't exist",
      "spillway.yaml: exports.typo.query: the server cannot parse it, at line 1 (You have an error in " +
      "your SQL syntax; check the manual that corresponds to your MariaDB server version for the right " +
      "syntax to use near 'selekt id from audit' at line 1)",
      "spillway.yaml: exports.column.query: Unknown column 'nothing' in 'SELECT'",
      "spillway.yaml: exports.secret.query: SELECT command denied to user 'reader'@'127.0.0.1' for table " +
      "`hidden`.`secret`",
      "spillway.yaml: exports.quoted.query: it does not name :n, as the server's sql_mode reads it",
    ]);
    // In this mode the string ends before the param.
    await server.run("set global sql_mode = 'NO_BACKSLASH_ESCAPES'");
    const quoted = config.replace(
      /^ {2}(?:good|letters|missing|typo|column|secret|never)[^]*?\n(?= {2}[a-z])/gm,
      "",
    );
    assert.equal(
      (await check(quoted)).stdout,
      "spillway.yaml: good, 1 export from 1 source; every source and every query answers\n",
    );
  } finally {
    await server.run(
      "set global sql_mode = default",
      "drop table test.audit",
      "drop database hidden",
    );
  }
});

Deno.test("check --connect loads modules and reaches upstreams, and asks them for nothing", async () => {
  const upstream = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted: string[] = [];
  const accepting = (async () => {
    for await (const connection of upstream) {
      const bytes = await connection.read(new Uint8Array(100));
      accepted.push(bytes === null ? "nothing" : `${bytes} bytes`);
      connection.close();
    }
  })();
  const closed = freePort();
  const module = `export default {
    columns: { day: "date" }, params: { n: "integer" }, rows() { throw new Error("ran"); },
  };`;
  const config = `
sources:
  billing: { type: http, url: "http://127.0.0.1:${upstream.addr.port}/rows" }
  gone: { type: http, url: "http://127.0.0.1:${closed}/rows" }
  reports: { type: module, path: ./reports.ts }
  broken: { type: module, path: ./broken.ts }
exports:
  bills: { source: billing, query: "/:id?since=:since", params: { id: { type: integer }, since: { type: date } } }
  dots: { source: billing, query: "/../:id", params: { id: { type: integer } } }
  lost: { source: gone }
  visits: { source: reports, params: { n: { type: integer } }, columns: { Day: {} } }
  other: { source: reports, params: { n: { type: date } } }
  never: { source: broken }
`;
  const files = { "reports.ts": module, "broken.ts": "export default {" };
  const result = await check(config, files);
  assert.equal(result.code, 78);
  const [first, ...found] = lines(result);
  assert.equal(first, "spillway: Cannot use the configuration: 5 mistakes");
  assert.deepEqual(found.map((line) => line.replace(/ \(.*\)$/, "")), [
    "spillway.yaml: exports.dots.query: its path has a . or .. in it",
    "spillway.yaml: sources.gone: the upstream cannot be reached",
    'spillway.yaml: exports.visits.columns.Day: the query gives no such column; it gives "day", with ' +
    "other capital letters",
    'spillway.yaml: exports.other: the module wants integer for the param "n", and the export\'s is date',
    "spillway.yaml: sources.broken: the module cannot be loaded",
  ]);
  const good = config.replace(/^ {2}(?:gone|dots|lost|other|never|broken): .*\n/gm, "")
    .replace(", columns: { Day: {} }", "");
  assert.deepEqual(await check(good, files), {
    code: 0,
    stdout:
      "spillway.yaml: good, 2 exports from 2 sources; every source and every query answers, and " +
      "rows alone tell the columns of bills\n",
    stderr: "",
  });
  upstream.close();
  await accepting;
  assert.deepEqual(accepted, ["nothing", "nothing"]);
});

Deno.test("a source that cannot be reached is said once, and a run of it is a line without a stack", async () => {
  const port = freePort();
  for (const type of ["postgres", "mysql"]) {
    await using folder = await emptyFolder();
    await Deno.writeTextFile(
      `${folder.path}/spillway.yaml`,
      `sources: { shop: { type: ${type}, url: "${type}://reader:hunter2@127.0.0.1:${port}/shop" } }
exports:
  one: { source: shop, query: select 1 as n }
  two: { source: shop, query: select 2 as n }
`,
    );
    const reason = type === "postgres"
      ? "the server refused the connection"
      : "nobody listens on the host's port";
    const cwd = folder.path;
    const checked = await spillway(["check", "--connect"], { cwd });
    assert.equal(checked.code, 78);
    assert.match(
      checked.stderr,
      new RegExp(
        "^spillway: Cannot use the configuration: 1 mistake\n" +
          `\\./spillway\\.yaml: sources\\.shop: ${reason} \\(connect ECONNREFUSED [^\n]*\\)\n$`,
      ),
    );
    const ran = await spillway(["run", "one", "--format", "csv", "--output", "-"], { cwd });
    assert.equal(ran.code, 1);
    assert.equal(ran.stdout, "");
    assert.match(
      ran.stderr,
      new RegExp(`^spillway: The run failed: Cannot open source: ${reason} \\([^\n]*\\)\n$`),
    );
  }
});

Deno.test("check --connect tries the certificate too", async () => {
  const result = await check(
    `
server: { tls: { cert: server.pem, key: /none/server.key } }
sources: {}
exports: {}
`,
    { "server.pem": "" },
  );
  assert.equal(result.code, 78, result.stderr);
  assert.match(
    lines(result)[1]!,
    /^spillway\.yaml: server\.tls: Cannot use server\.tls\.key \(\/none\/server\.key\): No such file/,
  );
});
