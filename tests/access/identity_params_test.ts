/** Params that come from the identity alone. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { identityParams, parseOrigin } from "../../access/identity_params.ts";
import { ANONYMOUS, type Principal } from "../../access/principal.ts";

const ORIGINS = new Map(
  [
    ["org", { kind: "tenant" }],
    ["me", { kind: "principal" }],
    ["team", { kind: "claim", name: "team_id" }],
  ] as const,
);

const CLAIMS: Record<string, unknown> = Object.assign(Object.create(null), { team_id: 7 });

const PRINCIPAL: Principal = {
  ...ANONYMOUS,
  id: "jwt:user-7",
  via: "jwt",
  tenant: "42",
  subject: "user-7",
  claims: CLAIMS,
};

/** What a claim becomes, or the kind of the issue that it is. */
function claimed(value: unknown): readonly string[] | string {
  const claims = Object.assign(Object.create(null), { team_id: value });
  const { values, issues } = identityParams(ORIGINS, [], { ...PRINCIPAL, claims });
  return values.get("team") ?? issues.map(({ name, kind }) => `${name} ${kind}`).join();
}

Deno.test("an origin is the tenant, the principal, or a claim by name", () => {
  deepStrictEqual(parseOrigin("tenant"), { kind: "tenant" });
  deepStrictEqual(parseOrigin("principal"), { kind: "principal" });
  deepStrictEqual(parseOrigin("claim:https://example.com/org"), {
    kind: "claim",
    name: "https://example.com/org",
  });
  for (const text of ["", "Tenant", "tenants", "claim", "claim:", "claims:x", " tenant", "url"]) {
    strictEqual(parseOrigin(text), undefined, text);
  }
});

Deno.test("values come from who asks", () => {
  const { values, issues } = identityParams(ORIGINS, ["since"], PRINCIPAL);
  deepStrictEqual([...values], [["org", ["42"]], ["me", ["user-7"]], ["team", ["7"]]]);
  deepStrictEqual(issues, []);
});

Deno.test("a value that the caller sends is refused, be it right, empty or given twice", () => {
  for (const sent of [["org"], ["org", "org"], ["since", "org"]]) {
    const { values, issues } = identityParams(ORIGINS, sent, PRINCIPAL);
    deepStrictEqual(issues, [{
      name: "org",
      kind: "sent",
      detail: "comes from who you are, and cannot be given",
    }]);
    strictEqual(values.has("org"), false);
  }
});

Deno.test("who has no such value is refused", () => {
  const { values, issues } = identityParams(ORIGINS, [], ANONYMOUS);
  deepStrictEqual([...values], []);
  deepStrictEqual(issues.map(({ name, kind, detail }) => `${name} ${kind}: ${detail}`), [
    "org missing: your credential has no tenant",
    "me missing: your credential has no subject",
    'team missing: your credential has no usable claim "team_id"',
  ]);
});

Deno.test("a claim is text, a number, true or false, or a list of them", () => {
  deepStrictEqual(claimed("a,b"), ["a,b"]);
  deepStrictEqual(claimed(["1", 2, true]), ["1", "2", "true"]);
  deepStrictEqual(claimed(-0), ["0"]);
  deepStrictEqual(claimed(0.5), ["0.5"]);
  deepStrictEqual(claimed(false), ["false"]);
  deepStrictEqual(claimed(9007199254740991), ["9007199254740991"]);
});

Deno.test("a claim that would be no limit, or another one, is none", () => {
  const useless = [
    undefined,
    null,
    "",
    [],
    [""],
    ["1", ""],
    [null],
    ["1", null],
    [["1"]],
    {},
    { $gt: "" },
    NaN,
    Infinity,
    // JSON.parse makes this of 9007199254740993, which is another tenant.
    9007199254740992,
    1e21,
    "\ud800",
  ];
  for (const value of useless) strictEqual(claimed(value), "team missing", String(value));
});

Deno.test("a name that every object has is no claim", () => {
  for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
    const origins = new Map([["x", { kind: "claim", name }]] as const);
    for (const claims of [CLAIMS, {}]) {
      const { values, issues } = identityParams(origins, [], { ...PRINCIPAL, claims });
      deepStrictEqual([values.size, issues.length], [0, 1], name);
    }
  }
});
