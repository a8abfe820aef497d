/** Another configuration over real sockets: nothing of what was learnt or kept for the one before is of it. */

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { newSigningKey } from "../../access/signing_key.ts";
import type { Config } from "../../catalog/config.ts";
import { loadConfig } from "../../catalog/load.ts";
import { loadFormats } from "../../exporters/mod.ts";
import { type Service, type ServiceOptions, startService } from "../../server/service.ts";
import { loadDescriptors } from "../../sources/mod.ts";
import { until } from "../waiting.ts";
import { KEY_SET, token } from "./access_fixture.ts";

const formats = await loadFormats();
const sources = await loadDescriptors();

/** A service in a folder of its own, and its configurations. */
interface Reloaded extends AsyncDisposable {
  readonly service: Service;
  readonly folder: string;
  /** Asks, by default with GET, and gives the status, the headers and the text. */
  ask(path: string, init?: RequestInit): Promise<{ response: Response; text: string }>;
  /** Takes another configuration. */
  reload(yaml: string): Promise<void>;
}

async function start(
  yaml: string,
  options: Partial<ServiceOptions> = {},
): Promise<Reloaded> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-reload-" });
  await Deno.mkdir(`${folder}/spool`);
  for (const name of ["one", "two"]) {
    const database = new DatabaseSync(`${folder}/${name}.db`);
    database.exec(`create table t (${name} text); insert into t values ('${name}')`);
    database.close();
  }
  const read = (yaml: string): Config =>
    loadConfig(yaml, { env: () => undefined, folder, sources, formats });
  const service = await startService(read(yaml), {
    environment: Deno.env.toObject(),
    observers: [],
    ...options,
  });
  return {
    service,
    folder,
    async ask(path, init) {
      const response = await fetch(`http://127.0.0.1:${service.http.addr.port}${path}`, init);
      return { response, text: await response.text() };
    },
    reload: (yaml) => service.reload(() => Promise.resolve().then(() => read(yaml))),
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A configuration whose only export reads all of a database. */
const reading = (database: string) => `
server: { port: 0 }
spool: { dir: spool, min_free: 1MiB, allow_memory: true, allow_shared: true }
sources: { app: { type: sqlite, path: ${database}.db } }
exports:
  all: { source: app, query: select * from t }
`;

Deno.test("columns that were learnt and files that were kept are those of their configuration", async () => {
  await using server = await start(reading("one"));
  /** The catalogue says that none are known while a busy machine has not answered for long enough. */
  const columns = async () => {
    let names: string[] = [];
    await until(async () => {
      const { columns } = JSON.parse((await server.ask("/exports/all")).text);
      names = columns.map(({ name }: { name: string }) => name);
      return names.length > 0;
    });
    return names;
  };
  const kept = async () => {
    const { response } = await server.ask("/exports/all.csv?_delivery=whole", { method: "HEAD" });
    return response.headers.get("etag");
  };
  assert.deepEqual(await columns(), ["one"]);
  const whole = await server.ask("/exports/all.csv?_delivery=whole");
  assert.equal(whole.text, "one\r\none\r\n");
  assert.equal(await kept(), whole.response.headers.get("etag"));

  await server.reload(reading("two"));
  assert.deepEqual(await columns(), ["two"]);
  assert.equal(await kept(), null);
  const resumed = await server.ask("/exports/all.csv?_delivery=whole", {
    headers: { "Range": "bytes=2-", "If-Range": whole.response.headers.get("etag")! },
  });
  assert.deepEqual([resumed.response.status, resumed.text], [200, "two\r\ntwo\r\n"]);

  await server.reload(reading("one"));
  assert.equal(await kept(), whole.response.headers.get("etag"), "the same file as before");
});

Deno.test("a module that has changed is loaded anew", async () => {
  const module = (word: string) =>
    `export default { columns: { word: "string" }, *rows() { yield { word: "${word}" }; } };`;
  const yaml = `
server: { port: 0 }
sources: { code: { type: module, path: source.ts } }
exports: { words: { source: code } }
`;
  await using server = await start(yaml);
  await Deno.writeTextFile(`${server.folder}/source.ts`, module("before"));
  assert.equal((await server.ask("/exports/words.csv")).text, "word\r\nbefore\r\n");
  await Deno.writeTextFile(`${server.folder}/source.ts`, module("after"));
  await server.reload(yaml);
  assert.equal((await server.ask("/exports/words.csv")).text, "word\r\nafter\r\n");
});

Deno.test("limits of slots and of runs are taken", async () => {
  const yaml = (limits: string) => `
server: { port: 0 }
limits: ${limits}
sources: { app: { type: sqlite, path: one.db } }
exports:
  all: { source: app, query: select * from t }
  sorts:
    source: app
    query: |
      with recursive n(id) as (select 1 union all select id + 1 from n limit 1000000000)
      select id from n order by id * 7919 % 1000003
`;
  await using server = await start(yaml("{ concurrent: 1 }"));
  const left = new AbortController();
  const held = server.ask("/exports/sorts.csv", { signal: left.signal });
  while (server.service.engine.admission.taken === 0) await server.ask("/healthz");
  assert.equal((await server.ask("/exports/all.csv")).response.status, 503);
  await server.reload(yaml("{ concurrent: 2, run: 1ms }"));
  assert.equal((await server.ask("/exports/sorts.csv")).response.status, 504);
  await server.reload(yaml("{ concurrent: 2 }"));
  assert.equal((await server.ask("/exports/all.csv")).response.status, 200);
  assert.equal(server.service.engine.admission.taken, 1, "the first goes on as it began");
  left.abort();
  await assert.rejects(held);
});

Deno.test("receipts stay, and a run that waits in the background goes on as it was asked for", async () => {
  const yaml = (name: string, runs: string) => `
server: { port: 0 }
spool: { dir: spool, min_free: 1MiB, allow_memory: true, allow_shared: true }
runs: ${runs}
sources: { app: { type: sqlite, path: one.db } }
exports:
  ${name}: { source: app, query: select * from t }
  sorts:
    source: app
    query: |
      with recursive n(id) as (select 1 union all select id + 1 from n limit 1000000000)
      select id from n order by id * 7919 % 1000003
`;
  await using server = await start(yaml("before", "{ background: 1, max_queued: 1 }"));
  const post = async (name: string, format = "csv") => {
    const body = JSON.stringify({ export: name, format });
    const { response, text } = await server.ask("/runs", { method: "POST", body });
    return { status: response.status, ...JSON.parse(text) };
  };
  const receipt = async (id: string) => JSON.parse((await server.ask(`/runs/${id}`)).text);
  const holding = await post("sorts");
  const waiting = await post("before");
  assert.equal((await post("sorts")).id, holding.id);
  assert.equal((await post("before", "json")).status, 503);

  await server.reload(yaml("after", "{ ledger: 'sqlite:other.db', background: 2 }"));
  await until(async () => (await receipt(waiting.id)).state === "complete");
  assert.equal((await server.ask(`/runs/${waiting.id}/file`)).text, "one\r\none\r\n");
  assert.equal((await post("before")).status, 404);
  const { id } = await post("after");
  await until(async () => (await receipt(id)).state === "complete");
  const { runs } = JSON.parse((await server.ask("/runs")).text);
  assert.deepEqual(runs.map(({ id }: { id: string }) => id), [id, waiting.id, holding.id]);
  assert.equal(
    (await server.ask(`/runs/${holding.id}`, { method: "DELETE" })).response.status,
    200,
  );
});

Deno.test("keys of receipts are taken: the new one signs, and the old one is published", async () => {
  const yaml = (keys: readonly string[]) => `
server: { port: 0 }
runs: { signing_keys: ${JSON.stringify(keys)} }
sources: { app: { type: sqlite, path: one.db } }
exports: { all: { source: app, query: select * from t } }
`;
  await using server = await start(yaml([]));
  const keys = async () => {
    const { response, text } = await server.ask("/.well-known/jwks.json");
    return response.status === 200 ? JSON.parse(text).keys.map(({ x }: { x: string }) => x) : [];
  };
  assert.deepEqual(await keys(), []);
  const [old, young] = [newSigningKey(), newSigningKey()];
  await server.reload(yaml([JSON.stringify(old)]));
  assert.deepEqual(await keys(), [old.x]);
  await server.reload(yaml(["file:no-such-key.pem", JSON.stringify(old)]));
  assert.deepEqual(await keys(), [old.x], "what is bad is refused whole");
  await Deno.writeTextFile(`${server.folder}/key.jwk`, JSON.stringify(young));
  await server.reload(yaml(["file:key.jwk", JSON.stringify(old)]));
  assert.deepEqual(await keys(), [young.x, old.x]);
});

Deno.test("the keys of an issuer that is down hold for another configuration", async () => {
  const yaml = (name: string) => `
server: { port: 0 }
access:
  jwt: { issuer: "https://id.example.com/", audience: spillway, jwks: "https://id.example.com/jwks.json" }
sources: { app: { type: sqlite, path: one.db } }
exports: { ${name}: { source: app, query: select * from t } }
`;
  let asked = 0;
  const fetch = () => {
    if (asked++ > 0) return Promise.reject(new Error("It is down"));
    return Promise.resolve(Response.json(KEY_SET));
  };
  await using server = await start(yaml("first"), { access: { jwks: { fetch } } });
  const headers = { Authorization: `Bearer ${await token()}` };
  assert.equal((await server.ask("/exports/first.csv", { headers })).response.status, 200);
  await server.reload(yaml("second"));
  assert.equal((await server.ask("/exports/second.csv", { headers })).response.status, 200);
  assert.equal(asked, 1);
});

Deno.test("a server that others reach does not take a configuration which lets everybody in by saying nothing", async () => {
  const yaml = (hostname: string, access: string) => `
server: { hostname: ${hostname}, port: 0 }
access: ${access}
sources: { app: { type: sqlite, path: one.db } }
exports: { all: { source: app, query: select * from t } }
`;
  const access =
    `{ jwt: { issuer: "https://id.example.com/", audience: spillway, jwks: "https://id.example.com/jwks.json" } }`;
  await using server = await start(yaml("0.0.0.0", access));
  await server.reload(yaml("127.0.0.1", "{}"));
  assert.equal((await server.ask("/exports/all.csv")).response.status, 401);
  await server.reload(yaml("127.0.0.1", "{ anonymous: true }"));
  assert.equal((await server.ask("/exports/all.csv")).response.status, 200);
});
