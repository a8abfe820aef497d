/** Does what docs/sources.md says: pastes its roles into servers, runs its module, reads its rows. */

import assert from "node:assert/strict";
import mysql from "mysql2/promise";
import postgres from "postgres";
import type { z } from "zod";
import { httpDriver } from "../../sources/http/driver.ts";
import { loadDescriptors } from "../../sources/mod.ts";
import { emptyFolder, spillway } from "../commands/fixture.ts";
import { settings } from "./http/fixture.ts";
import { mysqlTest, sharedServer as sharedMysql } from "./mysql/shared.ts";
import { postgresTest, sharedServer as sharedPostgres } from "./postgres/shared.ts";

const page = (name: string) =>
  Deno.readTextFileSync(new URL(`../../docs/${name}.md`, import.meta.url));

/** The code blocks of the page that a marker stands before, in their order. */
function blocks(marker: string): readonly string[] {
  const found = page("sources").matchAll(
    new RegExp(`^<!-- tested: ${marker} -->\\n\\n\`\`\`\\w*\\n([^]*?)^\`\`\`$`, "gm"),
  );
  const texts = Array.from(found, ([, text]) => text!);
  assert(texts.length > 0, `docs/sources.md has a block that is marked ${marker}`);
  return texts;
}

/** Exports with a configuration, to standard output. */
async function run(config: string, files: Readonly<Record<string, string>>, ...args: string[]) {
  await using folder = await emptyFolder();
  for (const [name, text] of Object.entries({ ...files, "spillway.yaml": config })) {
    await Deno.writeTextFile(`${folder.path}/${name}`, text);
  }
  const flags = ["--format", "csv", "--output", "-"];
  return await spillway(["run", ...args, ...flags], { cwd: folder.path });
}

/** Exports for a role that may read `audit`, and must not read `secret`. */
const exportsOf = (type: string, url: string) =>
  `sources: { shop: { type: ${type}, url: "${url}" } }
exports:
  audit: { source: shop, query: "select id, actor from audit order by id" }
  secret: { source: shop, query: "select id from secret" }
`;

const AUDIT = ["create table audit (id int primary key, actor varchar(20))"]
  .concat("insert into audit values (1, 'Ada'), (2, 'Bob')", "create table secret (id int)");

Deno.test("every setting of every source is on both pages", async () => {
  const [configuration, own] = [page("configuration"), page("sources")];
  for (const [type, { config }] of Object.entries(await loadDescriptors())) {
    const keys = Object.keys((config as unknown as z.ZodObject).shape);
    assert(keys.length > 0, type);
    const row = configuration.split("\n").find((line) => line.startsWith(`| \`${type}\``)) ?? "";
    for (const key of keys) {
      assert(row.includes(`\`${key}\``), `docs/configuration.md names ${type}'s ${key}`);
      assert.match(own, new RegExp(`^\\| (?:\`\\w+\`, )*\`${key}\``, "m"), `${type}'s ${key}`);
    }
  }
});

postgresTest(
  "the PostgreSQL role of the page exports its table, and can do nothing else",
  async () => {
    const server = await sharedPostgres();
    await server.run("create database shop");
    const connect = (user: string, host: string, password = "") =>
      postgres({ host, port: server.port, user, password, database: "shop", max: 1 });
    const admin = connect("postgres", server.folder);
    try {
      for (const statement of [...AUDIT, ...blocks("postgres")]) await admin.unsafe(statement);
    } finally {
      await admin.end();
    }
    const config = exportsOf(
      "postgres",
      `postgres://spillway:change%20me@127.0.0.1:${server.port}/shop`,
    );
    const audit = await run(config, {}, "audit");
    assert.equal(audit.stdout, "id,actor\r\n1,Ada\r\n2,Bob\r\n", audit.stderr);
    const secret = await run(config, {}, "secret");
    assert.match(secret.stderr, /permission denied for table secret/);

    const role = connect("spillway", "127.0.0.1", "change me");
    try {
      for (
        const [statement, reason] of [
          ["delete from audit", /permission denied for table audit/],
          ["select * from audit for update", /permission denied for table audit/],
          ["create table other (id int)", /permission denied for schema public/],
          ["create temporary table other (id int)", /permission denied to create temporary tables/],
          ["create role other", /permission denied to create role/],
          ["copy audit to '/tmp/audit.csv'", /to COPY to a file/],
        ] as const
      ) {
        await assert.rejects(
          role.begin("read write", (sql) => sql.unsafe(statement)),
          reason,
          statement,
        );
      }
      await assert.rejects(role.unsafe("create table other (id int)"), /read-only transaction/);
    } finally {
      await role.end();
    }
  },
);

postgresTest("the day of the page has the sums of the page, zone by zone", async () => {
  const server = await sharedPostgres();
  await server.run(`${blocks("zone").join("")}grant select on payment to reader`);
  try {
    const rows = [...page("sources").matchAll(/^\| `([A-Z]\w+(?:\/\w+)?)`.* \| (\d+\.\d\d) /gm)];
    assert.deepEqual(rows.map(([, zone, sum]) => [zone, sum]), [
      ["America/New_York", "231.41"],
      ["UTC", "161.60"],
    ]);
    const [, query] = /\| `(select sum.*?)` \|/.exec(page("sources"))!;
    for (const [, timezone, sum] of rows) {
      const config = `
sources: { shop: { type: postgres, url: "${server.url()}", timezone: ${timezone} } }
exports: { day: { source: shop, query: "${query}" } }
`;
      assert.equal((await run(config, {}, "day")).stdout, `sum\r\n${sum}\r\n`);
    }
  } finally {
    await server.run("drop table payment");
  }
});

mysqlTest(
  "the MariaDB account of the page exports its table, and can do nothing else",
  async () => {
    const server = await sharedMysql();
    await server.run("create database shop", "use shop", ...AUDIT);
    const statements = blocks("mysql").flatMap((text) => text.split(";\n")).filter((text) => text);
    await server.run(...statements);
    const config = exportsOf("mysql", `mysql://spillway:change%20me@127.0.0.1:${server.port}/shop`);
    const audit = await run(config, {}, "audit");
    assert.equal(audit.stdout, "id,actor\r\n1,Ada\r\n2,Bob\r\n", audit.stderr);
    const secret = await run(config, {}, "secret");
    assert.match(secret.stderr, /SELECT command denied to user 'spillway'/);

    const { port } = server;
    await using stack = new AsyncDisposableStack();
    const account = stack.adopt(
      await mysql.createConnection({
        ...{ host: "127.0.0.1", port, user: "spillway", password: "change me", database: "shop" },
      }),
      (connection) => connection.end(),
    );
    for (
      const [statement, reason] of [
        ["delete from audit", /DELETE command denied/],
        ["create table other (id int)", /CREATE command denied/],
        ["create temporary table other (id int)", /Access denied/],
        ["create user other", /Access denied/],
        ["select * from audit into outfile '/tmp/audit.csv'", /Access denied/],
        ["lock tables audit write", /Access denied|command denied/],
      ] as const
    ) await assert.rejects(account.query(statement), reason, statement);
  },
);

Deno.test("the module of the page compiles, and gives its rows", async () => {
  const [module, config] = blocks("module");
  const { stdout, stderr } = await run(config!, { "reports.ts": module! }, "visits");
  const [header, first, ...rest] = stdout.trimEnd().split("\r\n");
  assert.equal(header, "day,visits,Share", stderr);
  assert.equal(first, "2026-01-01,100,0.10");
  assert.equal(rest.length, 364);
  // Within the checkout, where the import map is.
  const file = new URL(`./documentation_${crypto.randomUUID()}.ts`, import.meta.url);
  Deno.writeTextFileSync(file, module!);
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", file.pathname],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  } finally {
    Deno.removeSync(file);
  }
});

Deno.test("the rows of the page are read as it says", async () => {
  const [body] = blocks("ndjson");
  await using upstream = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(body!, { headers: { "content-type": "application/x-ndjson" } }),
  );
  const config = settings(`http://127.0.0.1:${upstream.addr.port}/`, { require_count: true });
  const { columns, batches } = await httpDriver.open(config, { text: "", params: {} });
  assert.deepEqual(columns, [
    { name: "id", type: "integer" },
    { name: "issued_on", type: "date" },
    { name: "total", type: "decimal" },
  ]);
  assert.deepEqual((await Array.fromAsync(batches)).flat(), [
    [1, "2026-01-02", "1.50"],
    [2, "2026-01-03", "2.50"],
  ]);
});
