import assert from "node:assert/strict";
import { absoluteRange, columnLetters, tableRange } from "../../../exporters/xlsx/references.ts";

Deno.test("columnLetters from the first column to the last", () => {
  const letters = [0, 1, 25, 26, 27, 51, 52, 701, 702, 703, 16_383].map(columnLetters);
  assert.deepEqual(letters, ["A", "B", "Z", "AA", "AB", "AZ", "BA", "ZZ", "AAA", "AAB", "XFD"]);
});

Deno.test("tableRange ends at the last cell", () => {
  assert.equal(tableRange(1, 1), "A1:A1");
  assert.equal(tableRange(16_384, 1_048_576), "A1:XFD1048576");
});

Deno.test("absoluteRange doubles the apostrophes of a sheet's name", () => {
  assert.equal(absoluteRange("Ann's log", 10, 101), "'Ann''s log'!$A$1:$J$101");
});
