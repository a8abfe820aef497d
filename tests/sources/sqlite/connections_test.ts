import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { SourceError } from "../../../sources/source.ts";
import type { Batch, Row } from "../../../table/table.ts";
import { testSource } from "../../contracts/source_contract.ts";
import { createCache } from "./cache_fixture.ts";
import { createFixture, createFolder, openFiles } from "./fixture.ts";

// Whatever a run leaves behind, the next one must not see.
testSource("sqlite, kept", async () => {
  const fixture = await createFixture();
  const cache = createCache();
  return {
    ...fixture,
    open: (query, options) => cache.open(fixture.path, query, options),
    held() {
      // What is kept is not held.
      cache.pass(10_000);
      cache.pass(10_000);
      return openFiles(fixture.path);
    },
  };
});

async function rowsOf(
  stream: { readonly batches: ReadableStream<Batch> },
): Promise<readonly Row[]> {
  return (await Array.fromAsync(stream.batches)).flat();
}

const ask = (text: string, params: Record<string, string | number> = {}) => ({ text, params });

/** Makes a database with a table of so many rows. */
function database(rows = 3) {
  const folder = createFolder();
  folder.write(`create table t (a integer);
    with recursive s(n) as (values (1) union all select n + 1 from s where n < ${rows})
    insert into t select n from s`);
  return folder;
}

Deno.test("a run that has ended leaves its connection to the next one", async () => {
  using folder = database();
  const { connections, open } = createCache();
  for (let run = 0; run < 3; run++) {
    assert.deepEqual(await rowsOf(await open(folder.path, ask("select a from t"))), [[1], [2], [
      3,
    ]]);
    assert.equal(connections.size, 1);
    assert.equal(openFiles(folder.path), 1);
  }
});

Deno.test("the values of one run are not those of the next", async () => {
  using folder = database();
  const { open } = createCache();
  const text = "select a, :note from t where a >= :from";
  assert.deepEqual(
    await rowsOf(await open(folder.path, ask(text, { from: 3, note: "x" }))),
    [[3, "x"]],
  );
  assert.deepEqual(await rowsOf(await open(folder.path, ask(text, { from: 2 }))), [
    [2, null],
    [3, null],
  ]);
});

Deno.test("two runs at once have a connection each", async () => {
  using folder = database(1000);
  const { connections, open } = createCache();
  const text = "select a from t where a > :from order by a";
  const [one, other] = await Promise.all([
    open(folder.path, ask(text, { from: 0 }), { batchRows: 10 }),
    open(folder.path, ask(text, { from: 500 }), { batchRows: 10 }),
  ]);
  const readers = [one.batches.getReader(), other.batches.getReader()] as const;
  const rows: Row[][] = [[], []];
  for (let turn = 0; turn < 200; turn++) {
    const { value } = await readers[turn % 2]!.read();
    rows[turn % 2]!.push(...value ?? []);
  }
  assert.deepEqual(rows[0], Array.from({ length: 1000 }, (_, index) => [index + 1]));
  assert.deepEqual(rows[1], Array.from({ length: 500 }, (_, index) => [index + 501]));
  await Promise.all(readers.map((reader) => reader.cancel()));
  assert.equal(connections.size, 2);
});

Deno.test("a connection that is kept holds no snapshot: writers go on in rollback mode", async () => {
  using folder = database();
  const { open } = createCache();
  await rowsOf(await open(folder.path, ask("select a from t")));
  folder.write("insert into t values (4)");
  const reader = (await open(folder.path, ask("select a from t"), { batchRows: 1 })).batches
    .getReader();
  await reader.read();
  await reader.cancel();
  folder.write("insert into t values (5)");
  assert.deepEqual((await rowsOf(await open(folder.path, ask("select a from t")))).length, 5);
});

Deno.test("a run after a write sees it, in WAL mode too", async () => {
  using folder = database();
  folder.write("pragma journal_mode = wal");
  const { open } = createCache();
  for (let count = 3; count < 6; count++) {
    assert.equal((await rowsOf(await open(folder.path, ask("select a from t")))).length, count);
    folder.write(`insert into t values (${count + 1})`);
  }
});

Deno.test("a changed schema is the next run's", async () => {
  using folder = createFolder();
  folder.write(`pragma journal_mode = wal;
    create table t (a integer, b text); create index t_b on t (b);
    insert into t values (1, 'z'), (2, 'y')`);
  const { open } = createCache();
  const text = "select * from t order by b";
  assert.deepEqual(await rowsOf(await open(folder.path, ask(text))), [[2, "y"], [1, "z"]]);
  // What was proven of the loop over the index is not so of a sort.
  folder.write("drop index t_b; insert into t values (3, 'x')");
  assert.deepEqual(await rowsOf(await open(folder.path, ask(text))), [[3, "x"], [2, "y"], [
    1,
    "z",
  ]]);
  folder.write("alter table t add column c boolean default 1");
  const stream = await open(folder.path, ask(text));
  assert.deepEqual(stream.columns.at(-1), { name: "c", type: "boolean" });
  assert.deepEqual((await rowsOf(stream))[0], [3, "x", true]);
});

Deno.test("a file that takes the place of the database is the next run's", async () => {
  using folder = database();
  using other = database(5);
  const { connections, open } = createCache();
  await rowsOf(await open(folder.path, ask("select a from t")));
  Deno.renameSync(other.path, folder.path);
  assert.equal((await rowsOf(await open(folder.path, ask("select a from t")))).length, 5);
  assert.equal(connections.size, 1);
  assert.equal(openFiles(folder.path), 1);
});

Deno.test("a file that is overwritten between two runs is read anew", async () => {
  using folder = database(3);
  using other = createFolder();
  // As many pages and as many changes: SQLite itself cannot tell the two files.
  other.write(`create table t (a integer);
    with recursive s(n) as (values (7) union all select n + 1 from s where n < 9)
    insert into t select n from s`);
  // However fast this is, what is written is later.
  Deno.utimeSync(folder.path, 0, 0);
  const { open } = createCache();
  assert.deepEqual(await rowsOf(await open(folder.path, ask("select a from t"))), [[1], [2], [3]]);
  Deno.writeFileSync(folder.path, Deno.readFileSync(other.path));
  assert.deepEqual(await rowsOf(await open(folder.path, ask("select a from t"))), [[7], [8], [9]]);
});

Deno.test("a connection that nobody wants is closed, and a deleted database with it", async () => {
  using folder = database();
  const { connections, open, pass } = createCache({ idle: 5000 });
  await rowsOf(await open(folder.path, ask("select a from t")));
  pass(4999);
  assert.equal(openFiles(folder.path), 1);
  await rowsOf(await open(folder.path, ask("select a from t")));
  pass(4999);
  assert.equal(openFiles(folder.path), 1, "it was used just now");
  Deno.removeSync(folder.path);
  pass(5000);
  assert.equal(connections.size, 0);
  assert.equal(openFiles(folder.path), 0);
});

Deno.test("no more connections are kept than there may be", async () => {
  using folder = database();
  const { connections, open } = createCache({ max: 2 });
  const streams = await Promise.all(
    [1, 2, 3].map(() => open(folder.path, ask("select a from t"))),
  );
  assert.equal(openFiles(folder.path), 3);
  for (const stream of streams) await rowsOf(stream);
  assert.equal(connections.size, 2);
  assert.equal(openFiles(folder.path), 2);
});

Deno.test("a connection is closed after as many runs as it may have", async () => {
  using folder = database();
  const { connections, open } = createCache({ runs: 2 });
  const sizes = [];
  for (let run = 0; run < 4; run++) {
    await rowsOf(await open(folder.path, ask("select a from t")));
    sizes.push(connections.size);
  }
  assert.deepEqual(sizes, [1, 0, 1, 0]);
});

Deno.test("a connection whose run failed is not kept", async () => {
  using folder = database();
  const { connections, open } = createCache();
  const failing = "select case a when 2 then abs(-9223372036854775807 - 1) else a end from t";
  await assert.rejects(rowsOf(await open(folder.path, ask(failing))), SourceError);
  assert.equal(connections.size, 0);
  await assert.rejects(open(folder.path, ask("select nothing from t")), SourceError);
  assert.equal(connections.size, 0);
  assert.equal(openFiles(folder.path), 0);
});

Deno.test("a plan that hangs on a value is proven for each value", async () => {
  using folder = createFolder();
  // With statistics of its values, SQLite reads a rare kind by one index, and another by the other's order.
  folder.write(`create table t (id integer primary key, kind text, size integer);
    with recursive s(n) as (values (1) union all select n + 1 from s where n < 20000)
    insert into t select n, iif(n % 5000 = 0, 'rare', 'usual'), n * 7919 % 20011 from s;
    create index t_kind on t (kind); create index t_size on t (size)`);
  analyze(folder.path);
  for (const kinds of [["usual", "rare", "usual"], ["rare", "usual", "rare"]]) {
    const { open } = createCache();
    for (const kind of kinds) {
      const text = "select size, kind from t where kind = :kind order by size";
      const rows = await rowsOf(await open(folder.path, ask(text, { kind })));
      assert.equal(rows.length, kind === "rare" ? 4 : 19_996);
      assert(rows.every(([size], index) => index === 0 || rows[index - 1]![0]! < size!), kind);
      assert(rows.every((row) => row[1] === kind));
    }
  }
});

function analyze(path: string): void {
  const database = new DatabaseSync(path);
  database.exec("analyze");
  database.close();
}
