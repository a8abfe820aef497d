import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { ReadOptions } from "../../../sources/source.ts";
import { sqlite } from "../../../sources/sqlite/descriptor.ts";
import { sqliteDriver } from "../../../sources/sqlite/driver.ts";
import { createFolder, openFiles } from "./fixture.ts";

const MEGABYTE = 1024 * 1024;

/** Runs a query of a database whose rows are bounded. */
async function query(
  text: string,
  { max_row = "1MiB", setup = "", options = {} }: {
    readonly max_row?: string;
    readonly setup?: string;
    readonly options?: ReadOptions;
  } = {},
) {
  using folder = createFolder();
  folder.write(`create table empty (a); ${setup}`);
  const config = sqlite.config.parse({ path: folder.path, max_row });
  const { batches } = await sqliteDriver.open(config, { text, params: {} }, options);
  return await Array.fromAsync(batches);
}

const tooLarge = (size: string) => ({
  name: "SourceError",
  message: `Cannot read the query: a row is larger than max_row, which is ${size}`,
});

Deno.test("max_row is a size, 64 MiB where nothing is said", () => {
  assert.equal(sqlite.config.parse({ path: "a" }).max_row, 64 * MEGABYTE);
  assert.equal(sqlite.config.parse({ path: "a", max_row: "2MiB" }).max_row, 2 * MEGABYTE);
  for (const max_row of [1000, "0B", "much"]) {
    assert.equal(sqlite.config.safeParse({ path: "a", max_row }).success, false);
  }
});

Deno.test("a cell that is larger than a row may be is refused, and nothing of its size is made", async () => {
  const cell = (bytes: number) => `select 1 as n, zeroblob(${bytes}) as a`;
  const [[row]] = await query(cell(MEGABYTE)) as [[unknown[]]];
  assert.equal((row![1] as Uint8Array).length, MEGABYTE);
  await assert.rejects(query(cell(MEGABYTE + 1)), tooLarge("1MiB"));
  const setup = `create table t (a); insert into t values (zeroblob(${3 * MEGABYTE}))`;
  await assert.rejects(query("select a from t", { setup }), tooLarge("1MiB"));
  await assert.rejects(query("select a from t order by a", { setup }), tooLarge("1MiB"));
});

Deno.test("so is a row whose cells are together larger, in bytes of UTF-8", async () => {
  const text = (units: number, character = "x") =>
    `replace(hex(zeroblob(${units / 2})), '0', '${character}')`;
  const half = MEGABYTE / 2;
  assert.equal((await query(`select ${text(half)}, zeroblob(${half})`)).flat().length, 1);
  await assert.rejects(query(`select ${text(half)}, zeroblob(${half + 1})`), tooLarge("1MiB"));
  await assert.rejects(query(`select ${text(half, "é")}, 'x'`), tooLarge("1MiB"));
  await assert.rejects(
    query(`select ${text(600)}, ${text(600)}`, { max_row: "1KiB" }),
    tooLarge("1KiB"),
  );
});

Deno.test("a schema may be longer than a row", async () => {
  const setup = `create table t (a /* ${"x".repeat(5000)} */); insert into t values (1)`;
  assert.deepEqual(await query("select a from t", { setup, max_row: "1KiB" }), [[[1]]]);
});

Deno.test("a batch of long rows is short", async () => {
  const batches = await query(
    `with recursive s(n) as (values (1) union all select n + 1 from s where n < 100)
     select n, hex(zeroblob(20000)) from s`,
  );
  assert.equal(batches.flat().length, 100);
  assert(Math.max(...batches.map(({ length }) => length)) < 10);
});

Deno.test("the columns of a query are described, and no row of it is computed", async () => {
  using folder = createFolder();
  folder.write("create table t (id integer primary key, at timestamp, data)");
  const config = sqlite.config.parse({ path: folder.path });
  const describe = (text: string, params = {}, types = {}) =>
    sqliteDriver.describe!(config, { text, params, types });
  // The absolute value of the least integer overflows.
  assert.deepEqual(await describe("select *, abs(-9223372036854775807 - 1) as n from t"), [
    { name: "id", type: "integer" },
    { name: "at", type: "datetime" },
    { name: "data" },
    { name: "n" },
  ]);
  assert.deepEqual(
    await describe("select id from t where id in (:ids)", { ids: null }, { ids: "integer[]" }),
    [{ name: "id", type: "integer" }],
  );
  for (
    const [text, message] of [
      ["select id from nowhere", "Cannot run the query: no such table: nowhere"],
      ["select id from t where missing = 1", "Cannot run the query: no such column: missing"],
      [
        "select id from t; drop table t",
        "Cannot run the query: a second statement follows the first",
      ],
      [
        "delete from t returning id",
        "Cannot run the query: only SELECT, VALUES or WITH … SELECT can be exported",
      ],
    ] as const
  ) await assert.rejects(describe(text), { name: "SourceError", message });
  await assert.rejects(
    describe("select :ids", { ids: null }, { ids: "integer[]" }),
    /the list :ids stands where a single value does/,
  );
  assert.equal(openFiles(folder.path), 0);
});

Deno.test("a source is described without a query, and one that is not there is an error", async () => {
  using folder = createFolder();
  folder.write("create table t (a)");
  const describe = (path: string) =>
    sqliteDriver.describe!(sqlite.config.parse({ path }), undefined);
  assert.equal(await describe(folder.path), undefined);
  assert.equal(openFiles(folder.path), 0);
  await assert.rejects(describe(`${folder.folder}/none.db`), {
    message: "Cannot open source: the database file is missing or cannot be read",
  });
});

Deno.test("a writer that holds the whole database is waited for, and the thread is not held", async () => {
  using folder = createFolder();
  folder.write("create table t (a); insert into t values (1)");
  const writer = new DatabaseSync(folder.path);
  writer.exec("begin exclusive; insert into t values (2)");
  const config = sqlite.config.parse({ path: folder.path });
  const opening = sqliteDriver.open(config, { text: "select a from t", params: {} });
  // While the thread is held, no timer fires.
  await new Promise((resolve) => setTimeout(resolve));
  writer.exec("commit");
  assert.deepEqual(await Array.fromAsync((await opening).batches), [[[1], [2]]]);
  writer.close();
});

Deno.test("nobody waits for a writer when the run is given up", async () => {
  using folder = createFolder();
  folder.write("create table t (a)");
  const writer = new DatabaseSync(folder.path);
  writer.exec("begin exclusive");
  const controller = new AbortController();
  const config = sqlite.config.parse({ path: folder.path });
  const opening = sqliteDriver.open(config, { text: "select a from t", params: {} }, {
    signal: controller.signal,
  });
  controller.abort(new Error("nobody wants it"));
  await assert.rejects(opening);
  writer.close();
});

Deno.test("a query that sorts says that it may hold its thread", async () => {
  using folder = createFolder();
  folder.write("create table t (a integer primary key, b); insert into t values (1, 2)");
  const config = sqlite.config.parse({ path: folder.path });
  const mayBlock = async (text: string) => {
    const stream = await sqliteDriver.open(config, { text, params: {} });
    await stream.batches.cancel();
    return stream.mayBlock;
  };
  assert.equal(await mayBlock("select a, b from t order by a"), false);
  assert.equal(await mayBlock("select a, b from t order by b"), true);
});

Deno.test("a query that has held its thread says so at its end", async () => {
  using folder = createFolder();
  folder.write("create table t (a integer primary key); insert into t values (1), (2)");
  const config = sqlite.config.parse({ path: folder.path });
  const { now } = performance;
  const mayBlock = async (step: number) => {
    let time = 0;
    performance.now = () => time += step;
    try {
      const stream = await sqliteDriver.open(config, { text: "select a from t", params: {} });
      assert.equal(stream.mayBlock, false);
      await Array.fromAsync(stream.batches);
      return stream.mayBlock;
    } finally {
      performance.now = now;
    }
  };
  assert.equal(await mayBlock(1), false);
  assert.equal(await mayBlock(600), true);
});
