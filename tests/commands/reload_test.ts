/** SIGHUP: another configuration, for what is asked from then on. */

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { newKey } from "../../access/keys.ts";
import { RawClient } from "../server/http/raw_client.ts";
import { DEADLINE_MS, until } from "../waiting.ts";
import { childrenOf, emptyFolder, type Folder, type Serving, startServe } from "./fixture.ts";

const KEYS = { old: newKey(), new: newKey() };

/** What a test changes. */
interface Written {
  readonly server?: string;
  readonly key?: keyof typeof KEYS;
  /** The database of the source. */
  readonly database?: string;
  /** The name of the export. */
  readonly name?: string;
  readonly runs?: string;
}

async function write(folder: Folder, written: Written): Promise<void> {
  const { server = "", key = "old", database = "one", name = "first", runs = "" } = written;
  await Deno.writeTextFile(
    `${folder.path}/spillway.yaml`,
    `
server: { port: 0 ${server} }
access:
  keys: [{ id: ${KEYS[key].id}, sha256: "${KEYS[key].sha256}", scopes: [metrics] }]
runs: { ${runs} }
sources: { app: { type: sqlite, path: ${database}.db } }
exports:
  ${name}:
    source: app
    query: select name from database
  rows:
    source: app
    query: |
      with recursive n(id) as (select 1 union all select id + 1 from n limit :rows)
      select id, printf('%0990d', id) as padding, (select name from database) as name from n
    params: { rows: { type: integer, default: 1000 } }
`,
  );
}

async function setUp(written: Written = {}) {
  const folder = await emptyFolder();
  for (const name of ["one", "two"]) {
    const database = new DatabaseSync(`${folder.path}/${name}.db`);
    database.exec(`create table database (name text); insert into database values ('${name}')`);
    database.close();
  }
  await write(folder, written);
  return folder;
}

/** Has a server read its configuration, and waits for the lines that say what came of it. */
async function reload(
  server: Serving,
  { lines: count = 1, to }: { readonly lines?: number; readonly to?: "group" } = {},
): Promise<readonly Record<string, unknown>[]> {
  const before = server.logs().length;
  server.signal("SIGHUP", to);
  const lines = () => server.logs().slice(before).filter(({ logger }) => logger === "spillway");
  await until(() => lines().length >= count);
  return lines();
}

function get(server: Serving, path: string, key: keyof typeof KEYS = "old"): Promise<Response> {
  return fetch(`${server.origin}${path}`, {
    headers: { "X-Api-Key": KEYS[key].key },
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
}

async function metric(server: Serving, name: string): Promise<number> {
  const text = await (await get(server, "/metrics")).text();
  return Number(new RegExp(`^spillway_${name} (.*)$`, "m").exec(text)?.[1]);
}

Deno.test("after SIGHUP requests have another configuration, and a download and a connection go on", async () => {
  await using folder = await setUp();
  await using server = await startServe([], { cwd: folder.path });
  const began = await metric(server, "config_last_reload_success_timestamp_seconds");
  using kept = await RawClient.connect({ addr: { port: server.port } as Deno.NetAddr });
  await kept.get("/exports/first.csv", `X-Api-Key: ${KEYS.old.key}`);
  assert.equal((await kept.answer()).body, "name\r\none\r\n");
  const download = await get(server, "/exports/rows.csv?rows=20000");
  const reader = download.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value!;
  const before = await childrenOf(server.pid);

  await write(folder, { key: "new", database: "two", name: "second" });
  const [line] = await reload(server, { to: "group" });
  assert.deepEqual([line!.level, line!.message, line!.exports], [
    "INFO",
    "The configuration was read again",
    2,
  ]);
  await kept.get("/exports/second.csv", `X-Api-Key: ${KEYS.new.key}`);
  assert.equal((await kept.answer()).body, "name\r\ntwo\r\n");
  await kept.get("/exports/first.csv", `X-Api-Key: ${KEYS.new.key}`);
  assert.equal((await kept.answer()).status, 404);
  await kept.get("/exports/second.csv", `X-Api-Key: ${KEYS.old.key}`);
  assert.equal((await kept.answer()).status, 401);

  for (let read = await reader.read(); !read.done; read = await reader.read()) text += read.value;
  const rows = text.split("\r\n").slice(1, -1);
  assert.equal(rows.length, 20000);
  assert.ok(rows.every((row) => row.endsWith(",one")), "it is of the database that it began with");
  await until(async () => {
    const workers = await childrenOf(server.pid);
    return !before.some((pid) => workers.includes(pid));
  });
  assert.equal(await metric(server, "config_last_reload_successful"), 1);
  const taken = await metric(server, "config_last_reload_success_timestamp_seconds");
  assert.ok(taken > began && taken <= Date.now() / 1000, `${began}, ${taken}`);
});

Deno.test("a bad configuration is refused whole and said, until it is corrected", async () => {
  await using folder = await setUp();
  await using server = await startServe([], { cwd: folder.path });
  await write(folder, { key: "new", name: "second", server: ", connections: many, debug: maybe" });
  const lines = await reload(server, { lines: 3 });
  assert.deepEqual(lines.map(({ level, message }) => [level, message]), [
    ["ERROR", "The configuration in force stays: Cannot use the configuration: 2 mistakes"],
    [
      "ERROR",
      './spillway.yaml:2: server.connections: expected a whole number from 1 to 65535, not "many"',
    ],
    ["ERROR", './spillway.yaml:2: server.debug: expected true or false, not "maybe"'],
  ]);
  assert.equal((await get(server, "/exports/first.csv")).status, 200);
  assert.equal((await get(server, "/exports/second.csv", "new")).status, 401);
  assert.equal(await metric(server, "config_last_reload_successful"), 0);
  await Deno.remove(`${folder.path}/spillway.yaml`);
  await reload(server);
  assert.equal((await get(server, "/exports/first.csv")).status, 200);
  await write(folder, { name: "second" });
  await reload(server);
  assert.equal((await get(server, "/exports/second.csv")).status, 200);
  assert.equal(await metric(server, "config_last_reload_successful"), 1);
});

Deno.test("what only a restart changes is said, and the rest is taken", async () => {
  await using folder = await setUp();
  await using server = await startServe([], { cwd: folder.path });
  const origin = "https://app.example.com";
  await write(folder, {
    name: "second",
    server: `, hosts: [other.example], cors: ["${origin}"], idle_timeout: 9s`,
    runs: "ledger: 'sqlite:ledger.db', ledger_required: true, background: 2",
  });
  const [line, warning] = await reload(server, { lines: 2 });
  assert.equal(line!.level, "INFO");
  assert.deepEqual([warning!.level, warning!.message, warning!.fixed], [
    "WARN",
    "Only a restart changes server.idle_timeout, runs.ledger and runs.ledger_required",
    ["server.idle_timeout", "runs.ledger", "runs.ledger_required"],
  ]);
  using client = await RawClient.connect({ addr: { port: server.port } as Deno.NetAddr });
  await client.send(
    `GET /exports/second.csv HTTP/1.1\r\nHost: other.example\r\nX-Api-Key: ${KEYS.old.key}\r\n` +
      `Origin: ${origin}\r\n\r\n`,
  );
  const { status, headers } = await client.answer();
  assert.deepEqual([status, headers.get("access-control-allow-origin")], [200, origin]);
});

Deno.test("of many signals at once the last configuration is in force", async () => {
  await using folder = await setUp();
  await using server = await startServe([], { cwd: folder.path });
  for (let number = 0; number < 20; number++) {
    await write(folder, { name: `export-${number}`, server: ", hosts: [other.example]" });
    server.signal("SIGHUP");
  }
  await until(async () => (await get(server, "/exports/export-19.csv")).status === 200);
  assert.equal((await get(server, "/exports/export-18.csv")).status, 404);
});
