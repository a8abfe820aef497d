/** What becomes of a cell in a column that an export declares to be of a type. */

import assert from "node:assert/strict";
import { cellConverter, createConverter } from "../../sources/converters.ts";
import type { Cell, ColumnType } from "../../table/table.ts";

type Value = NonNullable<Cell>;

/** A cell, and what it becomes; a cell alone stays what it is, as one of the type. */
type Case = readonly [cell: Value, becomes?: Value];

function check(type: ColumnType, cases: readonly Case[], others: readonly Value[] = []): void {
  const convert = createConverter(type);
  for (const [cell, becomes = cell] of cases) {
    // Strict equality would take -0 for 0.
    assert.deepStrictEqual(convert(cell), becomes, `${typeof cell} ${String(cell)} as ${type}`);
  }
  for (const cell of others) {
    assert.equal(convert(cell), undefined, `${typeof cell} ${String(cell)} is no ${type}`);
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);
const NO_TEXT = new Uint8Array([0xff, 0x00]);

Deno.test("integer: whole numbers, whatever they come as", () => {
  check("integer", [
    [42],
    [-0, 0],
    [1e20],
    [9007199254740993n],
    ["42", 42],
    ["-7", -7],
    ["+7", 7],
    ["-0", 0],
    ["007", 7],
    ["42.", 42],
    ["2180.0000000000000000", 2180],
    ["9007199254740991", 9007199254740991],
    ["9007199254740993", 9007199254740993n],
    ["-12345678901234567890.000", -12345678901234567890n],
    ["+12345678901234567890", 12345678901234567890n],
    // As `char(4)` is filled up.
    ["42  ", 42],
    [true, 1],
    [false, 0],
    [bytes("42"), 42],
  ], [
    0.5,
    NaN,
    Infinity,
    "0.5",
    "1e3",
    "",
    " ",
    "-",
    "x",
    "4 2",
    "0x10",
    "1".repeat(1001),
    NO_TEXT,
  ]);
});

Deno.test("number: the double that a text says", () => {
  check("number", [
    [0.1],
    [-0],
    [NaN],
    [-Infinity],
    [9007199254740993n, 9007199254740992],
    ["2180.0000000000000000", 2180],
    ["3.3333333333333333", 3.3333333333333335],
    ["-.5", -0.5],
    ["5.", 5],
    ["+1.5e-7", 1.5e-7],
    ["-0", -0],
    ["1e-400", 0],
    // PostgreSQL's numeric has these, as its float8 has.
    ["NaN", NaN],
    ["-Infinity", -Infinity],
    [true, 1],
    [bytes("0.5"), 0.5],
  ], ["1e400", "", ".", "e5", "1,5", "$1", "nan", "x", NO_TEXT]);
});

Deno.test("decimal: every digit stays", () => {
  check("decimal", [
    ["12345678901234567890.10"],
    ["-0.50"],
    [".5"],
    ["1e3"],
    ["NaN"],
    [" 1.10 ", "1.10"],
    [0.1],
    [12345678901234567890n],
    [true, 1],
    [bytes("1.10"), "1.10"],
  ], ["", "$1.00", "1,5", "x", NO_TEXT]);
});

Deno.test("boolean: 0 and 1, and the words of databases", () => {
  check("boolean", [
    [true],
    [false],
    [1, true],
    [0, false],
    [-0, false],
    ["1", true],
    ["0", false],
    ["t", true],
    ["f", false],
    ["true", true],
    ["FALSE", false],
    [bytes("t"), true],
  ], [2, -1, 0.5, 1n, "", "2", "yes", "no", "maybe", NO_TEXT]);
});

Deno.test("date: a day, or the midnight of one on its own clock", () => {
  check("date", [
    ["2021-01-01"],
    ["2024-02-29"],
    ["0001-01-01"],
    ["2021-01-01 00:00:00", "2021-01-01"],
    ["2021-01-01T00:00:00", "2021-01-01"],
    ["2021-01-01 00:00", "2021-01-01"],
    ["2021-01-01 00:00:00.000000", "2021-01-01"],
    ["2021-01-01 00:00:00+00:00", "2021-01-01"],
    ["2021-01-01T00:00:00Z", "2021-01-01"],
    ["2021-01-01T00:00:00+09:00", "2021-01-01"],
    ["2021-01-01 00:00:00-0330", "2021-01-01"],
    // What PostgreSQL has beyond four digits.
    ["infinity"],
    ["-infinity"],
    ["0044-03-15 BC"],
    ["0044-03-15 00:00:00 BC", "0044-03-15 BC"],
    ["0044-03-15 00:00:00+00:00 BC", "0044-03-15 BC"],
    ["0005-02-29 BC"],
    ["12026-01-02 00:00:00", "12026-01-02"],
    // What MySQL has of a date that nobody knows whole.
    ["0000-00-00"],
    ["2026-00-00 00:00:00", "2026-00-00"],
    [bytes("2021-01-01"), "2021-01-01"],
  ], [
    "2021-01-01 00:00:01",
    "2021-01-01 00:00:00.000001",
    "2021-01-01 15:00:00+00:00",
    "2021-01-01 00:00:00 UTC",
    "2021-02-29",
    "2021-04-31",
    "0004-02-29 BC",
    "2021-13-01",
    "2021-01-32",
    "2021-1-1",
    "01/02/2021",
    "20210101",
    "soon",
    "",
    20210101,
    true,
    NO_TEXT,
  ]);
});

Deno.test("datetime: a datetime as it is, or the midnight of a day", () => {
  check("datetime", [
    ["2021-01-01 03:04:05"],
    ["2021-01-01T03:04:05.123456Z"],
    ["2021-01-01 03:04"],
    ["2021-01-01 03:04:05+09"],
    ["2021-01-01 03:04:05+00:00"],
    ["0044-03-15 00:00:00+00:00 BC"],
    ["infinity"],
    ["2021-01-01", "2021-01-01 00:00:00"],
    ["0044-03-15 BC", "0044-03-15 00:00:00 BC"],
    ["0000-00-00 00:00:00"],
  ], ["2021-01-01 24:00:00", "2021-02-30 00:00:00", "03:04:05", "", 0, 0n]);
});

Deno.test("time: of the day; a day or more is a duration", () => {
  check("time", [
    ["23:59:59.5"],
    ["03:04"],
    ["24:00:00", "PT24H0M0S"],
    ["-00:30:00", "-PT0H30M0S"],
    ["838:59:59", "PT838H59M59S"],
    ["PT3H4M5.25S", "03:04:05.25"],
    ["PT0S", "00:00:00"],
    ["PT36H"],
    ["-PT5M"],
    ["PT90M"],
  ], ["03:04:05+09:30", "2021-01-01 03:04:05", "P1D", "PT", "3:04", "03:60", "", 3600]);
});

Deno.test("duration: ISO 8601 as it is, a time as one, or seconds", () => {
  check("duration", [
    ["PT36H5M6.25S"],
    ["P1Y-2M3DT4H-5.5S"],
    ["-P2W"],
    ["03:04:05.50", "PT3H4M5.50S"],
    ["00:00:00", "PT0H0M0S"],
    ["-36:05:06", "-PT36H5M6S"],
    ["12:30", "PT12H30M0S"],
    [90.5],
    ["5430.000000", 5430],
  ], ["P", "PT", "1 day", "", NaN, "NaN", "2021-01-01", true]);
});

Deno.test("string: what CSV writes of a cell", () => {
  check("string", [
    [""],
    ["2021-01-01 00:00:00"],
    [42, "42"],
    [-0, "-0"],
    [0.1, "0.1"],
    [1e21, "1e+21"],
    [NaN, "NaN"],
    [9007199254740993n, "9007199254740993"],
    [true, "true"],
    [false, "false"],
    [bytes("\ufeffé 🎉"), "\ufeffé 🎉"],
  ], [NO_TEXT]);
});

Deno.test("json: what JSON is, and what is no JSON", () => {
  check("json", [
    ['{"a": 1.50}'],
    ["null"],
    ["12345678901234567890"],
    [1.5],
    [true],
    [9007199254740993n],
    [bytes('{"a": 1}'), '{"a": 1}'],
  ], ["", "{a: 1}", "abc", NaN, NO_TEXT]);
});

Deno.test("binary: bytes, or base64", () => {
  check("binary", [
    [NO_TEXT],
    ["/wA=", NO_TEXT],
    ["", new Uint8Array(0)],
  ], ["/wA", "not base64", 5, true]);
});

Deno.test("a column that is held to its type needs a converter only where a cell may change", () => {
  const needs = (type: ColumnType, declared: ColumnType, strict: boolean) =>
    cellConverter({ name: "a", type, strict }, declared, () => {}) !== undefined;
  for (const type of ["integer", "decimal", "date", "datetime", "json", "binary"] as const) {
    assert.equal(needs(type, type, true), false, type);
    assert.equal(needs(type, type, false), true, type);
  }
  assert.equal(needs("datetime", "string", true), false);
  assert.equal(needs("integer", "decimal", true), false);
  assert.equal(needs("integer", "string", true), true);
  assert.equal(needs("decimal", "number", true), true);
  assert.equal(needs("datetime", "date", true), true);
});
