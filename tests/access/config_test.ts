/** `access` in the configuration. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { accessConfig, isEmpty, isSecretPath } from "../../access/config.ts";

const HASH = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

const KEY = { id: "k7f3q2", sha256: HASH };

const JWT = {
  issuer: "https://id.example.com/",
  audience: "spillway",
  jwks: "https://id.example.com/jwks.json",
};

const SECRET = "0123456789abcdef0123456789abcdef";

/** What is wrong with a section: `path: what was expected`. */
function mistakes(section: unknown): string[] {
  const result = accessConfig.safeParse(section);
  return (result.error?.issues ?? []).map((issue) => {
    const message = issue.code === "unrecognized_keys"
      ? `unknown ${issue.keys.join()}`
      : issue.code === "invalid_key"
      ? issue.issues[0]!.message
      : issue.message;
    return `${issue.path.join(".")}: ${message}`;
  });
}

Deno.test("the section of the design is read", () => {
  const config = accessConfig.parse({
    anonymous: false,
    keys: [{
      id: "k7f3q2",
      sha256: HASH.toUpperCase(),
      tenant: "42",
      exports: ["invoices", "audit-*"],
      formats: ["csv", "xlsx"],
      max_rows: 1000000,
      scopes: ["pii"],
      expires: "2027-01-01",
    }],
    jwt: {
      ...JWT,
      algorithms: ["RS256", "ES256", "EdDSA"],
      tenant: "org_id",
      subject: "sub",
      scopes: "scope",
      exports: "spillway_exports",
    },
    links: { secrets: { b: SECRET, a: SECRET }, max_age: "24h" },
  });
  deepStrictEqual(config, {
    anonymous: false,
    keys: [{
      id: "k7f3q2",
      sha256: HASH.toUpperCase(),
      tenant: "42",
      exports: ["invoices", "audit-*"],
      formats: ["csv", "xlsx"],
      caps: { maxRows: 1_000_000 },
      scopes: ["pii"],
      expires: 1_798_761_600_000,
    }],
    jwt: {
      ...JWT,
      algorithms: ["RS256", "ES256", "EdDSA"],
      tenant: "org_id",
      subject: "sub",
      scopes: "scope",
      exports: "spillway_exports",
    },
    links: { secrets: new Map([["b", SECRET], ["a", SECRET]]), maxAge: 86_400_000 },
  });
  deepStrictEqual([...config.links!.secrets.keys()], ["b", "a"]);
});

Deno.test("what is not said has its default", () => {
  deepStrictEqual(accessConfig.parse({}), { anonymous: false, keys: [] });
  deepStrictEqual(
    accessConfig.parse({ keys: [KEY], jwt: JWT, links: { secrets: { a: SECRET } } }),
    {
      anonymous: false,
      keys: [{ ...KEY, exports: ["*"], caps: {}, scopes: [] }],
      jwt: {
        ...JWT,
        algorithms: ["RS256", "ES256", "EdDSA"],
        subject: "sub",
        scopes: "scope",
      },
      links: { secrets: new Map([["a", SECRET]]), maxAge: 86_400_000 },
    },
  );
});

Deno.test("an empty section lets nobody in", () => {
  ok(isEmpty(accessConfig.parse({})));
  ok(isEmpty(accessConfig.parse({ keys: [] })));
  for (
    const section of [
      { anonymous: true },
      { keys: [KEY] },
      { jwt: JWT },
      { links: { secrets: { a: SECRET } } },
    ]
  ) ok(!isEmpty(accessConfig.parse(section)), JSON.stringify(section));
});

Deno.test("a key has the limits of its exports, and may be two at a time", () => {
  const { keys } = accessConfig.parse({
    keys: [
      { ...KEY, max_bytes: "20GiB", max_duration: "30m", subject: "nightly" },
      { ...KEY, id: "m4n8p6" },
    ],
  });
  deepStrictEqual(keys[0]!.caps, { maxBytes: 21_474_836_480, maxDuration: 1_800_000 });
  strictEqual(keys.length, 2);
});

Deno.test("an expiry is a day that is there, or a moment", () => {
  const read = (expires: unknown) =>
    accessConfig.safeParse({ keys: [{ ...KEY, expires }] }).data?.keys[0]?.expires;
  strictEqual(read("2027-01-01"), Date.UTC(2027, 0, 1));
  strictEqual(read("2027-01-01T09:00:00+09:00"), Date.UTC(2027, 0, 1));
  strictEqual(read("2028-02-29"), Date.UTC(2028, 1, 29));
  const wrong = [
    ...["2027-02-29", "2027-02-30T00:00Z", "2027-13-01", "2027-1-1", "01.01.2027", "2027", "never"],
    ...["2027-01-01T12:00:00", "2027-01-01T25:00:00Z", "2027-01-01 12:00Z", "", 2027, null],
  ];
  for (const expires of wrong) strictEqual(read(expires), undefined, String(expires));
});

Deno.test("every mistake says what was expected, in a noun", () => {
  const cases: [section: unknown, expected: string[]][] = [
    [{ anonymous: "yes" }, ["anonymous: true or false"]],
    [{ public: true }, [": unknown public"]],
    [{ keys: {} }, ["keys: a list of keys"]],
    [{ keys: [{ ...KEY, key: "x" }] }, ["keys.0: unknown key"]],
    [{ keys: [{ id: "K7", sha256: "2c26" }] }, [
      "keys.0.id: an id of 6 to 8 small letters and digits, as `spillway key new` makes it",
      "keys.0.sha256: the SHA-256 of a key, in 64 hexadecimal digits",
    ]],
    [{ keys: [KEY, { ...KEY, id: "m4n8p6" }, KEY] }, ["keys.2.id: an id of its own"]],
    [{ keys: [{ ...KEY, tenant: 42 }] }, ['keys.0.tenant: a tenant, in quotes such as "42"']],
    [{ keys: [{ ...KEY, tenant: "" }] }, ['keys.0.tenant: a tenant, in quotes such as "42"']],
    [{ keys: [{ ...KEY, exports: [] }] }, ["keys.0.exports: a list of exports"]],
    [{ keys: [{ ...KEY, exports: ["a b", "-x"] }] }, [
      "keys.0.exports.0: the name of an export, or a pattern such as audit-*",
      "keys.0.exports.1: the name of an export, or a pattern such as audit-*",
    ]],
    [{ keys: [{ ...KEY, formats: "csv" }] }, ["keys.0.formats: a list of formats"]],
    [{ keys: [{ ...KEY, scopes: ["a b"] }] }, ["keys.0.scopes.0: a scope"]],
    [{ keys: [{ ...KEY, max_rows: 0 }] }, ["keys.0.max_rows: a whole number of at least 1"]],
    [{ keys: [{ ...KEY, max_bytes: "5MB" }] }, [
      "keys.0.max_bytes: a size such as 512MiB or 20GiB",
    ]],
    [{ keys: [{ ...KEY, expires: "soon" }] }, [
      "keys.0.expires: a date such as 2027-01-01, or a date and time such as 2027-01-01T12:00:00Z",
    ]],
    [{ jwt: {} }, [
      "jwt.issuer: the issuer, as the claim iss of its tokens says it",
      "jwt.audience: the audience of tokens",
      "jwt.jwks: an https:// url without user, password and #; http:// is for loopback",
    ]],
    [{ jwt: { ...JWT, algorithms: ["HS256", "none"] } }, [
      "jwt.algorithms.0: one of RS256, ES256, EdDSA, Ed25519",
      "jwt.algorithms.1: one of RS256, ES256, EdDSA, Ed25519",
    ]],
    [{ jwt: { ...JWT, algorithms: [] } }, [
      "jwt.algorithms: a list of RS256, ES256, EdDSA, Ed25519",
    ]],
    [{ links: {} }, ["links.secrets: a mapping of names to secrets"]],
    [{ links: { secrets: {} } }, ["links.secrets: at least one secret"]],
    [{ links: { secrets: { a: "short" } } }, [
      "links.secrets.a: a secret of at least 32 bytes, such as openssl rand -base64 32 prints",
    ]],
    // Names that are numbers would be sorted, and another one would sign.
    [{ links: { secrets: { 2: SECRET } } }, [
      "links.secrets.2: the name of a secret is a letter, then letters, digits, - and _",
    ]],
    [{ links: { secrets: { a: SECRET }, max_age: "1y" } }, [
      "links.max_age: a duration such as 15m, 24h or 30d, of at least 1s and at most 366d",
    ]],
    [{ links: { secrets: { a: SECRET }, max_age: 60 } }, [
      "links.max_age: a duration such as 15m, 24h or 30d, of at least 1s and at most 366d",
    ]],
  ];
  for (const [section, expected] of cases) {
    deepStrictEqual(mistakes(section), expected, JSON.stringify(section));
  }
});

Deno.test("keys of an issuer come over TLS, or from this machine", () => {
  const read = (jwks: string) => accessConfig.safeParse({ jwt: { ...JWT, jwks } }).success;
  const right = [
    "https://id.example.com/jwks.json?v=1",
    "http://127.0.0.1:8080/jwks",
    "http://localhost/jwks",
    "http://[::1]:9000/jwks",
  ];
  for (const url of right) ok(read(url), url);
  const wrong = [
    ...["http://id.example.com/jwks", "http://127.0.0.1.example.com/", "http://10.0.0.1/"],
    ...["https://user:password@id.example.com/", "https://id.example.com/#x", "file:///etc/passwd"],
    ...["data:application/json,{}", "id.example.com", "", "http://localhost.example.com/"],
  ];
  for (const url of wrong) ok(!read(url), url);
});

Deno.test("a message may not show what stands where a secret does", () => {
  ok(isSecretPath(["links", "secrets", "a"]));
  ok(isSecretPath(["links", "secrets"]));
  // Where someone puts the key itself.
  ok(isSecretPath(["keys", 0, "sha256"]));
  ok(isSecretPath(["keys", 0, "id"]));
  for (const path of [[], ["keys", 0, "tenant"], ["jwt", "jwks"], ["links", "max_age"]]) {
    ok(!isSecretPath(path), path.join("."));
  }
  const text = JSON.stringify(mistakes({
    keys: [{ id: "k7f3q2", sha256: "sw_k7f3q2_canary" }],
    links: { secrets: { a: "canary" } },
  }));
  ok(!text.includes("canary"), text);
});
