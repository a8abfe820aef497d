/** The placeholders of a MySQL query, as the configuration asks for them and as they are bound. */

import assert from "node:assert/strict";
import { bindParams } from "../../../sources/mysql/params.ts";
import { placeholders, type SqlMode } from "../../../sources/mysql/query.ts";
import type { ParamType, Query } from "../../../sources/source.ts";

Deno.test("a query's placeholders are found, each once and in order", () => {
  for (
    const [query, names] of [
      ["select 1", []],
      ["select a from t where b = :b and c >= :since limit :b", ["b", "since"]],
      ["select ':no', \":no\", `:no`, 5--:n -- :no\n, :yes # :no\n, /* :no */ 'it\\':s', :é", [
        "n",
        "yes",
        "é",
      ]],
    ] as const
  ) assert.deepEqual(placeholders(query, []), names, query);
});

/** A query that several modes can read, and what it is to each of them. */
const BY_MODE: readonly (readonly [query: string, mode: SqlMode, text: string])[] = [
  // By default a backslash hides a quote, in either kind of string.
  [`select 'a\\' :a \\'', :b`, {}, `select 'a\\' :a \\'', ?`],
  [`select "a\\" :a \\"", :b`, {}, `select "a\\" :a \\"", ?`],
  [`select 'a\\' :a \\'', :b`, { ansiQuotes: true }, `select 'a\\' :a \\'', ?`],
  // NO_BACKSLASH_ESCAPES: the string has ended.
  [`select 'a\\' :a \\'', :b`, { plainBackslash: true }, `select 'a\\' ? \\'', ?`],
  [`select "a\\" :a \\"", :b`, { plainBackslash: true }, `select "a\\" ? \\"", ?`],
  // ANSI_QUOTES: the name has ended.
  [`select "a\\" :a \\"", :b`, { ansiQuotes: true }, `select "a\\" ? \\"", ?`],
];

Deno.test("a query is read as the server's mode reads it", () => {
  for (const [text, mode, expected] of BY_MODE) {
    assert.equal(bindParams({ text, params: { a: 1, b: 2 } }, mode).text, expected, text);
  }
});

Deno.test("without a server's word, what one mode reads as a declared param is one", () => {
  for (const [text] of BY_MODE) {
    // What not every mode reads as a param need not be declared.
    assert.deepEqual(placeholders(text, ["b"]), ["b"], text);
    assert.deepEqual(placeholders(text, ["a", "b"]).toSorted(), ["a", "b"], text);
    assert.deepEqual(placeholders(text, []), ["b"], text);
  }
  // Only one mode finds the ends of these strings.
  assert.deepEqual(placeholders(`select 'a\\' :a', :b`, ["a"]), ["b"]);
  assert.deepEqual(placeholders(`select 'a\\', :a, '\\', :b`, ["a"]), ["a", "b"]);
  assert.deepEqual(placeholders(`select :a, 'b\\', ':b\\'`, []), ["a"]);
  assert.deepEqual(placeholders(`select "a\\", :a, '\\', :b'`, ["a"]), ["a"]);
});

const bind = (text: string, params: Query["params"], types: Record<string, ParamType> = {}) => {
  const bound = bindParams({ text, params, types });
  return { text: bound.text, values: bound.params.map(({ name, value }) => [name, value]) };
};

Deno.test("each placeholder is bound, as often as it stands there", () => {
  assert.deepEqual(bind("select ':a', :a, :b, :a", { a: "one", b: null }), {
    text: "select ':a', ?, ?, ?",
    values: [["a", "one"], ["b", null], ["a", "one"]],
  });
});

Deno.test("a list is as many values as it has items, and a query without rows where it has none", () => {
  const text = "select 1 where (:l is null or a in (:l)) and b not in ( :l )";
  assert.deepEqual(bind(text, { l: [1, 2] }), {
    text: "select 1 where (? is null or a in (?, ?)) and b not in ( ?, ? )",
    values: [["l", true], ["l", 1], ["l", 2], ["l", 1], ["l", 2]],
  });
  assert.deepEqual(bind(text, { l: [] }), {
    text: "select 1 where (? is null or a in (select null from dual where false)) " +
      "and b not in ( select null from dual where false )",
    values: [["l", true]],
  });
  assert.deepEqual(bind(text, { l: null }, { l: "integer[]" }), {
    text: "select 1 where (? is null or a in (?)) and b not in ( ? )",
    values: [["l", null], ["l", null], ["l", null]],
  });
});

Deno.test("a list elsewhere is refused, and a single value in an `in` is none", () => {
  const misplaced =
    /^SourceError: Cannot run the query: the list :l stands where a single value does; it is for in \(:l\)$/;
  for (const text of ["select :l", "select 1 where a = :l", "select 1 where a in (:l, 5)"]) {
    assert.throws(() => bind(text, { l: [1] }), misplaced);
    assert.throws(() => bind(text, { l: null }, { l: "date[]" }), misplaced);
  }
  assert.deepEqual(bind("select 1 where a in (:v)", { v: 5 }), {
    text: "select 1 where a in (?)",
    values: [["v", 5]],
  });
});
