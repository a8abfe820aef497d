/** Who makes a request: every way to show it, and every attack on them at once. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { AccessConfig } from "../../access/config.ts";
import { linkIdentity } from "../../access/key_links.ts";
import { hashKey, type KeySetting } from "../../access/keys.ts";
import { signLink } from "../../access/links.ts";
import { type AccessDependencies, type Attempt, createAccess } from "../../access/mod.ts";
import type { Principal } from "../../access/principal.ts";
import { createThrottle } from "../../access/throttle.ts";
import { createIssuer, EC, forge, NOW, SETTING, signToken } from "./tokens.ts";

const KEY = "sw_k7f3q2_3sZ9Kq1mV5tWcJ8xRhB2nYpL";
const WRONG = "sw_k7f3q2_4sZ9Kq1mV5tWcJ8xRhB2nYpL";
const UNKNOWN = "sw_zzzzzz_3sZ9Kq1mV5tWcJ8xRhB2nYpL";

const SECRET = "0123456789abcdef0123456789abcdef";

const SETTING_OF_KEY: KeySetting = {
  id: "k7f3q2",
  sha256: hashKey(KEY).toString("hex"),
  tenant: "42",
  exports: ["audit-*"],
  formats: ["csv", "xlsx"],
  caps: { maxRows: 1000 },
  scopes: ["pii"],
};

const CONFIG: AccessConfig = {
  anonymous: false,
  keys: [SETTING_OF_KEY],
  jwt: SETTING,
  links: { secrets: new Map([["a", SECRET]]), maxAge: 86_400_000 },
};

const TOKEN = await signToken(EC, { alg: "ES256", kid: "ec" });

const LINK = signLink(
  { path: "/exports/audit-log.csv", query: [], expires: NOW + 60, tenant: "42" },
  "a",
  SECRET,
);

/** Access with the clock and the issuer of tests. */
function accessOf(config: AccessConfig = CONFIG, more: AccessDependencies = {}) {
  return createAccess(config, {
    now: () => NOW * 1000,
    jwks: { fetch: createIssuer().fetch },
    // Nothing is forgiven while a test runs, however long it takes.
    throttle: createThrottle({ now: () => 0 }),
    ...more,
  });
}

function attempt(more: Partial<Attempt> = {}): Attempt {
  const url = "/exports/audit-log.csv";
  return { method: "GET", url, address: "198.51.100.1", local: false, ...more };
}

/** Who an attempt is of, or what kind of refusal it gets, and why. */
async function outcome(more: Partial<Attempt>, access = accessOf()): Promise<string> {
  const { principal, refusal } = await access.authenticate(attempt(more));
  return principal?.id ?? `${refusal!.kind} ${refusal!.reason}`;
}

Deno.test("a request is let in with a key, a token or a link", async () => {
  strictEqual(await outcome({ authorization: `Bearer ${KEY}` }), "key:k7f3q2");
  strictEqual(await outcome({ apiKey: KEY }), "key:k7f3q2");
  strictEqual(await outcome({ authorization: `Bearer ${TOKEN}` }), "jwt:user-7");
  strictEqual(await outcome({ url: LINK }), "link:a");
  strictEqual(
    await outcome({ url: `https://exports.example.com${LINK}`, method: "HEAD" }),
    "link:a",
  );
});

Deno.test("a request without a credential is let in where that was chosen", async () => {
  strictEqual(await outcome({}), "missing missing");
  strictEqual(await outcome({}, accessOf({ ...CONFIG, anonymous: true })), "anonymous");
});

Deno.test("while access is empty, this machine is let in, and no other", async () => {
  const empty = accessOf({ anonymous: false, keys: [] });
  strictEqual(await outcome({ local: true }, empty), "anonymous");
  strictEqual(await outcome({}, empty), "missing access-empty");
  strictEqual(await outcome({ local: true, apiKey: KEY }, empty), "invalid key-unknown");
  // Where there is a key, the machine itself needs one too.
  strictEqual(await outcome({ local: true }), "missing missing");
});

Deno.test("a wrong credential is no missing one, where everyone is let in", async () => {
  const open = accessOf({ ...CONFIG, anonymous: true });
  strictEqual(await outcome({ apiKey: WRONG }, open), "invalid key-secret");
  strictEqual(await outcome({ authorization: "Bearer x" }, open), "invalid jwt-malformed");
  strictEqual(await outcome({ authorization: "Bearer" }, open), "invalid malformed");
  strictEqual(await outcome({ url: `${LINK}x` }, open), "invalid link-signature");
  strictEqual(await outcome({ authorization: "Basic dTpw" }, open), "anonymous");
});

Deno.test("two credentials are refused, whatever they are", async () => {
  const authorization = `Bearer ${KEY}`;
  strictEqual(await outcome({ authorization, apiKey: KEY }), "ambiguous two-credentials");
  strictEqual(await outcome({ authorization, url: LINK }), "ambiguous two-credentials");
  strictEqual(await outcome({ apiKey: KEY, url: LINK }), "ambiguous two-credentials");
  strictEqual(await outcome({ apiKey: "", url: LINK }), "ambiguous two-credentials");
  strictEqual(await outcome({ authorization, url: "/exports?_sig=" }), "ambiguous two-credentials");
});

Deno.test("what is not configured is not taken", async () => {
  const bare = accessOf({ anonymous: false, keys: [] });
  strictEqual(await outcome({ apiKey: KEY }, bare), "invalid key-unknown");
  strictEqual(
    await outcome({ authorization: `Bearer ${TOKEN}` }, bare),
    "invalid jwt-unconfigured",
  );
  strictEqual(await outcome({ url: LINK }, bare), "invalid link-unconfigured");
  strictEqual(bare.links, undefined);
});

Deno.test("an unknown key and a wrong secret get the same answer", async () => {
  const access = accessOf();
  const said = async (apiKey: string, address: string) => {
    const { refusal } = await access.authenticate(attempt({ apiKey, address }));
    const { kind, detail, delay, retryAfter } = refusal!;
    return { kind, detail, delay, retryAfter };
  };
  for (let times = 0; times < 25; times++) {
    deepStrictEqual(await said(WRONG, "198.51.100.1"), await said(UNKNOWN, "198.51.100.2"));
  }
});

Deno.test("wrong credentials are slowed down, and right ones never", async () => {
  const access = accessOf();
  const delays: (number | undefined)[] = [];
  for (let times = 0; times < 22; times++) {
    const { refusal } = await access.authenticate(attempt({ apiKey: WRONG }));
    delays.push(refusal!.kind === "throttled" ? undefined : refusal!.delay);
  }
  deepStrictEqual(delays.slice(0, 8), [0, 0, 0, 0, 0, 100, 200, 400]);
  deepStrictEqual(delays.slice(19), [10_000, undefined, undefined]);
  const { refusal } = await access.authenticate(attempt({ url: `${LINK}x` }));
  strictEqual(refusal!.kind, "throttled");
  ok(refusal!.retryAfter! > 0);
  strictEqual(await outcome({ apiKey: KEY }, access), "key:k7f3q2");
  strictEqual(await outcome({ url: LINK }, access), "link:a");
  strictEqual(
    await outcome({ apiKey: WRONG, address: "198.51.100.2" }, access),
    "invalid key-secret",
  );
});

Deno.test("a missing credential, two, and an issuer that is down, are not counted", async () => {
  const down = createIssuer();
  down.answer = () => new Response(null, { status: 503 });
  const access = accessOf(CONFIG, { jwks: { fetch: down.fetch } });
  for (let times = 0; times < 50; times++) {
    await access.authenticate(attempt());
    await access.authenticate(attempt({ apiKey: KEY, url: LINK }));
    await access.authenticate(attempt({ authorization: `Bearer ${TOKEN}` }));
  }
  strictEqual(
    await outcome({ authorization: `Bearer ${TOKEN}` }, access),
    "unavailable jwks-unavailable",
  );
  const { refusal } = await access.authenticate(attempt({ apiKey: WRONG }));
  strictEqual(refusal!.delay, 0);
});

Deno.test("every attack is refused, and its refusal holds nothing of it", async () => {
  const canary = "c4n4ry".repeat(6);
  const attacks: Partial<Attempt>[] = [
    { authorization: `Bearer ${forge({ alg: "none" }, { sub: canary })}` },
    { authorization: `Bearer ${forge({ alg: "HS256", kid: canary }, { sub: canary }, canary)}` },
    { authorization: `Bearer ${forge({ alg: "ES256", kid: canary }, {}, canary)}` },
    { authorization: `Bearer ${canary}` },
    { authorization: `Bearer ${canary.repeat(1000)}` },
    { authorization: `Bearer ${canary}\r\nX: y` },
    { authorization: `Bearer sw_k7f3q2_${canary}` },
    { apiKey: `sw_k7f3q2_${canary}` },
    { apiKey: `sw_zzzzzz_${canary}` },
    { apiKey: canary },
    { apiKey: `${canary}\n` },
    { url: `/exports/audit-log.csv?_kid=${canary}&_exp=1&_sig=${canary}` },
    { url: `/exports/audit-log.csv?_kid=a&_exp=1&_tenant=${canary}&_sig=${canary}` },
    { url: `/exports/audit-log.csv?_sig=${canary}` },
    { url: `/exports/audit-log.csv?_sig=${encodeURIComponent("é".repeat(43))}&_kid=a` },
    { url: `${LINK}&_tenant=${canary}` },
    { url: LINK.replace("audit-log", "invoices") },
    { url: LINK.replace(".csv", ".xlsx") },
    { url: LINK.replace("_tenant=42", "_tenant=43") },
    { url: LINK, method: "DELETE" },
  ];
  for (const one of attacks) {
    const { principal, refusal } = await accessOf().authenticate(attempt(one));
    strictEqual(principal, undefined, JSON.stringify(one));
    strictEqual(refusal!.kind, "invalid", JSON.stringify(one));
    ok(!JSON.stringify(refusal).includes("c4n4ry"), JSON.stringify(refusal));
  }
});

Deno.test("a refusal names the key or the secret where this server knows it", async () => {
  const named = async (more: Partial<Attempt>) =>
    (await accessOf().authenticate(attempt(more))).refusal!.credential;
  strictEqual(await named({ apiKey: WRONG }), "k7f3q2");
  strictEqual(await named({ apiKey: UNKNOWN }), undefined);
  strictEqual(await named({ url: `${LINK}x` }), "a");
  strictEqual(await named({ url: LINK.replace("_kid=a", "_kid=b") }), undefined);
});

/** The link that the holder of the key has signed. */
async function linkOfKey(): Promise<string> {
  const access = accessOf();
  const { principal } = await access.authenticate(attempt({ apiKey: KEY }));
  const who = linkIdentity(principal!)!;
  const expires = NOW + 3600;
  return access.links!.sign(
    { path: "/exports/audit-log.csv", query: [], expires, ...who },
    NOW * 1000,
  );
}

Deno.test("a link that a key asked for gives what the key does, and no more", async () => {
  const { principal } = await accessOf().authenticate(attempt({ url: await linkOfKey() }));
  const { tenant, exports, formats, caps, scopes, credential } = principal!;
  deepStrictEqual({ tenant, exports, formats, caps, scopes, credential }, {
    tenant: "42",
    exports: ["audit-log"],
    formats: ["csv"],
    caps: { maxRows: 1000 },
    scopes: ["pii"],
    credential: "k7f3q2",
  });
});

Deno.test("a link that a key asked for loses what the key loses", async () => {
  const url = await linkOfKey();
  const after = async (keys: readonly KeySetting[]) => {
    const access = accessOf({ ...CONFIG, keys });
    const { principal, refusal } = await access.authenticate(attempt({ url }));
    return principal ?? refusal!.reason;
  };
  strictEqual(await after([]), "link-key");
  strictEqual(await after([{ ...SETTING_OF_KEY, expires: NOW * 1000 }]), "link-key");
  strictEqual(await after([{ ...SETTING_OF_KEY, tenant: "43" }]), "link-key");
  strictEqual(await after([{ ...SETTING_OF_KEY, exports: ["invoices"] }]), "link-key");
  strictEqual(await after([{ ...SETTING_OF_KEY, formats: ["xlsx"] }]), "link-key");
  const less = await after([{
    ...SETTING_OF_KEY,
    scopes: [],
    caps: { maxRows: 1 },
    expires: NOW * 1000 + 1,
  }]);
  const { scopes, caps, expires } = less as Principal;
  deepStrictEqual([scopes, caps, expires], [[], { maxRows: 1 }, NOW * 1000 + 1]);
});

Deno.test("links are signed for who has a key, and for nobody else", async () => {
  const access = accessOf({ ...CONFIG, anonymous: true });
  const others = [{}, { authorization: `Bearer ${TOKEN}` }, { url: LINK }, {
    url: await linkOfKey(),
  }];
  for (const other of others) {
    const { principal } = await access.authenticate(attempt(other));
    strictEqual(linkIdentity(principal!), undefined, principal!.id);
  }
});
