import assert from "node:assert/strict";
import fc from "fast-check";
import { createSheetNames } from "../../../exporters/xlsx/sheet_names.ts";

function names(title: string, count = 3): string[] {
  const next = createSheetNames()(title);
  return Array.from({ length: count }, next);
}

const CASES: readonly (readonly [title: string, names: readonly string[]])[] = [
  ["Audit log", ["Audit log", "Audit log (2)", "Audit log (3)"]],
  ["", ["Sheet", "Sheet (2)", "Sheet (3)"]],
  ["'''", ["Sheet", "Sheet (2)", "Sheet (3)"]],
  ["  ", ["Sheet", "Sheet (2)", "Sheet (3)"]],
  ["a[b]c:d*e?f/g\\h", ["a_b_c_d_e_f_g_h", "a_b_c_d_e_f_g_h (2)", "a_b_c_d_e_f_g_h (3)"]],
  ["'Ann's'", ["Ann's", "Ann's (2)", "Ann's (3)"]],
  ["a\tb\0c", ["a_b_c", "a_b_c (2)", "a_b_c (3)"]],
  ["안녕 😀", ["안녕 😀", "안녕 😀 (2)", "안녕 😀 (3)"]],
  ["a\ud800", ["a\ufffd", "a\ufffd (2)", "a\ufffd (3)"]],
  ["History", ["History (2)", "History (3)", "History (4)"]],
  ["hISTORY", ["hISTORY (2)", "hISTORY (3)", "hISTORY (4)"]],
  ["1234567890123456789012345678901", [
    "1234567890123456789012345678901",
    "123456789012345678901234567 (2)",
    "123456789012345678901234567 (3)",
  ]],
  // The cut would leave half an emoji, and an apostrophe at the end.
  ["123456789012345678901234567890😀", [
    "123456789012345678901234567890",
    "123456789012345678901234567 (2)",
    "123456789012345678901234567 (3)",
  ]],
  ["123456789012345678901234567890'2", [
    "123456789012345678901234567890",
    "123456789012345678901234567 (2)",
    "123456789012345678901234567 (3)",
  ]],
  // The title is what its own second sheet would be called.
  ["123456789012345678901234567 (2)", [
    "123456789012345678901234567 (2)",
    "123456789012345678901234567 (3)",
    "123456789012345678901234567 (4)",
  ]],
];

for (const [title, expected] of CASES) {
  Deno.test(`sheet names of ${JSON.stringify(title)}`, () => {
    assert.deepEqual(names(title), expected);
  });
}

Deno.test("the names of any title are legal and unique", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 40 }), (title) => {
    const all = names(title, 12);
    assert.equal(new Set(all.map((name) => name.toLowerCase())).size, 12);
    for (const name of all) {
      assert.ok(name.length >= 1 && name.length <= 31, name);
      assert.ok(name.isWellFormed());
      assert.doesNotMatch(name, /[[\]:*?/\\]|^'|'$|^history$/i);
    }
  }));
});
