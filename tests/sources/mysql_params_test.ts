/** The placeholders of a MySQL query, as the configuration asks for them and as they are bound. */

import assert from "node:assert/strict";
import { bindParams, placeholders } from "../../sources/mysql_params.ts";

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
  ) assert.deepEqual(placeholders(query), names, query);
});

Deno.test("each placeholder is bound, as often as it stands there", () => {
  const { text, values } = bindParams("select ':a', :a, :b, :a", { a: "one", b: null });
  assert.equal(text, "select ':a', ?, ?, ?");
  assert.deepEqual(values, ["one", null, "one"]);
});
