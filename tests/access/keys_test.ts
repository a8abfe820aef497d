/** Keys: made, looked up, compared, expired. */

import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { timingSafeEqual } from "node:crypto";
import { createKeyring, hashKey, keyId, type KeySetting, newKey } from "../../access/keys.ts";
import type { Principal } from "../../access/principal.ts";

const NOW = Date.UTC(2026, 0, 1);

const ONE = "sw_k7f3q2_3sZ9Kq1mV5tWcJ8xRhB2nYpL";
const OTHER = "sw_m4n8p6_7uD2fGh5JkLmN9PqRsTvWxYz";

function setting(key: string, more: Partial<KeySetting> = {}): KeySetting {
  return {
    id: keyId(key)!,
    sha256: hashKey(key).toString("hex"),
    exports: ["*"],
    caps: {},
    scopes: [],
    ...more,
  };
}

Deno.test("a key is found by its id and gives what its setting says", () => {
  const keyring = createKeyring([
    setting(OTHER),
    setting(ONE, {
      tenant: "42",
      subject: "nightly",
      exports: ["invoices", "audit-*"],
      formats: ["csv"],
      caps: { maxRows: 1_000_000 },
      scopes: ["pii"],
      expires: Date.UTC(2027, 0, 1),
    }),
  ]);
  const principal = keyring.verify(ONE, NOW) as Principal;
  deepStrictEqual({ ...principal, claims: { ...principal.claims } }, {
    id: "key:k7f3q2",
    via: "key",
    credential: "k7f3q2",
    tenant: "42",
    subject: "nightly",
    exports: ["invoices", "audit-*"],
    formats: ["csv"],
    caps: { maxRows: 1_000_000 },
    scopes: ["pii"],
    claims: {},
    expires: Date.UTC(2027, 0, 1),
  });
});

Deno.test("the hash of a key is the SHA-256 of all of it", () => {
  strictEqual(
    hashKey("sw_k7f3q2_3sZ9Kq1mV5tWcJ8xRhB2nYpL").toString("hex"),
    "b1677d20d54d167dfad0cda1c2b378e78b3be5fa3d4169081cb307b995329b4f",
  );
});

Deno.test("two keys of a tenant are taken at a time, while one takes the place of the other", () => {
  const keyring = createKeyring([
    setting(ONE, { tenant: "42", expires: NOW + 1 }),
    setting(OTHER, { tenant: "42" }),
  ]);
  const tenants = (now: number) =>
    [ONE, OTHER].map((key) => (keyring.verify(key, now) as Principal).tenant);
  deepStrictEqual(tenants(NOW), ["42", "42"]);
  deepStrictEqual(tenants(NOW + 1), [undefined, "42"]);
});

Deno.test("a key that is wrong in any way is none", () => {
  const keyring = createKeyring([setting(ONE, { expires: NOW + 1000 }), setting(OTHER)]);
  const secret = ONE.slice("sw_k7f3q2_".length);
  const table: [key: string, reason: string][] = [
    // The secret of one key with the id of the other.
    [`sw_m4n8p6_${secret}`, "key-secret"],
    [`sw_k7f3q2_${secret.toLowerCase()}`, "key-secret"],
    [`sw_k7f3q2_${secret}x`, "key-secret"],
    [`sw_k7f3q2_${secret.slice(0, -1)}`, "key-secret"],
    [`sw_zzzzzz_${secret}`, "key-unknown"],
    [`sw_K7F3Q2_${secret}`, "key-unknown"],
    [`SW_k7f3q2_${secret}`, "key-unknown"],
    ["sw_k7f3q2_", "key-unknown"],
    ["sw_k7f3q2", "key-unknown"],
    ["sw_", "key-unknown"],
    [`sw___proto___${secret}`, "key-unknown"],
    [`sw_constructor_${secret}`, "key-unknown"],
    [` ${ONE}`, "key-unknown"],
    [`${ONE}\n`, "key-unknown"],
    [setting(ONE).sha256, "key-unknown"],
    ["", "key-unknown"],
  ];
  for (const [key, reason] of table) {
    const found = keyring.verify(key, NOW);
    strictEqual("reason" in found && found.reason, reason, key);
  }
  for (let at = 0; at < ONE.length; at++) {
    const changed = ONE.slice(0, at) + (ONE[at] === "a" ? "b" : "a") + ONE.slice(at + 1);
    ok("reason" in keyring.verify(changed, NOW), changed);
  }
  deepStrictEqual(keyring.verify(ONE, NOW + 1000), {
    reason: "key-expired",
    credential: "k7f3q2",
  });
});

Deno.test("an unknown id is as much work as a wrong secret, and a right one", () => {
  const compared: [number, number][] = [];
  const keyring = createKeyring([setting(ONE)], (one, other) => {
    compared.push([one.length, other.length]);
    return timingSafeEqual(one, other);
  });
  for (const key of [ONE, `${ONE}x`, OTHER, "sw_", "", "x".repeat(5000)]) {
    keyring.verify(key, NOW);
    deepStrictEqual(compared.splice(0), [[32, 32]], key);
  }
});

Deno.test("no key is taken where there are none", () => {
  const keyring = createKeyring([]);
  deepStrictEqual(keyring.verify(ONE, NOW), { reason: "key-unknown" });
});

Deno.test("a new key is taken by the setting that is made with it", () => {
  const { key, id, sha256 } = newKey();
  match(key, /^sw_[a-z][a-z2-9]{7}_[1-9A-HJ-NP-Za-km-z]{32}$/);
  strictEqual(keyId(key), id);
  const keyring = createKeyring([{ id, sha256, exports: ["*"], caps: {}, scopes: [] }]);
  strictEqual((keyring.verify(key, NOW) as Principal).credential, id);
});

Deno.test("new keys differ, and use every letter of their alphabet about as often", () => {
  const keys = Array.from({ length: 2000 }, () => newKey().key);
  strictEqual(new Set(keys).size, 2000);
  const counts = new Map<string, number>();
  for (const key of keys) {
    for (const letter of key.split("_")[2]!) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  strictEqual(counts.size, 58);
  // Each is expected 1103 times, with a standard deviation of 33.
  for (const [letter, count] of counts) ok(count > 800 && count < 1400, `${letter}: ${count}`);
});

Deno.test("the current setting of a key is found by its id, until it expires", () => {
  const keyring = createKeyring([setting(ONE, { expires: NOW })]);
  strictEqual(keyring.current("k7f3q2", NOW - 1)?.id, "k7f3q2");
  strictEqual(keyring.current("k7f3q2", NOW), undefined);
  strictEqual(keyring.current("zzzzzz", NOW), undefined);
});

Deno.test("nothing that a keyring gives holds a key or its hash", () => {
  const keyring = createKeyring([setting(ONE, { tenant: "42" })]);
  for (const key of [ONE, `${ONE}x`, OTHER]) {
    const shown = Deno.inspect(keyring.verify(key, NOW), { depth: 10 }) +
      JSON.stringify(keyring.verify(key, NOW));
    for (const secret of [key, key.slice(10), setting(ONE).sha256]) {
      ok(!shown.includes(secret), shown);
    }
  }
  notStrictEqual(ONE.slice(10), OTHER.slice(10));
});
