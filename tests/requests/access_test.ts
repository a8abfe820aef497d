/** What a principal makes of a request: its params, its masks, its limits, and the key of its files. */

import assert from "node:assert/strict";
import { AccessError } from "../../access/access_error.ts";
import { ANONYMOUS, type Principal } from "../../access/principal.ts";
import { loadFormats } from "../../exporters/mod.ts";
import { findExports } from "../../requests/find_exports.ts";
import type { RequestError } from "../../requests/request_error.ts";
import { requestKey } from "../../requests/request_key.ts";
import { parseRequest } from "../../requests/run_request.ts";
import { toTask } from "../../requests/tasks.ts";
import { load } from "../catalog/fixture.ts";

const formats = await loadFormats();

const catalog = load(`
access: { mask_secret: 0123456789abcdef0123456789abcdef }
sources: { app: { type: sqlite, path: app.db } }
exports:
  mine:
    source: app
    query: select :org, :ids, :since
    params:
      org: { type: integer, from: tenant }
      ids: { type: "integer[]", from: "claim:ids", max_items: 2 }
      since: { type: date, default: 1970-01-01 }
    columns: { mail: { title: E-mail, mask: hash, unless: pii }, __proto__: { mask: redact } }
    max_rows: 1000
    truncate: true
    about: true
  open:
    source: app
    query: select :org
    params: { org: { type: integer, required: false } }
    max_bytes: 1MiB
`);

const ANN: Principal = {
  ...ANONYMOUS,
  id: "jwt:ann",
  via: "jwt",
  tenant: "42",
  claims: Object.assign(Object.create(null), { ids: [7, "8"] }),
  caps: { maxRows: 5000, maxDuration: 1000 },
};

function ask(names: string, pairs: readonly [string, string][] = [], principal = ANN) {
  const format = names.includes(",") ? "xlsx" : "csv";
  const file = findExports(names, format, { catalog, formats }, principal);
  return parseRequest(file, pairs, { principal, formats });
}

const taskOf = (request: ReturnType<typeof ask>) =>
  toTask(request, "identity", catalog, new Date(0));

Deno.test("params from the identity are typed values, and are nobody else's", () => {
  assert.deepEqual({ ...ask("mine").params[0] }, { since: "1970-01-01", org: 42, ids: [7, 8] });
  const refused = (names: string, pairs: [string, string][]) => {
    try {
      ask(names, pairs);
    } catch (error) {
      return (error as RequestError).issues;
    }
  };
  const sent = [{ name: "org", detail: "comes from who you are, and cannot be given" }];
  assert.deepEqual(refused("mine", [["org", "42"]]), sent);
  // It is a plain param of the other, which is no way around.
  assert.deepEqual(refused("mine,open", [["org", "43"]]), sent);
  assert.deepEqual(refused("open,mine", [["org", "43"], ["nope", "1"]]), [
    ...sent,
    { name: "nope", detail: "unknown param; there are org and since" },
  ]);
});

Deno.test("an identity without a value, or with one that does not fit, is no request", () => {
  const thrown = (more: Partial<Principal>) => {
    try {
      ask("mine", [], { ...ANN, ...more });
    } catch (error) {
      if (error instanceof AccessError) return [error.kind, error.issues.map(({ name }) => name)];
    }
  };
  const claims = (ids: unknown) => ({ claims: Object.assign(Object.create(null), { ids }) });
  assert.deepEqual(thrown({ tenant: "x" }), ["misfit", ["org"]]);
  assert.deepEqual(thrown(claims([1, 2, 3])), ["misfit", ["ids"]]);
  assert.deepEqual(thrown(claims("1,2")), ["misfit", ["ids"]]);
  assert.deepEqual(thrown(claims([])), ["missing", ["ids"]]);
  const { tenant: _, ...without } = ANN;
  assert.throws(() => ask("mine", [], without), /org: your credential has no tenant/);
});

Deno.test("a task has what is hidden from the principal, under a key of its tenant", () => {
  const [table] = taskOf(ask("mine")).tables;
  assert.deepEqual(Object.entries(table!.masks!), [["mail", "hash"], ["__proto__", "redact"]]);
  assert.match(table!.maskKey!, /^[\w-]{43}$/);
  assert.ok(!JSON.stringify(table).includes("0123456789abcdef"));
  const other = taskOf(ask("mine", [], { ...ANN, tenant: "43" })).tables[0]!;
  assert.notEqual(other.maskKey, table!.maskKey);
  const plain = taskOf(ask("mine", [], { ...ANN, scopes: ["pii"] })).tables[0]!;
  assert.deepEqual([Object.keys(plain.masks!), plain.maskKey], [["__proto__"], undefined]);
  assert.equal(taskOf(ask("open")).tables[0]!.masks, undefined);
});

Deno.test("the stricter limit holds, rows for each export and the others for the file", () => {
  const both = ask("mine,open");
  assert.deepEqual(both.caps, { maxRows: 1000, maxBytes: 1_048_576, maxDuration: 1000 });
  assert.deepEqual(
    taskOf(both).tables.map(({ maxRows, truncate }) => [maxRows, truncate]),
    [[1000, true], [5000, false]],
  );
  const about = taskOf(ask("mine,open")).options.about!.map(({ label, value }) => [label, value]);
  assert.deepEqual(about.slice(-2), [
    [
      "At most",
      "1000 rows. Rows beyond are left out: a table of so many may be a part of all rows.",
    ],
    ["Hidden", "E-mail (as a hash), __proto__ (all of it)"],
  ]);
});

Deno.test("what is seen, by whom and for whom, each make another file", () => {
  const keyOf = (more: Partial<Principal>) => {
    const request = ask("mine", [], { ...ANN, ...more });
    return requestKey(request, taskOf(request));
  };
  const keys = [
    keyOf({}),
    keyOf({ id: "jwt:bob" }),
    keyOf({ tenant: "43" }),
    keyOf({ subject: "ann" }),
    keyOf({ scopes: ["pii"] }),
    keyOf({ caps: { maxRows: 10 } }),
  ];
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(keyOf({ expires: 1 }), keys[0]);
});
