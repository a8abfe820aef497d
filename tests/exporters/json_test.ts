import assert from "node:assert/strict";
import fc from "fast-check";
import { json } from "../../exporters/json.ts";
import type { Warning } from "../../exporters/warnings.ts";
import type { Cell, ColumnType } from "../../table/table.ts";
import { exporterContract } from "../contracts/exporter_contract.ts";
import { cellsOf, parseExact } from "./json_reader.ts";
import { column, exportTable, exportText, tableOf } from "./tables.ts";

exporterContract("json", json, {
  decode(bytes, header) {
    const objects = parseExact(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    assert.ok(Array.isArray(objects));
    return objects.map((object) => cellsOf(object, header));
  },
  hostileNames: [
    "id",
    "id_3",
    "id_2",
    "id_4",
    "__proto__",
    "",
    "=cmd",
    "a b",
    "<xml>",
    "xml",
    'say "hi", 안녕',
  ],
  renamed: 2,
  hasEnd: true,
});

/** The value of one cell, as it stands in the file. */
async function value(cell: Cell, type: ColumnType, timezone?: string): Promise<string> {
  const text = await exportText(json, [column("a", type, timezone)], [[cell]]);
  assert.ok(text.startsWith('[\n{"a":') && text.endsWith("}\n]\n"));
  return text.slice('[\n{"a":'.length, -"}\n]\n".length);
}

Deno.test("json: one array, one object a line", async () => {
  const columns = [column("id", "integer"), { ...column("name"), title: "Full name" }];
  assert.equal(
    await exportText(json, columns, [[1, "Ada"], [2, null]]),
    '[\n{"id":1,"name":"Ada"},\n{"id":2,"name":null}\n]\n',
  );
  assert.equal(await exportText(json, columns, []), "[\n]\n");
  assert.equal(await exportText(json, [], [[], []]), "[\n{},\n{}\n]\n");
});

Deno.test("json: a number keeps the digits that it came with", async () => {
  for (
    const text of ["12.50", "-0.00", "0", "123456789012345", "1.5e3", "1E-10", "-1234567.89012345"]
  ) {
    assert.equal(await value(text, "decimal"), text);
  }
  assert.equal(await value("0.000000000000000000000012", "decimal"), "0.000000000000000000000012");
  assert.equal(await value(9007199254740991n, "integer"), "9007199254740991");
  assert.equal(await value(-0, "number"), "-0");
  assert.equal(await value(1e21, "number"), "1e+21");
  assert.equal(await value(0.1 + 0.2, "number"), "0.30000000000000004");
});

/** What is counted of cells in a column of a type. */
async function counted(cells: readonly Cell[], type: ColumnType): Promise<readonly Warning[]> {
  const table = tableOf([column("a", type)], cells.map((cell) => [cell]));
  return (await exportTable(json, table)).warnings;
}

Deno.test("json: a column of decimals or numbers has numbers in all rows, with every digit", async () => {
  // What PostgreSQL gives for avg(), for one.
  const held = ["2180.0000000000000000", "0", "-0.000", "12.5", "123456789012345", "0.1e-300"];
  const beyond = [
    "3.3333333333333333",
    "9007199254740993",
    "0.12345678901234567",
    "12345678901234567890.5",
    "-0.1000000000000000055511151231257827",
    "1e400",
    "1e-400",
    "4.9e-324",
  ];
  for (const type of ["decimal", "number"] as const) {
    for (const text of [...held, ...beyond]) assert.equal(await value(text, type), text);
    assert.deepEqual(await counted(held, type), []);
    assert.deepEqual(await counted([...held, ...beyond, ...beyond], type), [
      { kind: "beyond-double", column: "a", count: 16 },
    ]);
    // The digits of a double are its own.
    assert.deepEqual(await counted(["0.30000000000000004", 0.1 + 0.2, 1e300], type), []);
    assert.equal(await value(9007199254740993n, type), "9007199254740993");
    assert.deepEqual(await counted([9007199254740993n, 5n * 10n ** 20n], type), [
      { kind: "beyond-double", column: "a", count: 1 },
    ]);
  }
});

Deno.test("json: a number that JSON could spell is spelt so", async () => {
  const spellings = { "+5": "5", ".5": "0.5", "-.5": "-0.5", "5.": "5", "007.50": "7.50" };
  for (const [text, expected] of Object.entries(spellings)) {
    assert.equal(await value(text, "decimal"), expected);
  }
});

Deno.test("json: what JSON has no number for is a string, counted", async () => {
  for (const text of ["NaN", "Infinity", "-Infinity"]) {
    assert.equal(await value(text, "decimal"), `"${text}"`);
    assert.equal(await value(Number(text), "number"), `"${text}"`);
    assert.equal(await value(Number(text), "string"), `"${text}"`);
  }
  assert.deepEqual(await counted(["NaN", NaN, "-Infinity", Infinity, "none"], "number"), [
    { kind: "written-as-text", column: "a", count: 4 },
  ]);
});

Deno.test("json: an integer beyond the safe ones is a key, and a string, counted", async () => {
  assert.equal(await value(9007199254740992n, "integer"), '"9007199254740992"');
  assert.equal(await value(-9223372036854775808n, "string"), '"-9223372036854775808"');
  assert.equal(await value("9223372036854775808", "integer"), '"9223372036854775808"');
  assert.equal(await value("9007199254740991", "integer"), "9007199254740991");
  assert.equal(await value("1.5", "integer"), "1.5");
  assert.deepEqual(await counted([2n ** 53n, "9223372036854775808", 5n, 2 ** 53], "integer"), [
    { kind: "written-as-text", column: "a", count: 2 },
  ]);
});

Deno.test("json: text in a number column that is no number is a string", async () => {
  const texts = ["", "1_000", "0x10", " 1", "1\n", "true", "null", "-", ".", "1e", "1,5", "--1"];
  for (const text of texts) assert.equal(await value(text, "decimal"), JSON.stringify(text));
  assert.deepEqual(await counted(texts, "decimal"), []);
  assert.equal(await value("12.50", "string"), '"12.50"');
});

Deno.test("json: strings are escaped as RFC 8259 wants, and no further", async () => {
  assert.equal(await value('a"b\\c/d', "string"), '"a\\"b\\\\c/d"');
  assert.equal(await value("\0\b\t\n\f\r\x1f", "string"), '"\\u0000\\b\\t\\n\\f\\r\\u001f"');
  assert.equal(await value("\x7f\u2028é안😀", "string"), '"\x7f\u2028é안😀"');
  assert.equal(await value("\ud800", "string"), '"\ufffd"');
  assert.equal(await value('\ud800"\n', "string"), '"\ufffd\\"\\n"');
});

Deno.test("json: a json cell is embedded as it is, on one line", async () => {
  assert.equal(await value('{"a": 1.50,\n\r\n "a":2}', "json"), '{"a": 1.50, "a":2}');
  assert.equal(await value("12345678901234567890", "json"), "12345678901234567890");
  assert.equal(await value('"a\\nb"', "json"), '"a\\nb"');
  assert.equal(await value('{"__proto__":1}', "json"), '{"__proto__":1}');
  assert.equal(await value(" null ", "json"), " null ");
});

Deno.test("json: a json cell that is no JSON is a string", async () => {
  assert.equal(await value("{a:1}", "json"), '"{a:1}"');
  assert.equal(await value("", "json"), '""');
  assert.equal(await value("1} , {", "json"), '"1} , {"');
  assert.equal(await value("NaN", "json"), '"NaN"');
});

Deno.test("json: a datetime moves to the column's zone", async () => {
  const zone = "America/New_York";
  const text = "2026-07-01T00:00:00.120Z";
  assert.equal(await value(text, "datetime", zone), '"2026-06-30T20:00:00.120-04:00"');
  assert.equal(await value('no "date"', "datetime", zone), '"no \\"date\\""');
});

Deno.test("json: binary is base64", async () => {
  assert.equal(await value(new Uint8Array([255, 254]), "binary"), '"//4="');
});

Deno.test("json: keys are the names, and lone surrogates in them stay apart", async () => {
  const columns = [column("\ud800"), column("\udfff"), column('"')];
  assert.equal(
    await exportText(json, columns, [[1, 2, 3]]),
    '[\n{"\ufffd":1,"\ufffd_2":2,"\\"":3}\n]\n',
  );
});

Deno.test("json: any JSON value and any string read back as they were", async () => {
  const anyText = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(...'ab"\\/\b\n\r\0\x1f\u2028') }),
  );
  const row = fc.record({
    text: fc.option(anyText),
    number: fc.option(fc.double()),
    integer: fc.option(fc.maxSafeInteger()),
    json: fc.json().chain((compact) =>
      fc.constantFrom(compact, JSON.stringify(JSON.parse(compact), null, "\r\n  "))
    ),
    flag: fc.option(fc.boolean()),
  });
  const columns = [
    column("text"),
    column("number", "number"),
    column("integer", "integer"),
    column("json", "json"),
    column("flag", "boolean"),
  ];
  await fc.assert(fc.asyncProperty(fc.array(row, { maxLength: 6 }), async (rows) => {
    const cells = rows.map((
      { text, number, integer, json, flag },
    ) => [text, number, integer, json, flag]);
    const text = await exportText(json, columns, cells);
    assert.equal(text.split("\n").length, rows.length + 3);
    assert.deepEqual(
      JSON.parse(text),
      rows.map((row) => ({
        ...row,
        number: row.number === null || Number.isFinite(row.number) ? row.number : `${row.number}`,
        json: JSON.parse(row.json),
      })),
    );
  }));
});
