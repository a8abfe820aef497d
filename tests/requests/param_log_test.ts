/** What the log says of the values of params. */

import assert from "node:assert/strict";
import { createParamLog } from "../../requests/param_log.ts";
import type { RunRequest } from "../../requests/run_request.ts";
import { load } from "../catalog/fixture.ts";

const SECRET = "0123456789abcdef0123456789abcdef";

const { exports } = load(
  `
sources: { app: { type: sqlite, path: ./app.db } }
exports:
  orders:
    source: app
    query: select :day, :actor, :ids, :note, :region
    params:
      day: { type: date, log: true }
      actor: { type: string }
      ids: { type: "integer[]", default: [1] }
      note: { type: string, required: false }
      region: { type: string, default: "\${REGION}", log: true }
  people:
    source: app
    query: select :org
    params: { org: { type: integer, from: tenant } }
`,
  { variables: { REGION: "north" } },
);

function requestOf(params: Record<string, Record<string, unknown>>): RunRequest {
  return {
    exports: Object.keys(params).map((name) => exports.get(name)!),
    params: Object.values(params),
  } as unknown as RunRequest;
}

const ORDERS = {
  day: "2026-01-31",
  actor: "ann@example.com",
  ids: [7, 8],
  note: null,
  region: "north",
};

Deno.test("a value stands in the log where the param says so, else a hash that a secret is needed for", () => {
  const { params, param_hashes: hashes } = createParamLog(() => SECRET).fields(
    requestOf({ orders: ORDERS }),
  );
  assert.deepEqual(params, { day: "2026-01-31", note: null });
  // printf 'spillway-log-v1\nactor\nann@example.com' | openssl dgst -sha256 -hmac "$SECRET"
  assert.equal(hashes!.actor, "57c8ae439d32ba7aec1a5ef23485aff2");
  assert.equal(hashes!.ids, "68308faae03d80e13435c9a3bde3b528");
  // What the environment put there is no value to show, whatever the param says.
  assert.deepEqual(Object.keys(hashes!), ["actor", "ids", "region"]);
});

Deno.test("params of several exports in one file are told apart", () => {
  const { params, param_hashes: hashes } = createParamLog(() => SECRET).fields(
    requestOf({ orders: ORDERS, people: { org: 42 } }),
  );
  assert.deepEqual(Object.keys(params!), ["orders.day", "orders.note"]);
  assert.equal(hashes!["people.org"], "44b1bfc47352a77bcf98fc3a03920a4c");
});

Deno.test("without a secret, hashes are those of one process", () => {
  const [one, other] = [createParamLog(() => undefined), createParamLog(() => undefined)];
  const request = requestOf({ people: { org: 42 } });
  assert.deepEqual(one.fields(request), one.fields(request));
  assert.notDeepEqual(one.fields(request), other.fields(request));
  assert.deepEqual(one.fields(requestOf({})), {});
});

Deno.test("what a source says of a value has the param's name instead", () => {
  const log = createParamLog(() => SECRET);
  const request = requestOf({
    orders: { ...ORDERS, ids: [7, 123], actor: "ann", note: "ann & co $&" },
  });
  assert.equal(
    log.hide("no user ann, ids 123 and 7, of ann & co $& since 2026-01-31 in north", request),
    "no user :actor, ids :ids and 7, of :note since 2026-01-31 in :region",
  );
});

Deno.test("a value that is logged is short, on one line, and no key", () => {
  const fields = (day: string) =>
    createParamLog(() => SECRET).fields(requestOf({ orders: { ...ORDERS, day } })).params!.day!;
  assert.equal(fields("a\nb\u202e"), "a%0Ab%E2%80%AE");
  assert.equal(fields("sw_k7f3q2xw_3sZ9Kq1mV5tWcJ8xRhB2nYpL"), "sw_*");
  assert.equal(fields("x".repeat(5000)).length, 201);
});
