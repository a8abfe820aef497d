import assert from "node:assert/strict";
import { bind as bindStatement } from "../../../sources/postgres/params.ts";
import { parseQuery, placeholders } from "../../../sources/postgres/query.ts";
import { SourceError } from "../../../sources/source.ts";

const PARAMS = { a: "1", b: 2.5, c: null, d: true, e: 9007199254740993n };

function bind(text: string) {
  const query = { text, params: PARAMS };
  const bound = bindStatement(parseQuery(text, Object.keys(PARAMS)), query);
  return { text: bound.text, values: bound.params.map(({ value }) => value) };
}

Deno.test("params become $1, $2, … in the order of their names, and their values text", () => {
  assert.deepEqual(bind("select :b, :a, :b, :c, :d, :e"), {
    text: "select $1, $2, $1, $3, $4, $5",
    values: ["2.5", "1", null, "true", "9007199254740993"],
  });
});

Deno.test("what ends a slice is no param", () => {
  for (
    const text of [
      "select x[1:a]",
      "select x[ i :a]",
      "select x[i+1:a]",
      "select (f(1))[f(2):a]",
      "select x[1][2:a]",
      'select "x"[1:a]',
      "select x[:n]",
      "select array[1,2][1:a]",
    ]
  ) {
    assert.deepEqual(bind(text), { text, values: [] });
  }
});

Deno.test("a param in a subscript is one where it can be no slice, and where one is declared", () => {
  assert.equal(bind("select x[:a]").text, "select x[$1]");
  assert.equal(bind("select x[ :a : :b ]").text, "select x[ $1 : $2 ]");
  assert.equal(bind("select x[1: :a]").text, "select x[1: $1]");
  assert.equal(bind("select x[1+:a]").text, "select x[1+$1]");
  assert.equal(bind("select x[f(1, :a)]").text, "select x[f(1, $1)]");
  assert.equal(bind("select array[1, :a], array [:a]").text, "select array[1, $1], array [$1]");
  assert.equal(bind("select array[[:a],[1,:b]]").text, "select array[[$1],[1,$2]]");
});

Deno.test("a cast, a string, an identifier and a comment hold no params", () => {
  for (
    const text of [
      "select '2026-01-01'::a",
      "select ':a'",
      "select 'it''s :a'",
      "select E'\\':a'",
      "select $$ :a $$",
      "select $tag$ :a $$ :b $tag$",
      'select 1 as ":a"',
      "select 1 -- :a",
      "select 1 /* :a /* :b */ :a */",
      "select 1 /* unfinished :a",
      "select x[1:unknown]",
    ]
  ) {
    assert.deepEqual(bind(text), { text, values: [] });
  }
});

Deno.test("a param stands wherever an expression can", () => {
  assert.equal(bind("select :a::int").text, "select $1::int");
  assert.equal(bind("select array[:a,:b]").text, "select array[$1,$2]");
  assert.equal(bind("select 'x'||:a||'y'").text, "select 'x'||$1||'y'");
  assert.equal(bind("select '\\':a").text, "select '\\'$1");
  assert.equal(bind("select a$b$c, :a").text, "select a$b$c, $1");
});

Deno.test("a semicolon and what is nothing may follow", () => {
  assert.equal(bind("select 1; -- done\n ; /* ; */ ").text, "select 1");
  assert.equal(bind("select ';' ;").text, "select ';' ");
  assert.equal(bind("(select 1) -- ;").text, "(select 1) -- ;");
});

Deno.test("what is no single query is refused", () => {
  for (const text of ["select 1; select 2", "select 1; /* */ :a", "select 1;$1"]) {
    assert.throws(() => bind(text), /^SourceError: .*: a second statement follows the first$/);
  }
  for (
    const text of [
      "",
      "-- select",
      "delete from t",
      "call p()",
      "do $$ begin end $$",
      "explain analyze select 1",
      "selection",
      "/* select */ commit",
    ]
  ) {
    assert.throws(() => bind(text), /only SELECT, VALUES, TABLE or WITH … SELECT can be exported$/);
  }
  assert.throws(() => bind("select $1"), SourceError);
  for (const text of [" values (1)", "Table t", "with a as (select 1) select 1", "((select 1))"]) {
    assert.equal(bind(text).text, text);
  }
});

Deno.test("placeholders are the names, each once", () => {
  assert.deepEqual(placeholders("select :b, ':c', :a::int, :b -- :d", []), ["b", "a"]);
  assert.deepEqual(placeholders("select x[1:n], x[:n], x[m:n], array[:m]", []), ["m"]);
  assert.deepEqual(placeholders("select x[1:n], x[:n], array[:m]", ["n"]), ["n", "m"]);
});
