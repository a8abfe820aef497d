/** What is counted of cells, however many columns there are and whatever their names are. */

import assert from "node:assert/strict";
import { Warnings } from "../../exporters/warnings.ts";

Deno.test("a hundred columns are named, and the others are counted together", () => {
  const warnings = new Warnings();
  for (let index = 0; index < 16_384; index++) {
    warnings.count("other-type", `column ${index}`, 2);
    warnings.count("column-unnamed", `column ${index}`);
  }
  warnings.count("other-type", "column 49");
  const list = warnings.list();
  assert.equal(list.length, 102);
  assert.deepEqual(list.slice(98), [
    { kind: "other-type", column: "column 49", count: 3 },
    { kind: "column-unnamed", column: "column 49", count: 1 },
    { kind: "other-type", count: 2 * 16_334 },
    { kind: "column-unnamed", count: 16_334 },
  ]);
});

Deno.test("a long name is cut", () => {
  const warnings = new Warnings();
  warnings.count("other-type", "A".repeat(1_100_000));
  assert.deepEqual(warnings.list(), [
    { kind: "other-type", column: `${"A".repeat(200)}…`, count: 1 },
  ]);
});
