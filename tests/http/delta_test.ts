/** Exports that go on from where the run before ended: by its receipt, or as a schedule. */

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { loadConfig } from "../../catalog/load.ts";
import { loadFormats } from "../../exporters/mod.ts";
import { startService } from "../../server/service.ts";
import { loadDescriptors } from "../../sources/mod.ts";
import { until } from "../waiting.ts";

const formats = await loadFormats();
const sources = await loadDescriptors();

/** `slow` makes its rows large, so that they are in no socket's buffers. */
const YAML = `
server: { port: 0 }
spool: { dir: spool, max_bytes: 256MiB, min_free: 1MiB, allow_memory: true, allow_shared: true }
runs: { ledger: "sqlite:ledger.db" }
sources: { app: { type: sqlite, path: app.db } }
exports:
  events:
    source: app
    query: |
      select id, name, amount, at from event
      where (:after is null or id > :after) and (:name is null or name = :name) order by name
    params:
      after: { type: integer, from: "cursor:id" }
      name: { type: string, required: false }
    truncate: true
    max_rows: 1000
  amounts:
    source: app
    query: select id from event where amount >= :least
    params: { least: { type: number, from: "cursor:id", default: 3 } }
  large:
    source: app
    query: |
      select id, printf('%0900000d', id) as padding from event where :after is null or id > :after
    params: { after: { type: integer, from: "cursor:id" } }
  first:
    source: app
    query: select id from event where :after is null or id > :after
    params: { after: { type: integer, from: "cursor:id" } }
    truncate: true
    max_rows: 2
  plain: { source: app, query: select id from event }
  gone:
    source: app
    query: select name from event where :after is null or id > :after
    params: { after: { type: integer, from: "cursor:id" } }
schedules:
  delta: { cron: "0 6 1 1 *", export: events, format: csv }
`;

// deno-lint-ignore no-explicit-any
type Json = any;

/** A server over a table of events. */
async function start() {
  const folder = await Deno.makeTempDir({ prefix: "spillway-delta-" });
  await Deno.mkdir(`${folder}/spool`);
  const database = new DatabaseSync(`${folder}/app.db`);
  database.exec("create table event (id integer primary key, name text, amount real, at text)");
  const config = loadConfig(YAML, { env: () => undefined, folder, sources, formats });
  const service = await startService(config, {
    environment: Deno.env.toObject(),
    observers: [],
  });
  const origin = `http://127.0.0.1:${service.http.addr.port}`;
  const ask = async (path: string, init: RequestInit = {}): Promise<Json> => {
    const response = await fetch(origin + path, init);
    return { status: response.status, ...await response.json() };
  };
  const receipt = async (id: string): Promise<Json> => {
    let found: Json;
    await until(async () => {
      found = await ask(`/runs/${id}`);
      return !["queued", "running", "publishing"].includes(found.state);
    });
    return found;
  };
  return {
    origin,
    ask,
    receipt,
    /** Adds events of these ids. */
    add(...ids: number[]) {
      for (const id of ids) {
        database.prepare("insert into event values (?, ?, ?, ?)").run(id, `n${id % 3}`, id / 2, "");
      }
    },
    /** Downloads an export: the ids in it, and its receipt. */
    async download(path: string) {
      // One that has all of a coding may leave before the last chunk, and cancels the run with that.
      const response = await fetch(origin + path, { headers: { "Accept-Encoding": "identity" } });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      const ids = text.trim().split("\r\n").slice(1).map((line) => parseInt(line));
      return {
        ids: ids.sort((one, other) => one - other),
        ...await receipt(response.headers.get("Export-Id")!),
      };
    },
    post: (path: string, body?: unknown) =>
      ask(path, { method: "POST", ...(body ? { body: JSON.stringify(body) } : {}) }),
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      database.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("a download goes on from where the one that _since names ended", async () => {
  await using server = await start();
  server.add(1, 2, 3, 9, 4);
  const first = await server.download("/exports/events.csv");
  assert.deepEqual(first.ids, [1, 2, 3, 4, 9]);
  assert.deepEqual(first.cursors, [{ export: "events", column: "id", to: "9" }]);
  assert.equal(first.handed_over_at, first.ended_at);
  server.add(10, 11);
  const second = await server.download(`/exports/events.json?_since=${first.id}&_columns=name`);
  assert.equal(second.rows, 2);
  assert.deepEqual(second.cursors, [{ export: "events", column: "id", from: "9", to: "11" }]);
  // Of no rows it is where it was.
  const third = await server.download(`/exports/events.csv?_since=${second.id}`);
  assert.deepEqual(third.ids, []);
  assert.deepEqual(third.cursors, [{ export: "events", column: "id", from: "11", to: "11" }]);
  // In a workbook, which takes no text, the same.
  server.add(12);
  const sheet = await fetch(`${server.origin}/exports/events.xlsx?_since=${third.id}`);
  await sheet.bytes();
  const { cursors } = await server.receipt(sheet.headers.get("Export-Id")!);
  assert.deepEqual(cursors, [{ export: "events", column: "id", from: "11", to: "12" }]);
});

Deno.test("a start value holds until there is a run, and numbers compare as such", async () => {
  await using server = await start();
  server.add(4, 8, 10);
  const first = await server.download("/exports/amounts.csv");
  assert.deepEqual(first.ids, [8, 10]);
  assert.deepEqual(first.cursors, [{ export: "amounts", column: "id", to: "10" }]);
  server.add(20, 22);
  const second = await server.download(`/exports/amounts.csv?_since=${first.id}`);
  assert.deepEqual(second.ids, [20, 22]);
});

Deno.test("a run that breaks, and one that ends early, moves nothing", async () => {
  await using server = await start();
  server.add(1, 2);
  const first = await server.download("/exports/large.csv");
  server.add(...Array.from({ length: 30 }, (_, index) => index + 3));
  const path = `/exports/large.csv?_since=${first.id}`;
  const left = new AbortController();
  const broken = await fetch(server.origin + path, { signal: left.signal });
  await broken.body!.getReader().read();
  left.abort();
  const receipt = await server.receipt(broken.headers.get("Export-Id")!);
  assert.equal(receipt.state, "cancelled");
  assert.deepEqual(receipt.cursors, [{ export: "large", column: "id", from: "2" }]);
  assert.equal(receipt.handed_over_at, undefined);
  assert.equal((await server.ask(`/exports/large.csv?_since=${receipt.id}`)).status, 400);
  assert.equal((await server.download(path)).rows, 30);

  const early = await server.download("/exports/first.csv");
  assert.deepEqual([early.truncated, early.cursors], [["first"], [{
    export: "first",
    column: "id",
  }]]);
  const next = await server.download(`/exports/first.csv?_since=${early.id}`);
  assert.deepEqual(next.ids, early.ids);
});

Deno.test("a kept file moves its schedule once its last byte was taken", async () => {
  await using server = await start();
  const run = async () => {
    const { id, status } = await server.post("/schedules/delta/runs");
    assert.equal(status, 202);
    return await server.receipt(id);
  };
  const take = async (id: string, range?: string) => {
    const headers: Record<string, string> = range === undefined ? {} : { Range: range };
    await (await fetch(`${server.origin}/runs/${id}/file`, { headers })).bytes();
  };
  const handedOver = (id: string) =>
    until(async () => (await server.receipt(id)).handed_over_at !== undefined);
  server.add(1, 2);
  const first = await run();
  assert.deepEqual(first.cursors, [{ export: "events", column: "id", to: "2" }]);
  server.add(3);
  // Its file was not taken, nor was its last byte.
  await take(first.id, "bytes=0-4");
  const second = await run();
  assert.equal(second.rows, 3);
  await take(second.id);
  await handedOver(second.id);
  server.add(4);
  const third = await run();
  assert.deepEqual([third.rows, third.cursors], [1, [{
    export: "events",
    column: "id",
    from: "3",
    to: "4",
  }]]);
  // In pieces, the last one of them.
  await take(third.id, "bytes=0-4");
  await take(third.id, "bytes=5-");
  await handedOver(third.id);
  // The file of one before, which is taken later, moves nothing back.
  await take(first.id);
  await handedOver(first.id);
  server.add(5, 6);
  assert.equal((await run()).rows, 2);
});

Deno.test("a run may go on from one of the caller's own, of the same request, and no other", async () => {
  await using server = await start();
  server.add(1);
  const issue = async (path: string) => {
    const { status, errors } = await server.ask(path);
    assert.equal(status, 400, path);
    return errors;
  };
  const since = (detail: string) => [{ name: "_since", detail }];
  const unknown = since("you have no such run that was complete and handed over");
  const { id } = await server.download("/exports/events.csv?name=n1");
  assert.deepEqual(await issue("/exports/events.csv?_since=none"), unknown);
  assert.deepEqual(await issue("/exports/events.csv?_since=%20"), unknown);
  const other = since("the run was of other exports or other params");
  assert.deepEqual(await issue(`/exports/events.csv?_since=${id}`), other);
  assert.deepEqual(await issue(`/exports/large.csv?_since=${id}`), other);
  const plain = await server.download("/exports/plain.csv");
  assert.deepEqual(
    await issue(`/exports/plain.csv?_since=${plain.id}`),
    since("the run follows no column"),
  );
  assert.deepEqual(await issue("/exports/events.csv?after=5"), [{
    name: "after",
    detail: "follows a column: it is where the run ended that _since names",
  }]);
  const asked = await server.post("/runs", {
    export: "events",
    format: "csv",
    params: { name: "n1" },
    options: { since: id },
  });
  assert.equal(asked.status, 202);
  assert.deepEqual((await server.receipt(asked.id)).cursors, [
    { export: "events", column: "id", from: "1", to: "1" },
  ]);
  const missing = await server.ask("/exports/gone.csv");
  assert.equal(missing.status, 502);
});
