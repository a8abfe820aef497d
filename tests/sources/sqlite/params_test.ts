import assert from "node:assert/strict";
import { type Query, SourceError } from "../../../sources/source.ts";
import { sqlite } from "../../../sources/sqlite/descriptor.ts";
import { sqliteDriver } from "../../../sources/sqlite/driver.ts";
import { bindQuery } from "../../../sources/sqlite/params.ts";
import type { Row } from "../../../table/table.ts";
import { createFolder } from "./fixture.ts";

/** Runs a query on a table of four rows. */
async function query(asked: Query): Promise<readonly Row[]> {
  using folder = createFolder();
  folder.write(`create table t (id integer, word text);
    insert into t values (1, 'a'), (2, 'b,c'), (9007199254740993, 'd'), (null, 'e')`);
  const stream = await sqliteDriver.open(sqlite.config.parse({ path: folder.path }), asked);
  return (await Array.fromAsync(stream.batches)).flat();
}

Deno.test("a list is bound item by item", async () => {
  const words = async (text: string, params: Query["params"]) =>
    (await query({ text: `select word from t where ${text} order by rowid`, params })).flat();
  assert.deepEqual(await words("id in (:ids)", { ids: [1, 2] }), ["a", "b,c"]);
  assert.deepEqual(await words("id not in ( :ids )", { ids: [1n] }), ["b,c", "d"]);
  assert.deepEqual(await words("id in (:ids)", { ids: [9007199254740993n] }), ["d"]);
  assert.deepEqual(await words("id in (:ids)", { ids: [] }), []);
  assert.deepEqual(await words("word in (:words)", { words: ["b,c", "'); --", "e"] }), [
    "b,c",
    "e",
  ]);
});

Deno.test("text of a list is exact, whatever is in it", async () => {
  for (const word of ["", "a\0b", "🎉", '"', "\\", "\ufeff", "1"]) {
    assert.deepEqual(
      await query({
        text: "select :word where :word in (:words)",
        params: { word, words: [word] },
      }),
      [[word]],
    );
  }
});

Deno.test("an absent list is null, and one that is given is not", async () => {
  const text = "select count(*) from t where :ids is null or id in (:ids)";
  assert.deepEqual(await query({ text, params: { ids: [1, 2] } }), [[2]]);
  assert.deepEqual(await query({ text, params: { ids: [] } }), [[0]]);
  assert.deepEqual(await query({ text, params: { ids: null }, types: { ids: "integer[]" } }), [[
    4,
  ]]);
});

Deno.test("a list of ten thousand items is bound", async () => {
  const ids = Array.from({ length: 10_000 }, (_, index) => index + 2);
  assert.deepEqual(await query({ text: "select id from t where id in (:ids)", params: { ids } }), [
    [2],
  ]);
});

Deno.test("lists stand beside each other and beside single values", async () => {
  const text = "select word from t where id in (:ids) and word in (:words) and id > :least";
  const params = { ids: [1, 2], words: ["a", "b,c"], least: 1 };
  assert.deepEqual(await query({ text, params }), [["b,c"]]);
});

Deno.test("a list where a single value stands is refused, absent or not", () => {
  for (const ids of [[1, 2], null]) {
    for (const text of ["select 1 where 1 = :ids", "select :ids", "select 1 limit :ids"]) {
      assert.throws(
        () => bindQuery({ text, params: { ids }, types: { ids: "integer[]" } }),
        (error) => {
          assert(error instanceof SourceError);
          assert.match(error.message, /^Cannot run the query: the list :ids stands where a single/);
          return true;
        },
        text,
      );
    }
  }
});

Deno.test("what only looks like a placeholder is no list", () => {
  const quoted = `select ':ids', ":ids", [:ids], \`:ids\` -- in (:ids)
    /* in (:ids) */ from t where id in (`;
  assert.deepEqual(bindQuery({ text: `${quoted}:ids)`, params: { ids: [7, 8] } }), {
    text: `${quoted}?, ?)`,
    named: Object.assign(Object.create(null), { ":ids": 1n }),
    items: [7n, 8n],
  });
  assert.equal(
    bindQuery({ text: "select 1 where 1 in (:idsx)", params: { ids: [1] } }).text,
    "select 1 where 1 in (:idsx)",
  );
});

Deno.test("a list and question marks do not go together", () => {
  assert.throws(
    () => bindQuery({ text: "select ? where 1 in (:ids)", params: { ids: [1] } }),
    { message: "Cannot run the query: it has ?, where params are :name" },
  );
});

Deno.test("a value that SQLite cannot hold is refused by its param's name", () => {
  const beyond = 2n ** 63n;
  for (const params of [{ n: beyond }, { n: [1, beyond] }, { n: -beyond - 1n }] as const) {
    assert.throws(
      () => bindQuery({ text: "select 1 where 1 in (:n)", params }),
      (error) => error instanceof SourceError && error.params.join() === "n",
    );
  }
  assert.deepEqual(
    bindQuery({ text: "select :n", params: { n: beyond - 1n } }).named[":n"],
    beyond - 1n,
  );
});
