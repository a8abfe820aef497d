/** MySQL's params and rows against the server: lists, values that it refuses, rows that are too large. */

import assert from "node:assert/strict";
import { mysql } from "../../../sources/mysql/descriptor.ts";
import { mysqlDriver } from "../../../sources/mysql/driver.ts";
import { type ParamType, type ParamValue, SourceError } from "../../../sources/source.ts";
import type { Row } from "../../../table/table.ts";
import { mysqlTest, sharedServer } from "./shared.ts";

/** A param's type and its value. */
type Given = Readonly<Record<string, readonly [type: ParamType, value: ParamValue]>>;

async function read(text: string, given: Given = {}, settings: object = {}) {
  const config = mysql.config.parse({ url: (await sharedServer()).url(), ...settings });
  const { batches } = await mysqlDriver.open(config, {
    text,
    params: Object.fromEntries(Object.entries(given).map(([name, [, value]]) => [name, value])),
    types: Object.fromEntries(Object.entries(given).map(([name, [type]]) => [name, type])),
  });
  const rows: Row[] = [];
  for await (const batch of batches) rows.push(...batch);
  return rows;
}

async function firsts(text: string, given: Given = {}) {
  return (await read(text, given)).map(([cell]) => cell);
}

async function refusal(text: string, given: Given = {}, settings = {}): Promise<SourceError> {
  const error = await read(text, given, settings).then(() => undefined, (error) => error);
  assert(error instanceof SourceError, `not refused: ${text}, ${error}`);
  return error;
}

let made: Promise<void> | undefined;

/** A test with a table of three things. */
function thingsTest(name: string, body: () => Promise<void>): void {
  mysqlTest(`mysql: ${name}`, async () => {
    await (made ??= makeThings());
    await body();
  });
}

async function makeThings(): Promise<void> {
  await (await sharedServer()).run(
    `create table test.thing (id int primary key, big bigint unsigned, price decimal(9, 2), name
      varchar(20), old varchar(20) character set latin1, uid uuid, mood enum ('fine', 'bad'),
      ok boolean, day date, made datetime(6)) character set utf8mb4`,
    `insert into test.thing values
      (1, 18446744073709551615, 1.10, 'one', 'é', '0a0b0c0d-0000-4000-8000-000000000001', 'fine', true,
        '2026-01-01', '2026-01-01 10:00:00.5'),
      (2, 2, 2.20, 'it''s', 'b', '0a0b0c0d-0000-4000-8000-000000000002', 'bad', false,
        '2026-02-01', '2026-02-01 10:00:00'),
      (3, 3, 3.30, '?,:ids', 'c', '0a0b0c0d-0000-4000-8000-000000000003', 'fine', null,
        '2026-03-01', '2026-03-01 10:00:00')`,
  );
}

thingsTest("a list is bound, and may be empty", async () => {
  const all = "select id from thing where";
  const ids = (value: ParamValue): Given => ({ ids: ["integer[]", value] });
  assert.deepEqual(await firsts(`${all} id in (:ids) order by id`, ids([3, 1, 99])), [1, 3]);
  assert.deepEqual(await firsts(`${all} id in (:ids)`, ids([])), []);
  assert.deepEqual(await firsts(`${all} id not in (:ids) order by id`, ids([3, 1])), [2]);
  assert.deepEqual(await firsts(`${all} id not in (:ids) order by id`, ids([])), [1, 2, 3]);
  assert.deepEqual(await firsts(`${all} id in (:ids)`, ids(null)), []);
  assert.deepEqual(await firsts(`${all} big in (:ids)`, ids([2, 9223372036854775807n])), [2]);
  const optional = `${all} (:ids is null or id in (:ids)) order by id limit :most`;
  const most: Given = { most: ["integer", 2] };
  assert.deepEqual(await firsts(optional, { ...ids(null), ...most }), [1, 2]);
  assert.deepEqual(await firsts(optional, { ...ids([2]), ...most }), [2]);
  assert.deepEqual(await firsts(optional, { ...ids([]), ...most }), []);
});

thingsTest("a list of each type is what the column holds", async () => {
  const cases: readonly (readonly [column: string, ParamType, ParamValue, number[]])[] = [
    ["price", "number[]", [1.1, 2.2], [1, 2]],
    ["ok", "boolean[]", [false], [2]],
    ["day", "date[]", ["2026-03-01", "2026-01-01"], [1, 3]],
    ["made", "datetime[]", ["2026-01-01 10:00:00.5"], [1]],
    ["name", "string[]", ["it's", "?,:ids", "'); drop table thing; --"], [2, 3]],
    ["old", "string[]", ["é"], [1]],
    ["uid", "string[]", ["0a0b0c0d-0000-4000-8000-000000000003"], [3]],
    ["mood", "enum[]", ["bad"], [2]],
  ];
  for (const [column, type, value, expected] of cases) {
    const text = `select id from thing where ${column} in (:list) order by id`;
    assert.deepEqual(await firsts(text, { list: [type, value] }), expected, column);
    assert.deepEqual(await firsts(text, { list: [type, []] }), [], column);
    const rest = `select id from thing where ${column} not in (:list) or ok is null order by id`;
    assert.deepEqual(await firsts(rest, { list: [type, []] }), [1, 2, 3], column);
  }
});

thingsTest("a value that the server refuses is its param's, by name", async () => {
  const other: Given = { other: ["integer", 1] };
  const where = (condition: string) => `select id from thing where id > :other and ${condition}`;
  for (
    const [text, given, params, message] of [
      [where("name regexp :s"), { s: ["string", "("] }, ["s"], /Regex error/],
      [where("old = :s"), { s: ["string", "😀"] }, ["s"], /Illegal mix of collations/],
      [where("old in (:l)"), { l: ["string[]", ["b", "😀"]] }, ["l"], /Illegal mix of collations/],
      [
        "select exp(:n) from thing where id > :other",
        { n: ["number", 100000] },
        ["n"],
        /out of range/,
      ],
    ] as readonly (readonly [string, Given, string[], RegExp])[]
  ) {
    const error = await refusal(text, { ...other, ...given });
    assert.match(error.message, message);
    assert.deepEqual(error.params, params, text);
  }
});

thingsTest("what the rows hold, or the query says, is no param's fault", async () => {
  const given: Given = { n: ["integer", 1], s: ["string", "b"] };
  for (
    const text of [
      "select nothing from thing where id = :n and name = :s",
      "select id from thing where name regexp '(' and id = :n and name <> :s",
      "select big + :n from thing where id = :n and name <> :s",
    ]
  ) {
    assert.deepEqual((await refusal(text, given)).params, [], text);
  }
});

thingsTest("a row that is larger than max_row is an error that names it", async () => {
  const text = "select seq, repeat('x', if(seq = 3, 300000, 10)) from seq_1_to_5";
  assert.equal((await read(text)).length, 5);
  const { message } = await refusal(text, {}, { max_row: "256KiB" });
  assert.equal(message, "Cannot read the query: a row is larger than max_row, which is 256KiB");
  const small = "select seq, repeat('x', if(seq = 3, 3000, 10)) from seq_1_to_5";
  assert.match(
    (await refusal(small, {}, { max_row: "2KiB" })).message,
    /^Cannot read the query: a row(?: of 3013 bytes)? is larger than max_row, which is 2KiB$/,
  );
  // Larger than a packet, of which a row then has several.
  await (await sharedServer()).run("set global max_allowed_packet = 268435456");
  const large = await refusal("select repeat('x', 100000000)");
  assert.equal(
    large.message,
    "Cannot read the query: a row is larger than max_row, which is 64MiB",
  );
  assert.deepEqual(await firsts("select length(repeat('x', 100000000))"), [100000000]);
});
