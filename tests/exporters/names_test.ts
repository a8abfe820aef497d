import assert from "node:assert/strict";
import { uniqueNames } from "../../exporters/names.ts";
import { Warnings } from "../../exporters/warnings.ts";
import { column } from "./tables.ts";

function unique(names: readonly string[], toLegal?: (name: string) => string) {
  const warnings = new Warnings();
  const columns = names.map((name) => column(name));
  return { names: uniqueNames(columns, warnings, toLegal), warnings: warnings.list() };
}

Deno.test("names that are unique stay", () => {
  const names = ["id", "ID", "", "__proto__", "constructor", "a_2"];
  assert.deepEqual(unique(names), { names, warnings: [] });
});

Deno.test("repeats are numbered, past every name that is there", () => {
  assert.deepEqual(unique(["a", "a", "b", "a"]).names, ["a", "a_2", "b", "a_3"]);
  assert.deepEqual(unique(["a", "a", "a_2", "a"]).names, ["a", "a_3", "a_2", "a_4"]);
  assert.deepEqual(unique(["a_2", "a", "a", "a_2"]).names, ["a_2", "a", "a_3", "a_2_2"]);
  assert.deepEqual(unique(["", ""]).names, ["", "_2"]);
  assert.deepEqual(unique(["__proto__", "__proto__"]).names, ["__proto__", "__proto___2"]);
});

Deno.test("every renamed column is counted under its own name", () => {
  assert.deepEqual(unique(["a", "a", "a", "b", "b"]).warnings, [
    { kind: "column-renamed", column: "a", count: 2 },
    { kind: "column-renamed", column: "b", count: 1 },
  ]);
});

Deno.test("names are unique after they were made legal", () => {
  const { names, warnings } = unique(["a b", "a-b", "a_b"], (name) => name.replace(/\W/g, "_"));
  assert.deepEqual(names, ["a_b", "a_b_2", "a_b_3"]);
  assert.deepEqual(warnings.map(({ column }) => column), ["a b", "a-b", "a_b"]);
});

Deno.test("lone surrogates are replaced, counted and told apart", () => {
  const { names, warnings } = unique(["\ud800", "\ud801", "😀"]);
  assert.deepEqual(names, ["\ufffd", "\ufffd_2", "😀"]);
  assert.deepEqual(warnings.map(({ kind }) => kind), [
    "lone-surrogate",
    "lone-surrogate",
    "column-renamed",
    "column-renamed",
  ]);
});

Deno.test("sixteen thousand equal names take no quadratic time", () => {
  const { names } = unique(Array.from({ length: 16_384 }, () => "same"));
  assert.equal(new Set(names).size, 16_384);
  assert.equal(names.at(-1), "same_16384");
});
