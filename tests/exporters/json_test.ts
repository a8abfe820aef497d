import assert from "node:assert/strict";
import fc from "fast-check";
import { json } from "../../exporters/json.ts";
import type { Cell, ColumnType } from "../../sources/table.ts";
import { exporterContract } from "../contracts/exporter_contract.ts";
import { cellsOf, parseExact } from "./json_reader.ts";
import { column, exportText } from "./tables.ts";

exporterContract(json, {
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

Deno.test("json: a number that a double cannot hold is a string", async () => {
  for (
    const text of [
      "1234567890123456",
      "0.1234567890123456",
      "12345678901234567890.5",
      "1e400",
      "1e-400",
      "4.9e-324",
      "NaN",
      "Infinity",
    ]
  ) {
    assert.equal(await value(text, "decimal"), `"${text}"`);
  }
  assert.equal(await value(9007199254740992n, "integer"), '"9007199254740992"');
  assert.equal(await value(-9223372036854775808n, "integer"), '"-9223372036854775808"');
  assert.equal(await value(NaN, "number"), '"NaN"');
  assert.equal(await value(Infinity, "number"), '"Infinity"');
  assert.equal(await value(-Infinity, "number"), '"-Infinity"');
});

Deno.test("json: text in a number column that is no JSON number is a string", async () => {
  for (const text of ["", "+1", "01", ".5", "5.", "1_000", "0x10", " 1", "1\n", "true", "null"]) {
    assert.equal(await value(text, "decimal"), JSON.stringify(text));
  }
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
