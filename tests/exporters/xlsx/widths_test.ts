import assert from "node:assert/strict";
import type { Cell, ColumnType } from "../../../table/table.ts";
import { columnWidths } from "../../../exporters/xlsx/widths.ts";

function widthOf(type: ColumnType, cells: readonly Cell[]): number {
  return columnWidths([{ name: "c", title: "a", type }], cells.map((cell) => [cell]), true)[0]!;
}

function width(title: string, type: ColumnType, cell?: Cell, header = true): number {
  const rows = cell === undefined ? [] : [[cell]];
  return columnWidths([{ name: "c", title, type }], rows, header)[0]!;
}

Deno.test("a column is as wide as its title and the filter's button", () => {
  assert.equal(width("Occurred at (UTC)", "boolean", true), 17 + 3 + 2);
  assert.equal(width("Occurred at (UTC)", "boolean", true, false), 8);
});

Deno.test("a column is as wide as its value", () => {
  assert.equal(width("a", "integer", 1234567890), 10 + 4 + 2);
  assert.equal(width("a", "decimal", "-1234567.50"), 11 + 4 + 2);
  assert.equal(width("a", "string", "x".repeat(30)), 30 + 2);
  assert.equal(width("a", "date", "2026-01-02"), 10 + 2);
});

Deno.test("a column of times has room for fractions of a second that come later", () => {
  assert.equal(width("a", "datetime", "2026-01-02T03:04:05Z"), 19 + 2 + 2);
  assert.equal(width("a", "time"), 8 + 2 + 2);
  assert.equal(width("a", "duration"), 9 + 2 + 2);
});

Deno.test("a column is as wide as the widest of its first values", () => {
  assert.equal(widthOf("string", ["x", "x".repeat(40), null, "x".repeat(20)]), 40 + 2);
  assert.equal(widthOf("decimal", ["1.00", "-1234567.50", "2.00"]), 11 + 4 + 2);
});

Deno.test("a column has a least and a greatest width", () => {
  assert.equal(width("a", "integer", null), 8);
  assert.equal(width("a", "integer"), 8);
  assert.equal(width("a", "string"), 16 + 2);
  assert.equal(width("a", "string", "x".repeat(1_000_000)), 60);
  assert.equal(width("a", "integer", new Uint8Array(1_000_000)), 8);
});

Deno.test("the longest line counts, and wide characters twice", () => {
  assert.equal(width("a", "string", "short\n" + "x".repeat(20) + "\nshort"), 20 + 2);
  assert.equal(width("a", "string", "안".repeat(12)), 24 + 2);
  assert.equal(width("a", "string", "é".repeat(20)), 20 + 2);
});
