/** No row of another tenant leaves any kind of source, whatever its caller sends. */

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { newKey } from "../../access/keys.ts";
import { emptyFolder, type Folder, startServe } from "../commands/fixture.ts";
import { mysqlTest, sharedServer as sharedMysql } from "../sources/mysql/shared.ts";
import { postgresTest, sharedServer as sharedPostgres } from "../sources/postgres/shared.ts";

const ONE = newKey();
const TWO = newKey();
const NONE = newKey();

/** What the source of a test is, and an export of it whose rows are those of `:org`. */
interface Tenants {
  /** The source's settings, as YAML. */
  readonly source: string;
  /** The lines of the export besides its params and its source. */
  readonly query: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
}

/** The texts that a caller tries to have for its tenant. */
const ATTEMPTS = [
  ...["two", "", "%00", "*", "two%27--", "%27%20or%20%271%27%3D%271", "null", "one,two"],
];

const asked = (query: string) => [`org=${query}`, `%6frg=${query}`, `org=one&org=${query}`];

/** Asks as both tenants and as nobody's, with every trick. */
async function attack(folder: Folder, { source, query, ...options }: Tenants): Promise<void> {
  await Deno.writeTextFile(
    `${folder.path}/spillway.yaml`,
    `
server: { port: 0, debug: false }
access:
  mask_secret: 0123456789abcdef0123456789abcdef
  keys:
    - { id: ${ONE.id}, sha256: "${ONE.sha256}", tenant: one }
    - { id: ${TWO.id}, sha256: "${TWO.sha256}", tenant: two }
    - { id: ${NONE.id}, sha256: "${NONE.sha256}" }
sources: { app: ${source} }
exports:
  orders:
    source: app
    ${query}
    params: { org: { type: string, from: tenant } }
  listed:
    source: app
    ${query.replace("= :org", "in (:org)")}
    params: { org: { type: ${query.includes("= :org") ? '"string[]"' : "string"}, from: tenant } }
  hidden:
    source: app
    ${query}
    params: { org: { type: string, from: tenant } }
    columns: { owner: { mask: redact } }
`,
  );
  await using server = await startServe([], { cwd: folder.path, ...options });
  const ask = async (path: string, { key }: { readonly key: string }) => {
    const response = await fetch(`${server.origin}/exports/${path}`, {
      headers: { "X-Api-Key": key },
    });
    return { status: response.status, text: await response.text() };
  };
  for (const name of ["orders", "listed"]) {
    const one = await ask(`${name}.csv`, ONE);
    assert.equal(one.text, "id,owner\r\n1,one\r\n", name);
    assert.equal((await ask(`${name}.csv`, TWO)).text, "id,owner\r\n2,two\r\n");
    assert.equal((await ask(`${name}.csv`, NONE)).status, 403);
    assert.equal((await ask(`${name}.csv?_columns=owner`, ONE)).text, "owner\r\none\r\n");
    for (const format of ["csv", "tsv", "json", "ndjson", "xml"]) {
      const { text } = await ask(`${name}.${format}`, ONE);
      assert.ok(text.includes("one") && !text.includes("two"), format);
    }
    for (const attempt of ATTEMPTS.flatMap(asked)) {
      const { status, text } = await ask(`${name}.csv?${attempt}`, ONE);
      assert.equal(status, 400, attempt);
      assert.ok(!text.includes("2,two"), attempt);
    }
  }
  // The dialect whose bytes are the source's own, where it has such.
  for (const suffix of ["csv", "csv?_dialect=postgres", "tsv", "ndjson", "json", "xml"]) {
    const { status, text } = await ask(`hidden.${suffix}`, ONE);
    assert.equal(status, 200, text);
    assert.ok(text.includes("***") && !text.includes("one"), `${suffix}: ${text}`);
  }
  const { text } = await ask("orders", ONE);
  assert.deepEqual(JSON.parse(text).params, []);
}

const QUERY = "query: select id, owner from orders where owner = :org order by id";

Deno.test("sqlite: the tenant is the key's alone", async () => {
  await using folder = await emptyFolder();
  const database = new DatabaseSync(`${folder.path}/app.db`);
  database.exec("create table orders (id integer, owner text)");
  database.exec("insert into orders values (1, 'one'), (2, 'two')");
  database.close();
  await attack(folder, { source: "{ type: sqlite, path: app.db }", query: QUERY });
});

postgresTest("postgres: the tenant is the key's alone", async () => {
  const server = await sharedPostgres();
  await using folder = await emptyFolder();
  await attack(folder, {
    source: '{ type: postgres, url: "${DATABASE_URL}" }',
    query: "query: select id, owner from (values (1, 'one'), (2, 'two')) as orders (id, owner) " +
      "where owner = :org order by id",
    environment: { DATABASE_URL: server.url() },
  });
});

mysqlTest("mysql: the tenant is the key's alone", async () => {
  const server = await sharedMysql();
  await using folder = await emptyFolder();
  await attack(folder, {
    source: '{ type: mysql, url: "${MYSQL_URL}", host: localhost }',
    query: "query: select id, owner from (select 1 as id, 'one' as owner union all " +
      "select 2, 'two') as orders where owner = :org order by id",
    environment: { MYSQL_URL: server.url("reader") },
  });
});

Deno.test("http: the tenant is the key's alone", async () => {
  await using upstream = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      const { pathname, searchParams } = new URL(request.url);
      const owner = decodeURIComponent(pathname.split("/")[1]!);
      assert.equal(searchParams.getAll("org").length, 0);
      const id = owner === "one" ? 1 : 2;
      return new Response(`${JSON.stringify({ id, owner })}\n`, {
        headers: { "content-type": "application/x-ndjson" },
      });
    },
  );
  await using folder = await emptyFolder();
  await attack(folder, {
    source: `{ type: http, url: "http://127.0.0.1:${upstream.addr.port}", format: ndjson }`,
    query: "query: /:org/orders",
  });
});

Deno.test("module: the tenant is the key's alone", async () => {
  await using folder = await emptyFolder();
  await Deno.writeTextFile(
    `${folder.path}/rows.ts`,
    `
const ROWS = [{ id: 1, owner: "one" }, { id: 2, owner: "two" }];
export default {
  columns: { id: "integer", owner: "string" },
  params: { org: "string" },
  async *rows({ params }) {
    yield* ROWS.filter(({ owner }) => owner === params.org);
  },
};
`,
  );
  await attack(folder, { source: "{ type: module, path: rows.ts }", query: "" });
});
