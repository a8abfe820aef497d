import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Connection } from "../../../sources/sqlite/connection.ts";
import { bindQuery } from "../../../sources/sqlite/params.ts";
import { callsForEachRow, explain } from "../../../sources/sqlite/program.ts";
import { createFolder, type DatabaseFolder } from "./fixture.ts";

const SCHEMA = `
  create table item (id integer primary key, kind text, size integer, price real, at datetime, note);
  create index item_size on item (size, id);
  create table kind (name text primary key, weight integer);
  create table part (id integer primary key, item integer, name text);
  create index part_item on part (item);
  create view parts as select item.id, size, name from item left join part on part.item = item.id;
  insert into item values (1, 'a', 9, 1.5, '2026-01-02', null), (2, 'b', 3, 2.5, 0, 'x'),
    (9007199254740993, 'a', 5, -1, 2461042.5, x'00');
  insert into kind values ('a', 1), ('b', 2);
  insert into part values (1, 1, 'p'), (2, 1, 'q'), (3, 2, 'r');
`;

/** How a query is read: in its own loops, or from copies of its rows. */
function way(folder: DatabaseFolder, text: string): "loops" | "copies" {
  const connection = Connection.open(folder.path, 2 ** 26);
  try {
    const query = bindQuery({ text, params: { size: 4 } });
    const { sourceSQL } = connection.prepare(query, {}).statement(query);
    return sourceSQL.includes("spillway_rows") ? "copies" : "loops";
  } finally {
    connection.close();
  }
}

const IN_LOOPS = [
  "select * from item",
  "select id, size, kind from item order by id desc",
  "select id, size from item order by size, id",
  "select id, upper(kind), size * 2, 'x', null, cast(size as text) from item where size > :size",
  "select id from item where id = :size",
  "select id from item where (:size is null or size > :size) and kind like 'a%' order by id",
  "select item.id, name from item join part on part.item = item.id order by item.id",
  "select id, weight from item left join kind on name = kind order by id",
  "select * from parts",
  "with big as (select id, size from item where size > 3) select * from big",
];

const AS_COPIES = [
  "select id, kind from item order by kind",
  "select id from item order by size + 0",
  "select kind, count(*) from item group by kind",
  "select distinct kind from item",
  "select id from item limit 2",
  "select id from item union all select weight from kind",
  "select id, (select count(*) from part where item = item.id) from item",
  "select id from item where exists (select 1 from part where part.item = item.id)",
  "select id from item where kind in (select name from kind where weight > 1)",
  "select id from item where id in (1, 2, 3)",
  "select id, row_number() over (order by size) from item",
  "select value from json_each('[1, 2]')",
  "values (1), (2)",
];

Deno.test("a query without a sort or a table of its own is read in its own loops", () => {
  using folder = createFolder();
  folder.write(SCHEMA);
  for (const text of IN_LOOPS) assert.equal(way(folder, text), "loops", text);
  for (const text of AS_COPIES) assert.equal(way(folder, text), "copies", text);
});

Deno.test("what SQLite would call before a sort, for a dropped row or for twice is not proven", () => {
  using folder = createFolder();
  folder.write(SCHEMA);
  const database = new DatabaseSync(folder.path, { readOnly: true });
  database.function("call", { varargs: true }, () => 1);
  const none = { named: {}, items: [] };
  const proven = (text: string, calling: string) =>
    callsForEachRow(explain(database, text, none), explain(database, calling, none), ["call"]);
  const called = (text: string) =>
    `with q as (${text}) select 0 from q where call(id) union all select 1`;

  const plain = "select id, size from item order by id";
  assert(proven(plain, called(plain)));
  // Two calls for a row, none, and one whose row hangs on something else yet.
  assert(!proven(plain, called(plain).replace("call(id)", "call(id) and call(id + 1)")));
  assert(!proven(plain, called(plain).replace("call(id)", "id")));
  assert(!proven(plain, called(plain).replace("call(id)", "call(id) and id in (select 1)")));
  // The loops of another query, another direction, another index.
  assert(!proven(plain, called("select id from part order by id")));
  assert(!proven(plain, called("select id, size from item order by id desc")));
  assert(!proven(plain, called("select id, size from item order by size, id")));
  for (const text of AS_COPIES.filter((text) => text.startsWith("select id"))) {
    assert(!proven(text, called(text)), text);
  }
  database.close();
});

Deno.test("a query that sorts or groups may hold the thread, and one that gives rows at once not", () => {
  using folder = createFolder();
  folder.write(SCHEMA);
  const connection = Connection.open(folder.path, 2 ** 26);
  const mayBlock = (text: string) =>
    connection.prepare(bindQuery({ text, params: { size: 4 } }), {}).mayBlock;
  for (
    const text of [
      ...IN_LOOPS,
      "select id from item order by id limit 2 offset 1",
      "select id from item where id in (1, 2, 3)",
      "select value from json_each('[1, 2]')",
      "select 1",
      "values (1), (2)",
    ]
  ) assert.equal(mayBlock(text), false, text);
  for (
    const text of [
      "select id from item order by kind",
      "select id from item order by kind limit 2",
      "select kind, count(*) from item group by kind",
      "select sum(size) from item",
      "select count(*) from item",
      "select item.id from item join part on part.name = item.note",
      "select distinct kind from item",
      "select id, row_number() over (order by size) from item",
      "select id from item union select weight from kind",
    ]
  ) assert.equal(mayBlock(text), true, text);
  connection.close();
});
