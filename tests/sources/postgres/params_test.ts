/** PostgreSQL's params: the types that they are sent with, lists, and values that the server refuses. */

import assert from "node:assert/strict";
import { postgres } from "../../../sources/postgres/descriptor.ts";
import { postgresDriver } from "../../../sources/postgres/driver.ts";
import {
  type ParamType,
  type ParamValue,
  type Query,
  SourceError,
} from "../../../sources/source.ts";
import type { Row } from "../../../table/table.ts";
import { postgresTest, sharedServer } from "./shared.ts";

/** A param's type and its value. */
type Given = Readonly<Record<string, readonly [type: ParamType, value: ParamValue]>>;

function query(text: string, given: Given): Query {
  const params = Object.entries(given).map(([name, [, value]]) => [name, value] as const);
  const types = Object.entries(given).map(([name, [type]]) => [name, type] as const);
  return { text, params: Object.fromEntries(params), types: Object.fromEntries(types) };
}

async function read(text: string, given: Given, settings: object = {}) {
  const config = postgres.config.parse({ url: (await sharedServer()).url(), ...settings });
  const { columns, batches } = await postgresDriver.open(config, query(text, given));
  const rows: Row[] = [];
  for await (const batch of batches) rows.push(...batch);
  return { types: columns.map(({ type }) => type), rows };
}

/** The first cells of the rows. */
async function firsts(text: string, given: Given) {
  return (await read(text, given)).rows.map(([cell]) => cell);
}

async function refusal(text: string, given: Given): Promise<SourceError> {
  const error = await read(text, given).then(() => undefined, (error) => error);
  assert(error instanceof SourceError, `not refused: ${text}`);
  return error;
}

let made: Promise<void> | undefined;

/** A test with a table of three things. */
function thingsTest(name: string, body: () => Promise<void>): void {
  postgresTest(name, async () => {
    await (made ??= makeThings());
    await body();
  });
}

async function makeThings(): Promise<void> {
  await (await sharedServer()).run(`create type mood as enum ('fine', 'bad');
    create table thing (id int primary key, big bigint, price numeric, weight float8, code text,
      name varchar(20), uid uuid, mood mood, ok boolean, day date, made timestamp, at timestamptz,
      tags int[]);
    insert into thing values
      (1, 5000000000, 1.10, 0.5, '1', 'one', '0a0b0c0d-0000-4000-8000-000000000001', 'fine', true,
        '2026-01-01', '2026-01-01 10:00', '2026-01-01 10:00+00', '{1,2,3}'),
      (2, 2, 2.20, 1.5, '2', 'two', '0a0b0c0d-0000-4000-8000-000000000002', 'bad', false,
        '2026-02-01', '2026-02-01 10:00', '2026-02-01 10:00+00', '{4,5,6}'),
      (3, 3, 3.30, 2.5, '3', 'a,"b"\\c', '0a0b0c0d-0000-4000-8000-000000000003', 'fine', null,
        '2026-03-01', '2026-03-01 10:00', '2026-03-01 10:00+00', '{}');
    grant select on thing to reader`);
}

thingsTest("a param that need not be given is tested for null, in whatever order", async () => {
  const cases: readonly (readonly [ParamType, column: string, value: ParamValue, number[]])[] = [
    ["integer", "id", 2, [3]],
    ["integer", "big", 3, [1]],
    ["number", "price", 2.2, [3]],
    ["number", "weight", 1, [2, 3]],
    ["string", "code", "1", [2, 3]],
    ["string", "name", "one", [2]],
    ["string", "uid", "0a0b0c0d-0000-4000-8000-000000000002", [3]],
    ["enum", "mood", "fine", [2]],
    ["date", "day", "2026-01-31", [2, 3]],
    ["date", "made", "2026-01-31", [2, 3]],
    ["date", "at", "2026-01-31", [2, 3]],
    ["datetime", "made", "2026-02-01 10:00:00", [3]],
    ["datetime", "at", "2026-02-01 10:00:00", [3]],
    ["datetime", "day", "2026-02-01 00:00:00", [3]],
  ];
  for (const [type, column, value, expected] of cases) {
    for (
      const where of [
        `:p is null or ${column} > :p`,
        `${column} > :p or :p is null`,
        `:p\n  is not null and ${column} > :p or /* not given */ :p /* at all */ is null`,
      ]
    ) {
      const text = `select id from thing where (${where}) order by id`;
      assert.deepEqual(await firsts(text, { p: [type, value] }), expected, `${type}: ${text}`);
      assert.deepEqual(
        await firsts(text, { p: [type, null] }),
        [1, 2, 3],
        `${type}, null: ${text}`,
      );
    }
  }
});

thingsTest("a param is of the type that its value has as a literal", async () => {
  const { types, rows } = await read(
    `select :i, :l, :n, :w, :b, :d, :t, :s, day + :i, substr(name, :i, 2), tags[:i], :i < :w
     from thing limit :one`,
    {
      i: ["integer", 2],
      l: ["integer", 9007199254740993n],
      n: ["number", 2.5],
      w: ["number", 10],
      b: ["boolean", true],
      d: ["date", "2026-01-31"],
      t: ["datetime", "2026-01-31 12:00:00.5"],
      s: ["string", "5"],
      one: ["integer", 1],
    },
  );
  assert.deepEqual(rows, [[
    2,
    9007199254740993n,
    "2.5",
    10,
    true,
    "2026-01-31",
    "2026-01-31 12:00:00.5+00:00",
    "5",
    "2026-01-03",
    "ne",
    2,
    true,
  ]]);
  assert.deepEqual(types, [
    ...["integer", "integer", "decimal", "integer", "boolean", "date", "datetime", "string"],
    ...["date", "string", "integer", "boolean"],
  ]);
});

thingsTest(
  "where the server has nothing for that type, it is a text whose type it finds",
  async () => {
    assert.deepEqual(await firsts("select id from thing where code = :n", { n: ["integer", 2] }), [
      2,
    ]);
    assert.deepEqual(
      await firsts("select id from thing where code = :n and day + :m > '2026-02-01' and id > :o", {
        n: ["integer", 2],
        m: ["integer", 1],
        o: ["integer", 1],
      }),
      [2],
    );
    assert.deepEqual(
      await firsts("select coalesce(:n, code)", { n: ["integer", null] }).catch(String),
      'SourceError: Cannot run the query: column "code" does not exist',
    );
    assert.deepEqual(
      await firsts("select to_date(:d, 'YYYY-MM-DD')::text", { d: ["date", "2026-01-31"] }),
      ["2026-01-31"],
    );
  },
);

thingsTest("a text whose type nothing tells is a text", async () => {
  const { types, rows } = await read(
    "select concat(:s, '-', :n), json_build_object('a', :s), format('%s', :s), :s",
    { s: ["string", "x"], n: ["integer", 1] },
  );
  assert.deepEqual(rows, [["x-1", '{"a" : "x"}', "x", "x"]]);
  assert.deepEqual(types, ["string", "json", "string", "string"]);
});

thingsTest("a text that two columns tell differently is of each one's type", async () => {
  const uid = "0a0b0c0d-0000-4000-8000-000000000002";
  assert.deepEqual(
    await firsts("select id from thing where uid = :s or code = :s or :s is null", {
      s: ["string", uid],
    }),
    [2],
  );
});

thingsTest("a param that is grouped by is the same wherever it stands", async () => {
  assert.deepEqual(
    (await read(
      `select date_trunc(:unit, day)::date, count(*) from thing
       group by date_trunc(:unit, day) order by 1`,
      { unit: ["enum", "year"] },
    )).rows,
    [["2026-01-01", 3]],
  );
});

thingsTest("an index is used as it is for a literal", async () => {
  await (await sharedServer()).run(
    `create table indexed as select g as n, g::bigint as big, g::numeric as num, g::text as txt,
       timestamp '2026-01-01' + g * interval '1 hour' as made from generate_series(1, 20000) g;
     create index on indexed (n); create index on indexed (big); create index on indexed (num);
     create index on indexed (txt); create index on indexed (made); analyze indexed;
     grant select on indexed to reader`,
  );
  try {
    for (
      const [where, type, value] of [
        ["n = :p", "integer", 5],
        ["n = :p", "number", 5],
        ["n = :p", "integer", 5000000000],
        ["big = :p", "integer", 5],
        ["num = :p", "integer", 5],
        ["num = :p", "number", 5.5],
        ["txt = :p", "integer", 5],
        ["made < :p", "date", "2026-01-02"],
        ["made < :p", "datetime", "2026-01-02 00:00:00"],
        ["n in (:p)", "integer[]", [1, 5]],
        ["txt in (:p)", "string[]", ["1", "5"]],
      ] as const
    ) {
      const config = postgres.config.parse({ url: (await sharedServer()).url() });
      const reads = `select count(*) from indexed where ${where}`;
      const before = await scans();
      const { batches } = await postgresDriver.open(config, query(reads, { p: [type, value] }));
      for await (const _ of batches);
      // The server has counted when the session has ended.
      let after = before;
      while (after.index + after.sequential === before.index + before.sequential) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        after = await scans();
      }
      assert.equal(after.sequential, before.sequential, `${where}, ${type}`);
    }
  } finally {
    await (await sharedServer()).run("drop table indexed");
  }
});

/** Scans of the table `indexed`, as the server has counted them. */
async function scans(): Promise<{ sequential: number; index: number }> {
  const sql = (await sharedServer()).connect();
  try {
    const [row] = await sql`select seq_scan::int as sequential, idx_scan::int as index
      from pg_stat_user_tables where relname = 'indexed'`;
    return row as unknown as { sequential: number; index: number };
  } finally {
    await sql.end();
  }
}

thingsTest("a list is bound, and may be empty", async () => {
  const all = "select id from thing where";
  const ids = (ids: ParamValue): Given => ({ ids: ["integer[]", ids] });
  assert.deepEqual(await firsts(`${all} id in (:ids) order by id`, ids([3, 1, 99])), [1, 3]);
  assert.deepEqual(await firsts(`${all} id in (:ids)`, ids([])), []);
  assert.deepEqual(await firsts(`${all} id not in ( :ids ) order by id`, ids([3, 1])), [2]);
  assert.deepEqual(await firsts(`${all} id NOT IN (:ids) order by id`, ids([])), [1, 2, 3]);
  assert.deepEqual(await firsts(`${all} id in (:ids)`, ids(null)), []);
  assert.deepEqual(await firsts(`${all} big in (:ids)`, ids([5000000000, 3])), [1, 3]);
  assert.deepEqual(await firsts(`${all} id in (:ids)`, ids([5000000000, 3])), [3]);
  assert.deepEqual(await firsts(`${all} code in (:ids)`, ids([2])), [2]);
  assert.deepEqual(await firsts(`${all} id = any(:ids) and cardinality(:ids) = 2`, ids([1, 7])), [
    1,
  ]);
  const optional = `${all} (:ids is null or id in (:ids)) order by id`;
  assert.deepEqual(await firsts(optional, ids(null)), [1, 2, 3]);
  assert.deepEqual(await firsts(optional, ids([2])), [2]);
  assert.deepEqual(await firsts(optional, ids([])), []);
});

thingsTest("a list of each type is what the column holds", async () => {
  const cases: readonly (readonly [column: string, ParamType, ParamValue, number[]])[] = [
    ["price", "number[]", [1.1, 2.2], [1, 2]],
    ["weight", "number[]", [0.5], [1]],
    ["ok", "boolean[]", [false], [2]],
    ["day", "date[]", ["2026-03-01", "2026-01-01"], [1, 3]],
    ["made", "datetime[]", ["2026-03-01 10:00:00"], [3]],
    ["at", "datetime[]", ["2026-03-01 10:00:00"], [3]],
    ["name", "string[]", ['a,"b"\\c', "two", "null", "{}", "'); drop table thing; --"], [2, 3]],
    ["uid", "string[]", ["0a0b0c0d-0000-4000-8000-000000000003"], [3]],
    ["mood", "enum[]", ["bad"], [2]],
    ["mood::text", "enum[]", ["bad", "other"], [2]],
  ];
  for (const [column, type, value, expected] of cases) {
    const text = `select id from thing where ${column} in (:list) order by id`;
    assert.deepEqual(await firsts(text, { list: [type, value] }), expected, column);
    assert.deepEqual(await firsts(text, { list: [type, []] }), [], column);
    const optional =
      `select id from thing where (:list is null or ${column} in (:list)) order by id`;
    assert.deepEqual(await firsts(optional, { list: [type, value] }), expected, column);
    assert.deepEqual(await firsts(optional, { list: [type, null] }), [1, 2, 3], column);
  }
  assert.deepEqual(
    await firsts("select unnest(:list)", { list: ["string[]", ["a", 'b"', ""]] }),
    ["a", 'b"', ""],
  );
});

thingsTest("a value that the server refuses is its param's, by name", async () => {
  const other: Given = { other: ["integer", 1] };
  const where = (condition: string) => `select id from thing where id > :other and ${condition}`;
  const cases: readonly (readonly [text: string, Given, params: string[], message: RegExp])[] = [
    [where("uid = :s"), { s: ["string", "x"] }, ["s"], /type uuid: "x"$/],
    [where("mood = :s"), { s: ["string", "x"] }, ["s"], /enum mood: "x"$/],
    [where("mood in (:l)"), { l: ["string[]", ["fine", "x"]] }, ["l"], /enum mood: "x"$/],
    [where("id = :s"), { s: ["string", "3000000000"] }, ["s"], /out of range for type integer$/],
    [where("id = :s"), { s: ["string", "2.5"] }, ["s"], /type integer: "2.5"$/],
    [where("day = :s"), { s: ["string", "2026-02-30"] }, ["s"], /out of range: "2026-02-30"$/],
    [where("day = :s"), { s: ["string", "soon"] }, ["s"], /type date: "soon"$/],
    ["select substr(name, :n) from thing where id > :other", { n: ["integer", 3000000000] }, [
      "n",
    ], /out of range for type integer$/],
    [where("code ~ :s"), { s: ["string", "("] }, ["other", "s"], /invalid regular expression/],
    [
      where("at > now() at time zone :s"),
      { s: ["string", "Mars"] },
      ["s"],
      /"Mars" not recognized/,
    ],
    ["select date_trunc(:s, made) from thing", { s: ["string", "eon"] }, ["s"], /"eon" not recog/],
    [`${where("true")} limit :n`, { n: ["integer", -1] }, ["n"], /LIMIT must not be negative$/],
    [`${where("true")} offset :n`, { n: ["integer", -2] }, ["n"], /OFFSET must not be negative$/],
  ];
  for (const [text, given, params, message] of cases) {
    const error = await refusal(text, { ...other, ...given });
    assert.match(error.message, message);
    assert.deepEqual(error.params.toSorted(), params, text);
    assert.equal(error.connection, false);
  }
});

thingsTest("what the rows hold, or the query says, is no param's fault", async () => {
  const other: Given = { other: ["integer", 1], s: ["string", "unrelated"] };
  for (
    const text of [
      "select name::int from thing where id = :other and :s <> ''",
      "select id / (id - id) from thing where id = :other and :s <> ''",
      "select 'x'::int from thing where id = :other and :s <> ''",
      "select nothing from thing where id = :other and :s <> ''",
      "select nothing(:other, :s) from thing",
    ]
  ) {
    assert.deepEqual((await refusal(text, other)).params, [], text);
  }
});

thingsTest("the first types that were tried are those that an error speaks of", async () => {
  assert.equal(
    (await refusal("select nothing(:n, :d)", { n: ["integer", 1], d: ["date", "2026-01-01"] }))
      .message,
    "Cannot run the query: function nothing(integer, date) does not exist",
  );
});

thingsTest("what a query was found to take is not tried again", async () => {
  const { folder } = await sharedServer();
  const complaints = async () =>
    (await Deno.readTextFile(`${folder}/log`)).split("operator does not exist: text = integer")
      .length;
  const before = await complaints();
  const text = "select id from thing where code = :n and 'once' <> ''";
  for (const n of [1, 2, 3]) assert.deepEqual(await firsts(text, { n: ["integer", n] }), [n]);
  assert.equal(await complaints(), before + 1);
});
