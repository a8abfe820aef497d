/** Finding the params of a query. */

import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { placeholders } from "../../catalog/placeholders.ts";

/** Queries, and the names that are found in them. */
const CASES: readonly (readonly [query: string, names: readonly string[]])[] = [
  ["", []],
  ["select 1", []],
  [":a", ["a"]],
  ["select * from t where a=:org and b>=:since and c = :org", ["org", "since"]],
  ["limit :n;", ["n"]],
  [":a:b", ["a", "b"]],
  [":_x :Org1 :größe", ["_x", "Org1", "größe"]],
  // Strings.
  ["select ':a', 'it''s :b', '' || :c", ["c"]],
  ["select 'a\\', :b, 'c'", ["b"]],
  ["select E'a\\' :b', e'\\\\', E'it''s :c', :d", ["d"]],
  ["select name'x\\', :a, 'y'", ["a"]],
  ["select ':unfinished", []],
  ["select E'\\", []],
  // Identifiers in quotes.
  ['select ":a", "b"":c", :d', ["d"]],
  ["select `:a`, :b", ["b"]],
  ["select [:a], [it's :b], :c from [order items]", ["c"]],
  ["select [:unfinished", []],
  // Arrays and subscripts of PostgreSQL.
  ["select array[:a, :b], array [:c], x[:d], (y)[:e], z[1][:f]", ["a", "b", "c", "d", "e", "f"]],
  ["select array[[:a, :b], [:c, :d]], [:e]", ["a", "b", "c", "d"]],
  ["select x[1:2], x[lo : hi], x[:]", []],
  // Comments.
  ["select :a -- :b\n, :c", ["a", "c"]],
  ["select :a -- it's :b", ["a"]],
  ["select /* :a 'it''s */ :b /* :c", ["b"]],
  ["select /* /* :a */ :b", ["b"]],
  ["select 3 - -:a, 6 / :b * :c", ["a", "b", "c"]],
  // Casts.
  ["select x::date, :a::date, ':b'::text, y :: text, (:c)::int", ["a", "c"]],
  // Dollar quotes.
  ["select $$ :a ' $$, :b, $fn$ :c $$ :d $fn$, :e", ["b", "e"]],
  ["select $1, a$b$ :c", ["c"]],
  ["select $x$ never closed :a", ["a"]],
  // What is no placeholder.
  ["select ':', : a, x:=1, 12:30, a ? b, a @> b", []],
];

for (const [query, names] of CASES) {
  Deno.test(`the params of ${JSON.stringify(query)} are ${JSON.stringify(names)}`, () => {
    deepStrictEqual(placeholders(query), names);
  });
}

/** Text in which quotes, colons, comments and brackets are frequent. */
const SQL_TEXT = fc.array(
  fc.constantFrom(..."':\"`[]$\\-/*\n eExab_9é", ":a", "::", "--", "/*", "*/", "$$", "E'"),
  { maxLength: 40 },
).map((pieces) => pieces.join(""));

Deno.test("no string, quoted identifier or comment hides or adds a placeholder", () => {
  fc.assert(
    fc.property(SQL_TEXT, (text) => {
      const escapes = text.replace(/['\\]/g, "\\$&");
      const hidden = [
        `'${text.replaceAll("'", "''")}'`,
        `E'${escapes}'`,
        `"${text.replaceAll('"', '""')}"`,
        `\`${text.replaceAll("`", "``")}\``,
        `$q$${text}$q$`,
        `[${text.replaceAll("]", "")}]`,
        `-- ${text.replaceAll("\n", "")}\n`,
        `/* ${text.replaceAll("/", "")}*/`,
      ];
      for (const piece of hidden) {
        deepStrictEqual(placeholders(`:before, ${piece} :after`), ["before", "after"], piece);
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("any text at all is scanned to its end", () => {
  fc.assert(fc.property(SQL_TEXT, (text) => {
    for (const name of placeholders(text)) deepStrictEqual(text.includes(`:${name}`), true);
  }));
});
