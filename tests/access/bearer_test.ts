/** Credentials in headers. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { readCredential } from "../../access/bearer.ts";

const KEY = "sw_k7f3q2_3sZ9Kq1mV5tWcJ8xRhB2nYpL";
const JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";

Deno.test("a key comes as Bearer or in X-Api-Key, a token as Bearer", () => {
  deepStrictEqual(readCredential({ authorization: `Bearer ${KEY}` }), { kind: "key", text: KEY });
  deepStrictEqual(readCredential({ apiKey: KEY }), { kind: "key", text: KEY });
  deepStrictEqual(readCredential({ authorization: `Bearer ${JWT}` }), { kind: "jwt", text: JWT });
});

Deno.test("the scheme is read in any case, with any number of spaces after it", () => {
  for (const scheme of ["bearer ", "BEARER ", "bEaReR   "]) {
    deepStrictEqual(readCredential({ authorization: scheme + KEY }), { kind: "key", text: KEY });
  }
});

Deno.test("X-Api-Key takes keys alone, and is compared as one whatever it holds", () => {
  deepStrictEqual(readCredential({ apiKey: JWT }), { kind: "key", text: JWT });
});

Deno.test("no header, and another scheme, are no credential", () => {
  const none = [
    {},
    { authorization: null, apiKey: null },
    { authorization: undefined, apiKey: undefined },
    { authorization: "" },
    { authorization: "Basic dXNlcjpwYXNzd29yZA==" },
    { authorization: "Negotiate YII=" },
    { authorization: `Bearerish ${KEY}` },
    { authorization: KEY },
  ];
  for (const headers of none) {
    deepStrictEqual(readCredential(headers), { kind: "none" }, JSON.stringify(headers));
  }
});

Deno.test("a key beside the Basic of a proxy is a key", () => {
  const headers = { authorization: "Basic dXNlcjpwYXNzd29yZA==", apiKey: KEY };
  deepStrictEqual(readCredential(headers), { kind: "key", text: KEY });
});

Deno.test("two credentials are refused, even where they are the same", () => {
  for (const apiKey of [KEY, JWT, "", "x y"]) {
    deepStrictEqual(readCredential({ authorization: `Bearer ${KEY}`, apiKey }), { kind: "two" });
  }
});

Deno.test("what cannot be a credential is refused before anything looks at it", () => {
  const malformed = [
    "Bearer",
    "Bearer ",
    `Bearer\t${KEY}`,
    `Bearer ${KEY} `,
    `Bearer ${KEY} x`,
    // Two headers, which come joined.
    `Bearer ${KEY}, Bearer ${JWT}`,
    `Bearer ${KEY},`,
    `Bearer "${KEY}"`,
    `Bearer ${KEY}\r\nX-Forwarded-For: 127.0.0.1`,
    `Bearer ${KEY}\n`,
    `Bearer ${KEY}\0`,
    "Bearer ümlaut",
    "Bearer =",
    "Bearer a=b",
    `Bearer ${"a".repeat(8193)}`,
    `Bearer ${"a".repeat(10_000_000)}!`,
  ];
  for (const authorization of malformed) {
    strictEqual(readCredential({ authorization }).kind, "malformed", authorization.slice(0, 80));
  }
  for (const apiKey of ["", " ", `${KEY}, ${KEY}`, `${KEY}\n`, "a".repeat(8193)]) {
    strictEqual(readCredential({ apiKey }).kind, "malformed", apiKey.slice(0, 80));
  }
  strictEqual(readCredential({ authorization: `Bearer ${"a".repeat(8192)}` }).kind, "jwt");
});
