/** What the rows of NDJSON and of JSON arrays are: their columns, and cells with nothing lost. */

import assert from "node:assert/strict";
import { createJsonReader } from "../../../sources/http/json_cells.ts";
import { createNdjsonSplitter } from "../../../sources/http/ndjson_rows.ts";
import { SourceError } from "../../../sources/source.ts";
import type { ColumnType, Row } from "../../../table/table.ts";

interface Reading {
  readonly types?: Readonly<Record<string, ColumnType>>;
  readonly columns?: readonly string[];
}

/** Reads lines to their end. */
function read(lines: readonly string[], { types = {}, ...columns }: Reading = {}) {
  const reader = createJsonReader(createNdjsonSplitter(1e6), { types, ...columns, maxRow: 1e6 });
  const rows: Row[] = [];
  const take = () => {
    for (let row = reader.read(); row !== undefined; row = reader.read()) rows.push(row);
  };
  for (const line of lines) {
    reader.write(line + "\n");
    take();
  }
  reader.end();
  take();
  return { columns: reader.columns, rows, proven: reader.proven };
}

function errorOf(lines: readonly string[], reading: Reading = {}): string {
  try {
    return `not refused: ${JSON.stringify(read(lines, reading))}`;
  } catch (error) {
    assert(error instanceof SourceError, String(error));
    return error.message;
  }
}

Deno.test("the first object's keys are the columns; the order and absence of others do not matter", () => {
  assert.deepEqual(
    read(['{"b":1,"a":"x"}', '{"a":"y","b":2}', '{"b":3}', '{"b":null,"a":"z"}', "[4,5]"]),
    {
      columns: [{ name: "b" }, { name: "a" }],
      rows: [[1, "x"], [2, "y"], [3, null], [null, "z"], [4, 5]],
      proven: false,
    },
  );
});

Deno.test("an array before all rows names the columns and their types", () => {
  const { columns, rows, proven } = read(
    ['["id",{"name":"at","type":"datetime"},{"name":"n","type":"integer"}]', '[1,null,"2"]', "1"],
  );
  assert.deepEqual(columns, [
    { name: "id" },
    { name: "at", type: "datetime" },
    { name: "n", type: "integer" },
  ]);
  assert.deepEqual(rows, [[1, null, 2]]);
  assert.equal(proven, true);
});

Deno.test("names that the source sets are the columns, and hostile ones are names", () => {
  const names = ["__proto__", "constructor", "1"];
  assert.deepEqual(
    read(['{"1":3,"__proto__":1,"constructor":2}', '["a","b","c"]'], { columns: names }),
    {
      columns: names.map((name) => ({ name })),
      rows: [[1, 2, 3], ["a", "b", "c"]],
      proven: false,
    },
  );
  assert.deepEqual(read(['{"10":1,"9":2}', '{"9":4,"10":3}']).rows, [[1, 2], [3, 4]]);
});

Deno.test("no digit is lost, in numbers, in decimals and in what is nested", () => {
  const { rows } = read([
    '{"n":1}',
    '{"n":9007199254740993}',
    '{"n":-12345678901234567890}',
    '{"n":0.1}',
    '{"n":0.12345678901234567890}',
    '{"n":1e400}',
    '{"n":1.0}',
    '{"n":-0}',
    '{"n":{"a": 1.50, "b":[12345678901234567890]}}',
    '{"n":[1.10, "x"]}',
    '{"n":"9007199254740993"}',
    '{"n":"a\\u0000\\ud83c\\udf89"}',
  ]);
  assert.deepEqual(rows.flat(), [
    1,
    9007199254740993n,
    -12345678901234567890n,
    0.1,
    "0.12345678901234567890",
    "1e400",
    1,
    -0,
    '{"a": 1.50, "b":[12345678901234567890]}',
    '[1.10, "x"]',
    "9007199254740993",
    "a\0🎉",
  ]);
  assert.deepEqual(
    read(['{"d":1.10}', '{"d":"2.20"}', '{"d":1e3}', '{"d":null}'], { types: { d: "decimal" } })
      .rows.flat(),
    ["1.10", "2.20", 1000, null],
  );
});

Deno.test("text stands for what JSON has no type for, where the columns have types", () => {
  const types = { i: "integer", n: "number", b: "boolean", x: "binary", d: "date" } as const;
  const columns = Object.entries(types).map(([name, type]) => ({ name, type }));
  const { rows } = read([
    JSON.stringify(columns),
    '{"i":"9007199254740993","n":"0.5","b":"true","x":"AP8=","d":"2026-01-02"}',
    '{"i":7,"n":1e2,"b":0,"x":"not base64","d":"soon"}',
    '{"i":"seven","n":"much","b":"maybe","x":5,"d":5}',
  ]);
  assert.deepEqual(rows, [
    [9007199254740993n, 0.5, true, new Uint8Array([0, 255]), "2026-01-02"],
    [7, 100, false, "not base64", "soon"],
    ["seven", "much", "maybe", 5, 5],
  ]);
});

Deno.test("the types that an export declares keep the text of numbers, and change nothing else", () => {
  const columns = '[{"name":"a","type":"integer"},{"name":"b","type":"number"},"c"]';
  const types = { a: "string", b: "decimal", c: "boolean" } as const;
  assert.deepEqual(read([columns, '[7,1.10,"true"]', '["07","x",1]'], { types }), {
    columns: [{ name: "a", type: "integer" }, { name: "b", type: "number" }, { name: "c" }],
    rows: [["7", "1.10", "true"], ["07", "x", 1]],
    proven: false,
  });
});

Deno.test("a row that does not fit is an error that counts to it", () => {
  for (
    const [lines, reason, reading] of [
      [["{"], "row 1: it is not JSON"],
      [['{"a":1}', '{"a":1}}'], "row 2: it is not JSON"],
      [['{"a":1}', '"a"'], "row 2: it is no object and no array"],
      [['{"a":1}', "null"], "row 2: it is no object and no array"],
      [['{"a":1}', '{"b":1}'], 'row 2: its key "b" is none of "a"'],
      [['["a"]', '{"a":1,"a":2}'], 'row 1: its key "a" is there twice'],
      [['{"a":1,"a":2}'], "row 1: it is an object, and two columns have one name"],
      [['["a","a"]', '{"a":1}'], "row 1: it is an object, and two columns have one name"],
      [['{"a":1}', "[1,2]"], "row 2: it has 2 cells, and there are 1 columns"],
      [["[1,2]"], "row 1: an array before all rows names the columns, and this one does not"],
      [
        ['["a",{"name":"b","type":"money"}]'],
        "row 1: an array before all rows names the columns, and this one does not",
      ],
      [['{"a":1}', "2"], "row 2: the upstream counted 2 rows, and 1 came"],
      [['{"a":1}', "1", '{"a":2}'], "row 2: it follows the count of the rows"],
      [["0", "0"], "row 1: it follows the count of the rows"],
      [['{"b":1}'], 'row 1: its key "b" is none of "a"', { columns: ["a"] }],
    ] as readonly (readonly [readonly string[], string, Reading?])[]
  ) assert.equal(errorOf(lines, reading), `Cannot read ${reason}`, lines.join());
});

Deno.test("no rows are a table without columns, unless they are set", () => {
  assert.deepEqual(read([]), { columns: undefined, rows: [], proven: false });
  assert.deepEqual(read(["0"]), { columns: undefined, rows: [], proven: true });
  assert.deepEqual(read(["0"], { columns: ["a"] }).columns, [{ name: "a" }]);
});
