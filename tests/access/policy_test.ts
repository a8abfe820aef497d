/** What a principal may do. */

import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { AccessError } from "../../access/access_error.ts";
import {
  allowedFormats,
  assertFormat,
  masksFor,
  seesExport,
  strictestCaps,
} from "../../access/policy.ts";
import { ANONYMOUS, type Principal } from "../../access/principal.ts";

const PRINCIPAL: Principal = {
  ...ANONYMOUS,
  id: "key:k7f3q2",
  via: "key",
  exports: ["invoices", "audit-*"],
  formats: ["csv", "xlsx"],
  scopes: ["pii"],
};

Deno.test("a principal sees the exports that its patterns name", () => {
  const names = ["invoices", "invoices-2", "audit-log", "audit", "users"];
  deepStrictEqual(names.filter((name) => seesExport(PRINCIPAL, name)), ["invoices", "audit-log"]);
  deepStrictEqual(names.filter((name) => seesExport({ ...PRINCIPAL, exports: [] }, name)), []);
  deepStrictEqual(names.filter((name) => seesExport(ANONYMOUS, name)), names);
});

Deno.test("a principal may have the formats that it is for, of those that are offered", () => {
  deepStrictEqual(allowedFormats(PRINCIPAL, ["xlsx", "json", "csv"]), ["xlsx", "csv"]);
  deepStrictEqual(allowedFormats(ANONYMOUS, ["xlsx", "json"]), ["xlsx", "json"]);
  assertFormat(PRINCIPAL, "csv");
  assertFormat(ANONYMOUS, "json");
  throws(
    () => assertFormat(PRINCIPAL, "json"),
    (error) =>
      error instanceof AccessError && error.kind === "format" &&
      error.message === "format: your credential is for csv, xlsx, and not for json",
  );
});

Deno.test("of several limits the least holds", () => {
  deepStrictEqual(strictestCaps(), {});
  deepStrictEqual(strictestCaps({}, {}), {});
  deepStrictEqual(strictestCaps({ maxRows: 10 }, {}), { maxRows: 10 });
  deepStrictEqual(
    strictestCaps(
      { maxRows: 10, maxBytes: 5 },
      { maxRows: 20, maxDuration: 1 },
      { maxBytes: 4, maxRows: 11 },
    ),
    { maxRows: 10, maxBytes: 4, maxDuration: 1 },
  );
});

Deno.test("a column is masked unless the principal has its scope", () => {
  const rules = {
    email: { mask: "partial", unless: "pii" },
    phone: { mask: "redact" },
    card: { mask: "hash", unless: "cards" },
    __proto__: { mask: "redact" },
  } as const;
  deepStrictEqual({ ...masksFor(PRINCIPAL, rules) }, { phone: "redact", card: "hash" });
  deepStrictEqual({ ...masksFor(ANONYMOUS, rules) }, {
    email: "partial",
    phone: "redact",
    card: "hash",
  });
  const named = JSON.parse('{"__proto__":{"mask":"redact"},"constructor":{"mask":"hash"}}');
  deepStrictEqual(Object.entries(masksFor(ANONYMOUS, named)), [
    ["__proto__", "redact"],
    ["constructor", "hash"],
  ]);
  // A scope is a word, and no pattern.
  for (const scopes of [["*"], ["PII"], ["pii "], ["p"], []]) {
    strictEqual(masksFor({ ...PRINCIPAL, scopes }, rules).email, "partial", `${scopes}`);
  }
});
