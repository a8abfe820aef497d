import assert from "node:assert/strict";
import { ANONYMOUS, type Principal } from "../../access/principal.ts";
import { requestKey } from "../../requests/request_key.ts";
import { ask, taskOf } from "./fixture.ts";

function keyOf(
  file: string,
  pairs: Readonly<Record<string, string>> = {},
  { principal, now }: { principal?: Principal; now?: Date } = {},
): string {
  const request = ask(file, pairs, principal);
  return requestKey(request, taskOf(request, now));
}

Deno.test("a request has the key of an equal one, whenever it is made and whatever the file is called", () => {
  const key = keyOf("people.xlsx", { team: "ops" });
  assert.match(key, /^[0-9a-f]{64}$/);
  assert.equal(keyOf("people.xlsx", { team: "ops" }, { now: new Date(86_400_000) }), key);
  assert.equal(keyOf("people.xlsx", { team: "ops", _filename: "mine" }), key);
  assert.equal(keyOf("audit-log.csv"), keyOf("audit-log.csv", { since: "1970-01-01" }));
});

Deno.test("principal, exports, params, format, options, columns and delivery each make another key", () => {
  const keys = [
    keyOf("people.csv", { team: "ops" }),
    keyOf("people.csv", { team: "ops" }, { principal: { ...ANONYMOUS, id: "alice" } }),
    keyOf("people.csv", { team: "ops" }, { principal: { ...ANONYMOUS, tenant: "1" } }),
    keyOf("people.csv", { team: "ops" }, { principal: { ...ANONYMOUS, tenant: "2" } }),
    keyOf("people.csv", { team: "ops" }, { principal: { ...ANONYMOUS, subject: "1" } }),
    keyOf("people.csv", { team: "ops" }, { principal: { ...ANONYMOUS, credential: "1" } }),
    keyOf("people.csv", { team: "ops" }, { principal: { ...ANONYMOUS, caps: { maxBytes: 1 } } }),
    keyOf("people.csv", { team: "ops", _reason: "audit" }),
    keyOf("people.csv", { team: "dev" }),
    keyOf("people.xlsx", { team: "ops" }),
    keyOf("audit-log,people.xlsx", { team: "ops" }),
    keyOf("people,audit-log.xlsx", { team: "ops" }),
    keyOf("people.csv", { team: "ops", _dialect: "excel" }),
    keyOf("people.csv", { team: "ops", _header: "false" }),
    keyOf("people.csv", { team: "ops", _columns: "name" }),
    keyOf("people.csv", { team: "ops", _delivery: "whole" }),
    keyOf("audit-log.csv"),
    keyOf("audit-log.csv", { id: "9007199254740992" }),
  ];
  assert.equal(new Set(keys).size, keys.length);
});
