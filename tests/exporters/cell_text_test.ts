import assert from "node:assert/strict";
import { createCellText, isNumeric, numberText } from "../../exporters/cell_text.ts";
import { COLUMN_TYPES } from "../../table/table.ts";
import { column } from "./tables.ts";

Deno.test("a cell is written as what it is, in a column of any type", () => {
  for (const type of COLUMN_TYPES) {
    const text = createCellText(column("a", type));
    assert.equal(text("2026-01-02 03:04"), "2026-01-02 03:04");
    assert.equal(text("=1"), "=1");
    assert.equal(text(1.5), "1.5");
    assert.equal(text(-9223372036854775808n), "-9223372036854775808");
    assert.equal(text(true), "true");
    assert.equal(text(false), "false");
    assert.equal(text(new Uint8Array([251, 255])), "+/8=");
  }
});

Deno.test("binary can be hex, as PostgreSQL reads it", () => {
  const text = createCellText(column("a", "binary"), { binary: "hex" });
  assert.equal(text(new Uint8Array([0, 171, 255])), "\\x00abff");
  assert.equal(text(new Uint8Array()), "\\x");
});

Deno.test("a datetime moves to its column's zone, other text there stays", () => {
  const text = createCellText(column("a", "datetime", "Asia/Seoul"));
  assert.equal(text("2026-01-02 03:04:05"), "2026-01-02T12:04:05+09:00");
  assert.equal(text("2026-01-02"), "2026-01-02");
  assert.equal(text("9999-12-31T23:59:59Z"), "9999-12-31T23:59:59Z");
  assert.equal(text(1767322800), "1767322800");
  const cell = createCellText(column("a", "datetime", "Asia/Seoul"), { datetime: "spreadsheet" });
  assert.equal(cell("2026-01-02T03:04:05Z"), "2026-01-02 12:04:05");
});

Deno.test("only a datetime column has a use for a zone", () => {
  for (const type of COLUMN_TYPES.filter((type) => type !== "datetime")) {
    const text = createCellText(column("a", type, "Asia/Seoul"));
    assert.equal(text("2026-01-02 03:04:05"), "2026-01-02 03:04:05");
  }
});

Deno.test("numbers are written in the fewest digits that read back", () => {
  const numbers = [0, -0, 0.1, 1e21, 1e-7, 5e-324, 9007199254740991, NaN, Infinity, -Infinity];
  assert.deepEqual(numbers.map(numberText), [
    "0",
    "-0",
    "0.1",
    "1e+21",
    "1e-7",
    "5e-324",
    "9007199254740991",
    "NaN",
    "Infinity",
    "-Infinity",
  ]);
});

Deno.test("isNumeric knows a number from what only begins as one", () => {
  const numbers = ["0", "-12.50", "+1", ".5", "5.", "1e5", "-1.5E-10", "007", "NaN", "-Infinity"];
  for (const text of numbers) assert.ok(isNumeric(text), text);
  const others = [
    "",
    "-",
    "+",
    ".",
    "1,5",
    "1 ",
    " 1",
    "1\n",
    "1e",
    "--1",
    "0x1",
    "1_0",
    "１",
    "-NaN1",
  ];
  for (const text of others) assert.ok(!isNumeric(text), text);
});
