/** Tokens: those that are taken, and the attacks of RFC 8725. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { JwtSetting } from "../../access/jwt_setting.ts";
import type { Principal } from "../../access/principal.ts";
import {
  CLAIMS,
  createIssuer,
  EC,
  ED,
  forge,
  issuerKey,
  NOW,
  RSA,
  RSA_PEM,
  signToken,
  verifierOf,
} from "./tokens.ts";

/** Why a token is refused, or who it is of. */
async function outcome(
  token: string,
  setting: Partial<JwtSetting> = {},
  issuer = createIssuer(),
): Promise<string> {
  const found = await verifierOf(issuer, setting).verify(token);
  return "reason" in found ? found.reason : found.id;
}

/** What a token with more or other claims becomes. */
async function withClaims(
  claims: Readonly<Record<string, unknown>>,
  setting: Partial<JwtSetting> = {},
): Promise<string> {
  return await outcome(await signToken(EC, { alg: "ES256", kid: "ec" }, claims), setting);
}

Deno.test("a token gives what its claims say", async () => {
  const token = await signToken(EC, { alg: "ES256", kid: "ec" });
  const principal = await verifierOf(createIssuer()).verify(token) as Principal;
  deepStrictEqual({ ...principal, claims: { ...principal.claims } }, {
    id: "jwt:user-7",
    via: "jwt",
    tenant: "42",
    subject: "user-7",
    scopes: ["pii", "read"],
    exports: ["*"],
    caps: {},
    claims: CLAIMS,
    expires: (NOW + 600) * 1000,
  });
  strictEqual(Object.getPrototypeOf(principal.claims), null);
  ok(!Deno.inspect(principal, { depth: 10 }).includes(token.split(".")[2]!));
});

Deno.test("each configured algorithm is taken, EdDSA by both of its names", async () => {
  const tokens = [
    await signToken(RSA, { alg: "RS256", kid: "rsa" }),
    await signToken(EC, { alg: "ES256", kid: "ec" }),
    await signToken(ED, { alg: "EdDSA", kid: "ed" }),
    await signToken(ED, { alg: "Ed25519", kid: "ed" }),
  ];
  for (const token of tokens) strictEqual(await outcome(token), "jwt:user-7");
  const names = await Promise.all(
    tokens.map((token) => outcome(token, { algorithms: ["Ed25519"] })),
  );
  deepStrictEqual(names, ["jwt-algorithm", "jwt-algorithm", "jwt:user-7", "jwt:user-7"]);
  // Whatever name the issuer gives its key.
  for (const alg of ["EdDSA", "Ed25519", undefined]) {
    const { alg: _, ...jwk } = ED.jwk;
    const issuer = createIssuer([alg === undefined ? jwk : { ...jwk, alg }]);
    strictEqual(await outcome(tokens[2]!, {}, issuer), "jwt:user-7");
    strictEqual(await outcome(tokens[3]!, {}, issuer), "jwt:user-7");
  }
});

Deno.test("an algorithm that is not configured is refused before keys are asked for", async () => {
  const issuer = createIssuer();
  const token = await signToken(RSA, { alg: "RS256", kid: "rsa" });
  strictEqual(await outcome(token, { algorithms: ["ES256"] }, issuer), "jwt-algorithm");
  deepStrictEqual(issuer.asked, []);
});

Deno.test("no algorithm is none, in any spelling", async () => {
  for (const alg of ["none", "None", "NONE", "nOnE", "", "HS0", null, 0, ["ES256"], {}]) {
    for (const signature of ["", "AA"]) {
      const reason = await outcome(forge({ alg, kid: "ec" }, CLAIMS, signature));
      ok(["jwt-algorithm", "jwt-malformed"].includes(reason), `${alg}: ${reason}`);
    }
  }
  // Without a header field at all, and without a signature.
  strictEqual(await outcome(forge({ kid: "ec" }, CLAIMS)), "jwt-malformed");
  const token = await signToken(EC, { alg: "ES256", kid: "ec" });
  const bare = token.slice(0, token.lastIndexOf(".") + 1);
  strictEqual(await outcome(bare), "jwt-signature");
  strictEqual(await outcome(bare.slice(0, -1)), "jwt-malformed");
});

Deno.test("a public key is no secret of HMAC", async () => {
  const secrets = [RSA_PEM, RSA_PEM.trim(), JSON.stringify(RSA.jwk), RSA.jwk.n!, ""];
  for (const secret of secrets) {
    for (const alg of ["HS256", "HS384", "HS512"]) {
      const bytes = Buffer.from(secret.padEnd(1, "x"));
      const token = await signToken(new Uint8Array(bytes), { alg, kid: "rsa" });
      strictEqual(await outcome(token), "jwt-algorithm", `${alg} ${secret.slice(0, 30)}`);
    }
  }
});

Deno.test("a secret that an issuer shows among its keys verifies nothing", async () => {
  const secret = new Uint8Array(32).fill(7);
  const k = Buffer.from(secret).toString("base64url");
  const issuer = createIssuer([{ kty: "oct", kid: "hmac", alg: "HS256", k }]);
  const token = await signToken(secret, { alg: "HS256", kid: "hmac" });
  strictEqual(await outcome(token, {}, issuer), "jwt-algorithm");
});

Deno.test("a key of another kind than the algorithm is not tried", async () => {
  const token = await signToken(EC, { alg: "ES256", kid: "rsa" });
  strictEqual(await outcome(token), "jwt-key-unknown");
  // The same key under the name of another algorithm of its kind.
  const pss = await signToken(await issuerKey("PS256", "rsa"), { alg: "PS256", kid: "rsa" });
  strictEqual(await outcome(pss), "jwt-algorithm");
});

Deno.test("a token that another key signed is refused, whatever it says of its key", async () => {
  const stranger = await issuerKey("ES256", "ec");
  const rsa = await issuerKey("RS256", "rsa");
  const elsewhere = "https://evil.example.com/jwks.json";
  const headers = [
    { kid: "ec" },
    { kid: "ec", jwk: stranger.jwk },
    { kid: "ec", jku: elsewhere },
    { kid: "ec", x5u: elsewhere, "x5t#S256": "AA" },
    { kid: "ec", x5c: ["AAAA"] },
    { jwk: stranger.jwk },
  ];
  for (const header of headers) {
    const issuer = createIssuer();
    const token = await signToken(stranger, { alg: "ES256", ...header });
    strictEqual(await outcome(token, {}, issuer), "jwt-signature", JSON.stringify(header));
    deepStrictEqual(issuer.asked, ["https://id.example.com/jwks.json"]);
  }
  strictEqual(
    await outcome(await signToken(rsa, { alg: "RS256", kid: "rsa", jku: elsewhere })),
    "jwt-signature",
  );
});

Deno.test("the kid chooses the key; without one the algorithm must leave one", async () => {
  const other = await issuerKey("ES256", "ec-2");
  const both = createIssuer([EC.jwk, other.jwk]);
  const named = await signToken(other, { alg: "ES256", kid: "ec-2" });
  const unnamed = await signToken(EC, { alg: "ES256" });
  strictEqual(await outcome(named, {}, both), "jwt:user-7");
  strictEqual(await outcome(unnamed, {}, both), "jwt-key-unknown");
  strictEqual(await outcome(unnamed), "jwt:user-7");
  for (const kid of ["", "ec'--", "../../etc/passwd", "__proto__", 5, null, ["ec"]]) {
    const reason = await outcome(forge({ alg: "ES256", kid }, CLAIMS, "AA"));
    ok(["jwt-key-unknown", "jwt-signature", "jwt-malformed"].includes(reason), `${kid}: ${reason}`);
  }
});

Deno.test("issuer and audience are those of the configuration, to the letter", async () => {
  const table: [claims: Record<string, unknown>, expected: string][] = [
    [{ iss: "https://evil.example.com/" }, "jwt-issuer"],
    [{ iss: "https://id.example.com" }, "jwt-issuer"],
    [{ iss: "https://ID.example.com/" }, "jwt-issuer"],
    [{ iss: ["https://id.example.com/"] }, "jwt-issuer"],
    [{ iss: undefined }, "jwt-claims"],
    [{ aud: "other" }, "jwt-audience"],
    [{ aud: "spillway2" }, "jwt-audience"],
    [{ aud: [] }, "jwt-audience"],
    [{ aud: ["other"] }, "jwt-audience"],
    [{ aud: { spillway: true } }, "jwt-audience"],
    [{ aud: undefined }, "jwt-claims"],
    [{ aud: ["other", "spillway"] }, "jwt:user-7"],
  ];
  for (const [claims, expected] of table) {
    strictEqual(await withClaims({ ...CLAIMS, ...claims }), expected, JSON.stringify(claims));
  }
});

Deno.test("a token must end, has not ended, and has begun", async () => {
  const table: [claims: Record<string, unknown>, expected: string][] = [
    [{ exp: undefined }, "jwt-claims"],
    [{ exp: null }, "jwt-claims"],
    [{ exp: `${NOW + 600}` }, "jwt-claims"],
    [{ exp: NOW - 3600 }, "jwt-expired"],
    [{ exp: NOW }, "jwt-expired"],
    [{ exp: -1 }, "jwt-expired"],
    [{ exp: NOW + 0.5 }, "jwt:user-7"],
    [{ exp: NOW + 1 }, "jwt:user-7"],
    [{ nbf: NOW + 3600 }, "jwt-not-yet"],
    [{ nbf: NOW + 31 }, "jwt-not-yet"],
    [{ nbf: `${NOW}` }, "jwt-claims"],
    // The clocks of two machines differ a little.
    [{ nbf: NOW + 30 }, "jwt:user-7"],
    [{ nbf: NOW - 3600 }, "jwt:user-7"],
  ];
  for (const [claims, expected] of table) {
    strictEqual(await withClaims({ ...CLAIMS, ...claims }), expected, JSON.stringify(claims));
  }
});

Deno.test("an end that no clock reaches is none", async () => {
  const text = JSON.stringify({ ...CLAIMS, exp: 0 }).replace(/"exp":0/, '"exp":1e999');
  const { CompactSign } = await import("jose");
  const token = await new CompactSign(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: "ES256", kid: "ec" }).sign(EC.privateKey);
  strictEqual(await outcome(token), "jwt-claims");
});

Deno.test("claims of a wrong shape give no principal, and absent ones give nothing", async () => {
  const names = { exports: "spillway_exports" };
  const refused: Record<string, unknown>[] = [
    { sub: undefined },
    { sub: "" },
    { sub: ["user-7"] },
    { sub: "user\n7" },
    { sub: "x".repeat(257) },
    { org_id: "" },
    { org_id: null },
    { org_id: { id: "42" } },
    { org_id: ["42"] },
    // A double holds 9007199254740992 instead: perhaps another tenant's number.
    { org_id: 9007199254740992 },
    { org_id: 4.2 },
    { org_id: true },
    { org_id: "42\u2028" },
    { scope: { pii: true } },
    { scope: [["pii"]] },
    { scope: "pii\nread" },
    { scope: 5 },
    { spillway_exports: { "*": true } },
    { spillway_exports: [null] },
  ];
  for (const claims of refused) {
    strictEqual(
      await withClaims({ ...CLAIMS, ...claims }, names),
      "jwt-claims",
      JSON.stringify(claims),
    );
  }
  const read = async (claims: Record<string, unknown>, setting: Partial<JwtSetting> = {}) => {
    const token = await signToken(EC, { alg: "ES256", kid: "ec" }, { ...CLAIMS, ...claims });
    const found = await verifierOf(createIssuer(), setting).verify(token) as Principal;
    return [found.tenant, found.scopes, found.exports];
  };
  deepStrictEqual(await read({ org_id: undefined, scope: undefined }), [undefined, [], ["*"]]);
  deepStrictEqual(await read({}, names), ["42", ["pii", "read"], []]);
  deepStrictEqual(
    await read({ org_id: 42, scope: ["pii"], spillway_exports: ["invoices", "audit-*"] }, names),
    ["42", ["pii"], ["invoices", "audit-*"]],
  );
  deepStrictEqual(
    await read({ scope: "", spillway_exports: "invoices  audit-*" }, names),
    ["42", [], ["invoices", "audit-*"]],
  );
  deepStrictEqual(
    await read({ "https://example.com/org": "43" }, { tenant: "https://example.com/org" }),
    ["43", ["pii", "read"], ["*"]],
  );
  // A name that every object has is no claim.
  deepStrictEqual(await read({}, { tenant: "constructor" }), [undefined, ["pii", "read"], ["*"]]);
});

Deno.test("a token that is changed in any place is refused", async () => {
  const token = await signToken(ED, { alg: "EdDSA", kid: "ed" });
  const verifier = verifierOf(createIssuer());
  ok(!("reason" in await verifier.verify(token)));
  for (let at = 0; at < token.length; at++) {
    const changed = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
    const found = await verifier.verify(changed);
    // The last letter of 64 bytes has four bits that mean nothing.
    if (at < token.length - 1) ok("reason" in found, `${at}: ${changed}`);
  }
});

Deno.test("what is no token is refused without an error", async () => {
  const tokens = [
    ...["", ".", "..", "...", "a.b.c", "a.b.c.d", "eyJ.eyJ.x", "x".repeat(8192)],
    `${"e30.".repeat(4)}e30`,
    forge({ alg: "ES256", kid: "ec", crit: ["exp"] }, CLAIMS, "AA"),
    forge({ alg: "ES256", kid: "ec", b64: false, crit: ["b64"] }, CLAIMS, "AA"),
    forge({ alg: "ES256", enc: "A128GCM", zip: "DEF" }, CLAIMS, "AA"),
    forge([], CLAIMS, "AA"),
    forge(null, CLAIMS, "AA"),
    forge({ alg: "ES256", kid: "ec" }, "text", "AA"),
  ];
  for (const token of tokens) {
    const reason = await outcome(token);
    ok(
      ["jwt-malformed", "jwt-signature", "jwt-key-unknown"].includes(reason),
      `${token}: ${reason}`,
    );
  }
});
