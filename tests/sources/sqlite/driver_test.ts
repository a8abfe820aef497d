import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import {
  BATCH_ROWS,
  type ParamValue,
  type ReadOptions,
  SourceError,
} from "../../../sources/source.ts";
import { sqlite } from "../../../sources/sqlite/descriptor.ts";
import { sqliteDriver } from "../../../sources/sqlite/driver.ts";
import { Connection } from "../../../sources/sqlite/connection.ts";
import { bindQuery } from "../../../sources/sqlite/params.ts";
import { readBatches } from "../../../sources/sqlite/rows.ts";
import type { Batch, Row } from "../../../table/table.ts";
import { DEADLINE_MS } from "../../waiting.ts";
import { createFolder, openFiles } from "./fixture.ts";

const SQLITE = new URL("../../../sources/sqlite/", import.meta.url).href;

/** Opens a query of a database. */
function open(
  path: string,
  text: string,
  params: Readonly<Record<string, ParamValue>> = {},
  options: ReadOptions = {},
) {
  return sqliteDriver.open(sqlite.config.parse({ path }), { text, params }, options);
}

async function rowsOf(batches: ReadableStream<Batch>): Promise<readonly Row[]> {
  return (await Array.fromAsync(batches)).flat();
}

/** Runs a query on a database that these statements make. */
async function query(
  text: string,
  { setup = "", params = {}, options = {} }: {
    readonly setup?: string;
    readonly params?: Readonly<Record<string, ParamValue>>;
    readonly options?: ReadOptions;
  } = {},
): Promise<readonly Row[]> {
  using folder = createFolder();
  folder.write(`create table empty (a); ${setup}`);
  return await rowsOf((await open(folder.path, text, params, options)).batches);
}

function failsWith(message: string, params: readonly string[] = []) {
  return (error: unknown) => {
    assert(error instanceof SourceError);
    assert.equal(error.message, message);
    assert.deepEqual(error.params, params);
    return true;
  };
}

Deno.test("a missing file is an error without its path, and is not made", async () => {
  using folder = createFolder();
  await assert.rejects(open(folder.path, "select 1"), (error) => {
    failsWith("Cannot open source: the database file is missing or cannot be read")(error);
    assert.match(String((error as Error).cause), /unable to open database file/);
    return true;
  });
  assert.deepEqual([...Deno.readDirSync(folder.folder)], []);
});

Deno.test("a folder, and a file that is no database, are errors without their paths", async () => {
  using folder = createFolder();
  await assert.rejects(open(folder.folder, "select 1"), (error) => {
    assert(error instanceof SourceError);
    assert.match(error.message, /^Cannot open source: /);
    assert.doesNotMatch(error.message, /spillway-sqlite/);
    return true;
  });
  Deno.writeTextFileSync(folder.path, "This is no database. ".repeat(100));
  await assert.rejects(
    open(folder.path, "select 1"),
    failsWith("Cannot open source: file is not a database"),
  );
  assert.equal(openFiles(folder.path), 0);
});

Deno.test("the configuration is a path and nothing else", () => {
  assert.deepEqual(sqlite.config.parse({ path: "app.db" }), {
    path: "app.db",
    max_row: 67_108_864,
  });
  assert.deepEqual(sqlite.paths, ["path"]);
  for (const wrong of [{}, { path: "" }, { path: 1 }, { path: "app.db", mode: "rw" }]) {
    assert.equal(sqlite.config.safeParse(wrong).success, false, JSON.stringify(wrong));
  }
});

Deno.test("a query that SQLite refuses says why", async () => {
  await assert.rejects(
    query("select a from nowhere"),
    failsWith("Cannot run the query: no such table: nowhere"),
  );
  await assert.rejects(
    query("selekt 1"),
    failsWith('Cannot run the query: near "selekt": syntax error'),
  );
});

Deno.test("only a statement that reads is run", async () => {
  using folder = createFolder();
  folder.write("create table t (a integer); insert into t values (1)");
  for (
    const statement of [
      "",
      "-- nothing",
      "insert into t values (2)",
      "insert into t values (2) returning a",
      "with x as (select 2 as a) insert into t select a from x returning a",
      "update t set a = 3 returning a",
      "delete from t returning a",
      "create temp table u (a)",
      "attach ':memory:' as other",
      "pragma journal_mode = delete",
      "pragma query_only = off",
      "begin",
      "commit",
      "vacuum",
      "explain select 1",
    ]
  ) {
    await assert.rejects(
      open(folder.path, statement),
      failsWith("Cannot run the query: only SELECT, VALUES or WITH … SELECT can be exported"),
      statement,
    );
  }
  assert.equal(openFiles(folder.path), 0);
  assert.deepEqual(await rowsOf((await open(folder.path, "select a from t")).batches), [[1]]);
});

Deno.test("a second statement is refused, not ignored", async () => {
  for (const text of ["select 1; select 2", "select 1; drop table empty", "select 1;;x"]) {
    await assert.rejects(
      query(text),
      failsWith("Cannot run the query: a second statement follows the first"),
    );
  }
});

Deno.test("a query cannot break out of the one that wraps it", async () => {
  for (
    const text of [
      "select 1) select 2 --",
      "select 1), spillway_rows as (select 2, 3) select 0 --",
      "select 1 /* never closed",
      "select spillway_row(1)",
    ]
  ) await assert.rejects(query(text), SourceError, text);
});

Deno.test("a statement may end with a semicolon, white space and comments", async () => {
  for (
    const text of [
      "select 1;",
      "select 1 ; ;\n",
      "select 1 -- one",
      "select 1; -- one; two",
      "select 1 /* one */; /* two\n */ -- three",
      "-- zero\nselect 1",
      "select 1; /* not closed",
      "values (1)",
      "with x (a) as (select 1) select a from x",
    ]
  ) assert.deepEqual(await query(text), [[1]], text);
});

const PEOPLE = `
  create table people (name text, team text, age integer);
  insert into people values
    ('Bo', 'x', 30), ('Al', 'y', 20), ('Cy', 'x', 10), ('Di', 'y', 40), ('Ed', 'x', 20);
`;

Deno.test("the query's order and limits are kept, whatever its shape", async () => {
  const names = async (text: string) => (await query(text, { setup: PEOPLE })).flat().join(" ");
  assert.equal(await names("select name from people order by name desc"), "Ed Di Cy Bo Al");
  assert.equal(await names("select name from people order by age, name"), "Cy Al Ed Bo Di");
  assert.equal(await names("select name from people where age > 15 order by 1"), "Al Bo Di Ed");
  assert.equal(await names("select name from people order by age desc limit 2 offset 1"), "Bo Al");
  assert.equal(await names("select distinct team from people order by team desc"), "y x");
  assert.equal(
    await names("select team, min(age) from people group by team order by 2 desc"),
    "y 20 x 10",
  );
  assert.equal(
    await names("select team from people group by team having max(age) > 30"),
    "y",
  );
  assert.equal(
    await names("select name from people union all select team from people order by 1 limit 3"),
    "Al Bo Cy",
  );
  assert.equal(
    await names("select name from people where team = 'x' union select 'Zoe' order by 1 desc"),
    "Zoe Ed Cy Bo",
  );
  assert.equal(
    await names("select name, row_number() over (order by age, name) from people order by name"),
    "Al 2 Bo 4 Cy 1 Di 5 Ed 3",
  );
  assert.equal(
    await names("select a.name from people a join people b on b.age = a.age + 10 order by 1"),
    "Al Bo Cy Cy Ed",
  );
  assert.equal(
    await names("select name from (select * from people order by age) where team = 'y'"),
    "Al Di",
  );
});

/** Tables with an index, a sort and ties to get wrong; `id` makes an order complete. */
const ITEMS = `
  create table item (id integer primary key, kind text, size integer, note);
  create index item_size on item (size, id);
  insert into item
    with recursive n(i) as (values (1) union all select i + 1 from n where i < 60)
    select i, char(97 + i * 7 % 5), i * 31 % 11, iif(i % 4, i * 1.5, null) from n;
  create table kind (name text primary key, weight integer);
  insert into kind values ('a', 3), ('b', 1), ('c', 2), ('d', 3);
`;

/** Queries of them: the first column tells their rows apart. */
const itemQueries = fc.tuple(
  fc.constantFrom(
    "i.id, i.size, i.kind, i.note",
    "distinct i.id, i.size",
    "i.id, 1",
    "i.id, (select count(*) from item o where o.size < i.size)",
    "i.id, row_number() over (order by i.size desc, i.id)",
    "max(i.id), count(*)",
  ),
  fc.constantFrom(
    "item i",
    "item i join kind k on k.name = i.kind",
    "item i left join kind k on k.name = i.kind and k.weight > 1",
    "(select * from item order by note desc limit 40) i",
    "(select * from item union all select id + 100, kind, size, note from item where size > 5) i",
  ),
  fc.constantFrom("", "where i.size > 3", "where i.kind in (select name from kind)"),
  fc.constantFrom("1", "1 desc", "2, 1", "2 desc, 1 desc", "2, 1 desc"),
  fc.constantFrom("", "limit 7", "limit 5 offset 3"),
).map(([chosen, from, where, order, limit]) => {
  const group = chosen.startsWith("max") ? "group by i.kind" : "";
  return `select ${chosen} from ${from} ${where} ${group} order by ${order} ${limit}`;
});

Deno.test("a query gives the rows that SQLite gives by itself, and in their order", async () => {
  using folder = createFolder();
  folder.write(ITEMS);
  using plain = Object.assign(new DatabaseSync(folder.path, { readOnly: true }), {
    [Symbol.dispose](this: DatabaseSync) {
      this.close();
    },
  });
  await fc.assert(
    fc.asyncProperty(itemQueries, async (text) => {
      const prepared = plain.prepare(text);
      prepared.setReturnArrays(true);
      const rows = await rowsOf((await open(folder.path, text, {}, { batchRows: 8 })).batches);
      assert.deepEqual(rows, prepared.all(), text);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a query without an order gives each of its rows once", async () => {
  assert.deepEqual(
    await query("select 'x', 1 from people", { setup: PEOPLE }),
    Array(5).fill(["x", 1]),
  );
  assert.deepEqual(
    await query("select age from people where team = 'x' and age > 15", { setup: PEOPLE }),
    [[30], [20]],
  );
});

Deno.test("a sort of many rows is a sort, and gives every row", async () => {
  const rows = await query(
    `with recursive s(n) as (values (1) union all select n + 1 from s where n < 20000)
     select n, (n * 7919) % 20011 as key from s order by key desc`,
  );
  assert.equal(rows.length, 20_000);
  const keys = rows.map(([, key]) => Number(key));
  assert(keys.every((key, index) => index === 0 || keys[index - 1]! > key));
});

Deno.test("an expression of the query is computed once for each row", async () => {
  const rows = await query(
    `with recursive s(n) as (values (1) union all select n + 1 from s where n < 1000)
     select abs(random() % 1000000) as r from s order by r`,
  );
  const values = rows.map(([value]) => Number(value));
  assert(new Set(values).size > 900);
  assert(values.every((value, index) => index === 0 || values[index - 1]! <= value));
});

Deno.test("columns have the types that their tables declare, and expressions none", async () => {
  using folder = createFolder();
  folder.write(`
    create table t (id integer primary key, price decimal(10, 2), at timestamp, data);
    create view v as select id, price from t;
  `);
  const columns = async (text: string) => {
    const stream = await open(folder.path, text);
    await stream.batches.cancel();
    return stream.columns;
  };
  assert.deepEqual(await columns("select *, price * 2 as double from t"), [
    { name: "id", type: "integer" },
    { name: "price", type: "decimal" },
    { name: "at", type: "datetime" },
    { name: "data" },
    { name: "double" },
  ]);
  assert.deepEqual(await columns("select price as cost, count(*) from v group by 1"), [
    { name: "cost", type: "decimal" },
    { name: "count(*)" },
  ]);
});

Deno.test("cells are read for the declared type, and for the export's before it", async () => {
  const setup = "create table t (flag boolean, at datetime); insert into t values (1, 0)";
  assert.deepEqual(await query("select flag, at from t", { setup }), [
    [true, "1970-01-01T00:00:00Z"],
  ]);
  const options: ReadOptions = { types: { flag: "integer", at: "integer" } };
  assert.deepEqual(await query("select flag, at from t", { setup, options }), [[1, 0]]);
  assert.deepEqual(
    await query("select 1 as yes, 0 as no", { options: { types: { no: "boolean" } } }),
    [
      [1, false],
    ],
  );
});

Deno.test("a type by name is only for a column of that name", async () => {
  const options: ReadOptions = { types: Object.fromEntries([["__proto__", "boolean"]]) };
  assert.deepEqual(await query('select 1 as "__proto__", 1 as "constructor"', { options }), [
    [true, 1],
  ]);
});

Deno.test("a column may hold a value of any type", async () => {
  const setup = `create table t (a integer);
    insert into t values (1), ('text'), (1.5), (x'00ff'), (null), (9e999), (-9e999)`;
  assert.deepEqual(await query("select a from t", { setup }), [
    [1],
    ["text"],
    [1.5],
    [new Uint8Array([0, 255])],
    [null],
    [Infinity],
    [-Infinity],
  ]);
});

Deno.test("a value is the same cell however its row is read, whatever its column declares", async () => {
  const declared = [
    "",
    "any",
    "integer",
    "bigint",
    "boolean",
    "text",
    "decimal_text",
    "real",
    "double",
    "decimal(10, 2)",
    "datetime",
    "date",
    "time",
    "json",
    "uuid",
    "blob",
  ];
  const values = [
    "null",
    "0",
    "1",
    "-1",
    "1.0",
    "0.5",
    "-0.0",
    "1767323045",
    "1767312000",
    "2461042.5",
    "9007199254740991",
    "9007199254740992",
    "-9007199254740993",
    "9223372036854775807",
    "1e300",
    "9e999",
    "''",
    "'text'",
    "'1'",
    "'9007199254740993'",
    "x''",
    "x'00ff'",
  ];
  const columns = declared.map((_, index) => `c${index}`);
  using folder = createFolder();
  folder.write(`create table t (${columns.map((name, index) => `${name} ${declared[index]}`)});
    ${values.map((value) => `insert into t values (${columns.map(() => value)});`).join("")}`);
  const exported = [undefined, "boolean", "datetime", "date", "integer", "string"] as const;
  for (const type of exported) {
    const types = type === undefined ? {} : Object.fromEntries(columns.map((name) => [name, type]));
    // A limit keeps SQLite from reading the rows in the query's own loop.
    const copied = await rowsOf(
      (await open(folder.path, "select * from t limit -1", {}, { types })).batches,
    );
    for (const column of [...columns, "*"]) {
      const stream = await open(folder.path, `select ${column} from t`, {}, { types });
      const index = columns.indexOf(column);
      const expected = index < 0 ? copied : copied.map((row) => [row[index]]);
      assert.deepEqual(await rowsOf(stream.batches), expected, `${column} as ${type}`);
    }
  }
});

Deno.test("an expression that differs each time is one value in its row", async () => {
  const rows = await query(
    "select random() as r, typeof(random()) as t from people",
    { setup: PEOPLE },
  );
  assert(
    rows.every(([value, type]) => /^(?:number|bigint)$/.test(typeof value) && type === "integer"),
  );
});

Deno.test("text is exact in a UTF-16 database too", async () => {
  using folder = createFolder();
  folder.write(
    "pragma encoding = 'UTF-16le'; create table t (a text); insert into t values ('é🎉')",
  );
  const stream = await open(folder.path, "select a, a || char(0) || a, '' from t");
  assert.deepEqual(await rowsOf(stream.batches), [["é🎉", "é🎉\0é🎉", ""]]);
});

Deno.test("params are bound with the types that SQLite has for them", async () => {
  const params = { yes: true, no: false, whole: 5, part: 2.5, great: 2n ** 62n, none: null };
  assert.deepEqual(
    await query(
      `select typeof(:yes), :yes, :no, typeof(:whole), ':' || :whole, typeof(:part), :great, :none`,
      { params },
    ),
    [["integer", 1, 0, "integer", ":5", "real", 4611686018427387904n, null]],
  );
});

Deno.test("a param that is used twice, not at all or named like an object's own is bound", async () => {
  const params = Object.fromEntries([["a", "x"], ["unused", 1], ["__proto__", "y"]]);
  assert.deepEqual(await query("select :a, :a, :__proto__", { params }), [["x", "x", "y"]]);
});

Deno.test("a param that SQLite cannot hold rejects open()", async () => {
  await assert.rejects(
    query("select :n", { params: { n: 2n ** 63n } }),
    failsWith(
      "Cannot run the query: the value of :n is beyond what an integer of SQLite holds",
      ["n"],
    ),
  );
});

Deno.test("a snapshot begins when the query is opened", async () => {
  using folder = createFolder();
  folder.write("pragma journal_mode = wal; create table t (a); insert into t values (1)");
  const stream = await open(folder.path, "select a from t");
  folder.write("insert into t values (2)");
  assert.deepEqual(await rowsOf(stream.batches), [[1]]);
});

Deno.test("full-text and R-tree tables can be read", async () => {
  const setup = `
    create virtual table pages using fts5 (body);
    insert into pages values ('the quick brown fox'), ('a lazy dog');
    create virtual table boxes using rtree (id, x0, x1);
    insert into boxes values (1, 0, 10), (2, 20, 30);
  `;
  assert.deepEqual(await query("select body from pages where pages match 'lazy'", { setup }), [
    ["a lazy dog"],
  ]);
  assert.deepEqual(await query("select id from boxes where x0 > 15", { setup }), [[2]]);
});

Deno.test("extensions cannot be loaded, nor other databases attached", async () => {
  await assert.rejects(
    query("select load_extension('libm.so')"),
    failsWith("Cannot read the query: not authorized"),
  );
});

Deno.test("a thousand columns can be read, and one more is refused", async () => {
  const list = (count: number) => Array.from({ length: count }, (_, index) => index).join(", ");
  const [row] = await query(`select ${list(1000)}`);
  assert.equal(row?.length, 1000);
  assert.equal(row?.[999], 999);
  await assert.rejects(
    query(`select ${list(1001)}`),
    failsWith("Cannot run the query: it gives 1001 columns, and 1000 can be read"),
  );
});

Deno.test("a file that breaks in the middle is an error, not an early end", async () => {
  using folder = createFolder();
  folder.write(`
    create table t (a text);
    with recursive s(n) as (values (1) union all select n + 1 from s where n < 20000)
    insert into t select hex(zeroblob(100)) from s;
  `);
  using file = Deno.openSync(folder.path, { write: true });
  file.seekSync(3_000_000, Deno.SeekMode.Start);
  file.writeSync(new Uint8Array(10_000).fill(0xa5));
  const stream = await open(folder.path, "select a from t");
  let rows = 0;
  await assert.rejects(async () => {
    for await (const batch of stream.batches) rows += batch.length;
  }, failsWith("Cannot read the query: database disk image is malformed"));
  assert(rows > 0 && rows < 20_000, `${rows} rows came before the error`);
});

Deno.test("a database that is closed under its reader is an error, not an early end", async () => {
  using folder = createFolder();
  folder.write("create table t (a)");
  const connection = Connection.open(folder.path, 2 ** 26);
  const bound = bindQuery({
    text: "with recursive s(n) as (values (1) union all select n + 1 from s) select n from s",
    params: {},
  });
  const prepared = connection.prepare(bound, {});
  const batches = readBatches(connection.database, prepared, bound, {
    batchRows: 10,
    maxRow: 2 ** 26,
    onHold: () => {},
    overwritten: () => false,
    release: () => {},
  });
  const reader = batches.getReader();
  assert.equal((await reader.read()).value?.length, 10);
  connection.close();
  await assert.rejects(reader.read(), SourceError);
});

/** Rows without an end, each of which takes SQLite some milliseconds to find. */
const SLOW = `with recursive s(n) as (values (1) union all select n + 1 from s)
  select n from s where n % 100000 = 0`;

Deno.test("rows that come slowly are not kept back until a batch is full", async () => {
  using folder = createFolder();
  folder.write("create table t (a)");
  const reader = (await open(folder.path, SLOW)).batches.getReader();
  for (let batch = 0; batch < 3; batch++) {
    const { length } = (await reader.read()).value ?? [];
    assert(length! >= 1 && length! < BATCH_ROWS, `${length} rows in a batch`);
  }
  await reader.cancel();
});

Deno.test("the event loop gets its turns while a query is read without a pause", async () => {
  using folder = createFolder();
  folder.write("create table t (a)");
  const reader = (await open(folder.path, SLOW)).batches.getReader();
  let fired = false;
  const timer = setTimeout(() => fired = true, 10);
  const start = performance.now();
  while (!fired && performance.now() - start < DEADLINE_MS) await reader.read();
  clearTimeout(timer);
  assert(fired, "a timer of 10 ms did not fire");
  await reader.cancel();
});

Deno.test("a cancel is obeyed while a read waits for its turn", async () => {
  using folder = createFolder();
  folder.write("create table t (a)");
  const reader = (await open(folder.path, SLOW)).batches.getReader();
  await reader.read();
  await reader.read();
  const pending = reader.read();
  await reader.cancel();
  assert.equal(openFiles(folder.path), 0);
  assert.equal((await pending).done, true);
});

Deno.test("the permission to read its file is all that a source needs", async () => {
  using folder = createFolder();
  folder.write("create table t (a); insert into t values (1), (2)");
  const script = `${folder.folder}/script.ts`;
  Deno.writeTextFileSync(
    script,
    `import { sqlite } from "${SQLITE}descriptor.ts";
    import { sqliteDriver } from "${SQLITE}driver.ts";
    const query = { text: "select a from t order by -a", params: {} };
    const config = sqlite.config.parse({ path: ${JSON.stringify(folder.path)} });
    const stream = await sqliteDriver.open(config, query);
    for await (const batch of stream.batches) console.log(JSON.stringify(batch));`,
  );
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--cached-only",
      "--no-check",
      `--config=${new URL("../../../deno.json", import.meta.url).pathname}`,
      `--allow-read=${folder.path}`,
      script,
    ],
  }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  assert.equal(new TextDecoder().decode(stdout), "[[2],[1]]\n");
});
