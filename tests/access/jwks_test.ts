/** The keys of an issuer: cached, asked for again, kept, bounded. */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { exportJWK } from "jose";
import { createJwks } from "../../access/jwks.ts";
import { createJwtVerifier, type JwtVerifier } from "../../access/jwt.ts";
import { until } from "../waiting.ts";
import { createIssuer, EC, issuerKey, NOW, SETTING, signToken, verifierOf } from "./tokens.ts";

const SECOND = await issuerKey("ES256", "second");

const FIRST_TOKEN = await signToken(EC, { alg: "ES256", kid: "ec" }, {
  iss: SETTING.issuer,
  aud: SETTING.audience,
  sub: "user-7",
  exp: NOW + 86_400,
});
const SECOND_TOKEN = await signToken(SECOND, { alg: "ES256", kid: "second" }, {
  iss: SETTING.issuer,
  aud: SETTING.audience,
  sub: "user-7",
  exp: NOW + 86_400,
});

/** A token whose key nobody has. */
function unknownToken(kid: string): string {
  const [, claims] = FIRST_TOKEN.split(".");
  const header = Buffer.from(JSON.stringify({ alg: "ES256", kid })).toString("base64url");
  return `${header}.${claims}.${"A".repeat(86)}`;
}

async function outcome(verifier: JwtVerifier, token: string): Promise<string> {
  const found = await verifier.verify(token);
  return "reason" in found ? found.reason : found.id;
}

Deno.test("keys are asked for once, before the first token and not earlier", async () => {
  const issuer = createIssuer();
  const verifier = verifierOf(issuer);
  deepStrictEqual(issuer.asked, []);
  const all = await Promise.all(Array.from({ length: 50 }, () => outcome(verifier, FIRST_TOKEN)));
  deepStrictEqual(new Set(all), new Set(["jwt:user-7"]));
  deepStrictEqual(issuer.asked, ["https://id.example.com/jwks.json"]);
});

Deno.test("a flood of unknown keys asks once in a cooldown, and hinders nobody", async () => {
  const issuer = createIssuer([EC.jwk]);
  let now = NOW * 1000;
  const verifier = verifierOf(issuer, {}, () => now);
  strictEqual(await outcome(verifier, FIRST_TOKEN), "jwt:user-7");
  strictEqual(issuer.asked.length, 1);
  for (let round = 2; round < 5; round++) {
    now += 30_000;
    const flood = Array.from(
      { length: 200 },
      (_, index) =>
        outcome(verifier, index % 20 === 0 ? FIRST_TOKEN : unknownToken(`k${round}-${index}`)),
    );
    const outcomes = await Promise.all(flood);
    strictEqual(outcomes.filter((one) => one === "jwt:user-7").length, 10);
    strictEqual(outcomes.filter((one) => one === "jwt-key-unknown").length, 190);
    now += 29_999;
    strictEqual(await outcome(verifier, unknownToken("late")), "jwt-key-unknown");
    now -= 29_999;
    strictEqual(issuer.asked.length, round);
  }
});

Deno.test("an issuer that is slower than the cooldown is asked once all the same", async () => {
  const issuer = createIssuer();
  const answered = Promise.withResolvers<Response>();
  issuer.answer = () => answered.promise;
  let now = NOW * 1000;
  const verifier = verifierOf(issuer, {}, () => now, { cooldown: 1 });
  const waiting = Array.from({ length: 5 }, () => {
    now += 10;
    return outcome(verifier, FIRST_TOKEN);
  });
  answered.resolve(Response.json({ keys: [EC.jwk] }));
  deepStrictEqual(await Promise.all(waiting), Array(5).fill("jwt:user-7"));
  strictEqual(issuer.asked.length, 1);
});

Deno.test("a new key is found as soon as a token names it", async () => {
  const issuer = createIssuer([EC.jwk]);
  let now = NOW * 1000;
  const verifier = verifierOf(issuer, {}, () => now);
  strictEqual(await outcome(verifier, FIRST_TOKEN), "jwt:user-7");
  issuer.keys = [EC.jwk, SECOND.jwk];
  strictEqual(await outcome(verifier, SECOND_TOKEN), "jwt-key-unknown");
  now += 30_000;
  const both = [FIRST_TOKEN, SECOND_TOKEN].map((token) => outcome(verifier, token));
  deepStrictEqual(await Promise.all(both), ["jwt:user-7", "jwt:user-7"]);
});

Deno.test("a key that the issuer takes back is refused once the keys are old", async () => {
  const issuer = createIssuer([EC.jwk]);
  let now = NOW * 1000;
  const verifier = verifierOf(issuer, {}, () => now);
  strictEqual(await outcome(verifier, FIRST_TOKEN), "jwt:user-7");
  issuer.keys = [SECOND.jwk];
  now += 599_999;
  strictEqual(await outcome(verifier, FIRST_TOKEN), "jwt:user-7");
  now += 1;
  // This one is not kept waiting for the new keys; the next one has them.
  strictEqual(await outcome(verifier, FIRST_TOKEN), "jwt:user-7");
  await until(async () => await outcome(verifier, FIRST_TOKEN) === "jwt-key-unknown");
  strictEqual(issuer.asked.length, 2);
});

Deno.test("a known key never waits for an issuer that hangs, which is asked once in a cooldown", async () => {
  const issuer = createIssuer([EC.jwk]);
  let now = NOW * 1000;
  const verifier = verifierOf(issuer, {}, () => now, { timeout: 2 ** 30 });
  strictEqual(await outcome(verifier, FIRST_TOKEN), "jwt:user-7");
  const hanging = Promise.withResolvers<Response>();
  issuer.answer = () => hanging.promise;
  for (let hour = 0; hour < 5; hour++) {
    now += 3_600_000;
    const all = Array.from({ length: 20 }, () => outcome(verifier, FIRST_TOKEN));
    deepStrictEqual(new Set(await Promise.all(all)), new Set(["jwt:user-7"]));
  }
  strictEqual(issuer.asked.length, 2, "one question hangs, and no other is put");
  // Whether an unknown key is a new one is what the issuer says, once it does.
  let answered = false;
  const unknown = outcome(verifier, SECOND_TOKEN).finally(() => answered = true);
  strictEqual(await outcome(verifier, FIRST_TOKEN), "jwt:user-7");
  strictEqual(answered, false);
  hanging.resolve(Response.json({ keys: [EC.jwk, SECOND.jwk] }));
  strictEqual(await unknown, "jwt:user-7");
  strictEqual(issuer.asked.length, 2);
});

/** What an issuer does that is down, or is not the issuer. */
const FAILURES: readonly [what: string, answer: () => Response | Promise<Response>, RegExp][] = [
  ["refuses connections", () => Promise.reject(new TypeError("refused")), /refused/],
  ["answers 500", () => new Response("no", { status: 500 }), /answered with status 500/],
  ["answers 304", () => new Response(null, { status: 304 }), /answered with status 304/],
  [
    "redirects",
    () => new Response(null, { status: 302, headers: { location: "https://evil.example.com/" } }),
    /answered with status 302/,
  ],
  ["shows a page", () => new Response("<html>"), /JSON/],
  ["shows no list", () => Response.json({ keys: {} }), /no list of keys/],
  ["shows null", () => Response.json(null), /no list of keys/],
  [
    "shows more than fits",
    () => new Response(" ".repeat(256 * 1024) + JSON.stringify({ keys: [] })),
    /more than 262144 bytes/,
  ],
];

for (const [what, answer, message] of FAILURES) {
  Deno.test(`the last good keys stay when the issuer ${what}`, async () => {
    const issuer = createIssuer([EC.jwk]);
    let now = NOW * 1000;
    const errors: string[] = [];
    const verifier = verifierOf(issuer, {}, () => now, {
      onFailure: ({ message }) => errors.push(message),
    });
    strictEqual(await outcome(verifier, FIRST_TOKEN), "jwt:user-7");
    issuer.answer = answer;
    for (let hour = 0; hour < 5; hour++) {
      now += 3_600_000;
      strictEqual(await outcome(verifier, FIRST_TOKEN), "jwt:user-7");
      await until(() => errors.length === hour + 1);
    }
    strictEqual(errors.length, 5);
    for (const error of errors) match(error, message);
    // Whether the key of this one is new cannot be known.
    strictEqual(await outcome(verifier, SECOND_TOKEN), "jwks-unavailable");
    strictEqual(issuer.asked.length, 6);
    issuer.answer = undefined;
    issuer.keys = [SECOND.jwk];
    now += 30_000;
    strictEqual(await outcome(verifier, SECOND_TOKEN), "jwt:user-7");
    strictEqual(await outcome(verifier, FIRST_TOKEN), "jwt-key-unknown");
  });
}

Deno.test("without keys no token is taken, and the issuer is not asked for each", async () => {
  const issuer = createIssuer();
  issuer.answer = () => new Response(null, { status: 503 });
  let now = NOW * 1000;
  const verifier = verifierOf(issuer, {}, () => now);
  for (let attempt = 0; attempt < 100; attempt++) {
    strictEqual(await outcome(verifier, FIRST_TOKEN), "jwks-unavailable");
  }
  strictEqual(issuer.asked.length, 1);
  issuer.answer = undefined;
  now += 30_000;
  strictEqual(await outcome(verifier, FIRST_TOKEN), "jwt:user-7");
});

Deno.test("an issuer that does not answer is given up", async () => {
  const issuer = createIssuer();
  issuer.answer = ({ signal }) =>
    new Promise((_, reject) => {
      signal!.addEventListener("abort", () => reject(signal!.reason));
    });
  const errors: string[] = [];
  const verifier = verifierOf(issuer, {}, undefined, {
    timeout: 1,
    onFailure: ({ message }) => errors.push(message),
  });
  strictEqual(await outcome(verifier, FIRST_TOKEN), "jwks-unavailable");
  deepStrictEqual(errors, ["Cannot read the key set: it took longer than 1 ms"]);
});

Deno.test("an issuer that shows a private key is not trusted with it", async () => {
  const issuer = createIssuer([{ ...await exportJWK(EC.privateKey), kid: "ec" }]);
  strictEqual(await outcome(verifierOf(issuer), FIRST_TOKEN), "jwks-unavailable");
});

Deno.test("keys that are broken, or not for signatures, verify nothing", async () => {
  const sets = [
    [{ ...EC.jwk, use: "enc" }],
    [{ ...EC.jwk, key_ops: ["sign"] }],
    [{ ...EC.jwk, alg: "ES384" }],
    [{ ...EC.jwk, x: "AA" }],
    [{ ...EC.jwk, crv: "P-384" }],
    [{ ...EC.jwk, kty: "RSA" }],
    [EC.jwk, EC.jwk],
    [null, 5, "text", {}],
    [],
  ];
  for (const keys of sets) {
    const reason = await outcome(verifierOf(createIssuer(keys as never)), FIRST_TOKEN);
    ok(
      ["jwt-key-unknown", "jwt-signature", "jwks-unavailable", "jwt-malformed"].includes(reason),
      `${JSON.stringify(keys)}: ${reason}`,
    );
  }
});

/** Serves over a real socket, which is where redirects, sizes and times are. */
async function withServer(
  serve: Parameters<typeof createServer>[1],
  body: (url: string) => Promise<void>,
): Promise<void> {
  const server: Server = createServer(serve!);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function realVerifier(url: string, errors: string[], timeout = 60_000): JwtVerifier {
  const now = () => NOW * 1000;
  const onFailure = ({ message }: Error) => errors.push(message);
  return createJwtVerifier(SETTING, createJwks(url, { now, timeout, onFailure }), now);
}

Deno.test("keys come over HTTP, with nothing of ours sent along", async () => {
  const headers: unknown[] = [];
  await withServer((request, response) => {
    headers.push(request.headers.authorization, request.headers.cookie);
    response.end(JSON.stringify({ keys: [EC.jwk] }));
  }, async (url) => {
    strictEqual(await outcome(realVerifier(url, []), FIRST_TOKEN), "jwt:user-7");
  });
  deepStrictEqual(headers, [undefined, undefined]);
});

Deno.test("a redirect over HTTP is not followed", async () => {
  const asked: (string | undefined)[] = [];
  await withServer((request, response) => {
    asked.push(request.url);
    if (request.url === "/jwks.json") response.writeHead(302, { location: "/other.json" }).end();
    else response.end(JSON.stringify({ keys: [EC.jwk] }));
  }, async (url) => {
    strictEqual(await outcome(realVerifier(url, []), FIRST_TOKEN), "jwks-unavailable");
  });
  deepStrictEqual(asked, ["/jwks.json"]);
});

Deno.test("a body over HTTP that does not end is not read to no end", async () => {
  const errors: string[] = [];
  await withServer((_, response) => {
    const more = () => {
      while (!response.destroyed && response.write(" ".repeat(64 * 1024)));
    };
    response.on("drain", more);
    response.on("error", () => {});
    more();
  }, async (url) => {
    strictEqual(await outcome(realVerifier(url, errors), FIRST_TOKEN), "jwks-unavailable");
  });
  deepStrictEqual(errors, ["Cannot read the key set: it has more than 262144 bytes"]);
});

Deno.test("a body over HTTP that is small only while it is compressed is not read to its end", async () => {
  const errors: string[] = [];
  await withServer((_, response) => {
    response.setHeader("content-encoding", "gzip");
    response.end(gzipSync(Buffer.alloc(64 * 2 ** 20, " ")));
  }, async (url) => {
    strictEqual(await outcome(realVerifier(url, errors), FIRST_TOKEN), "jwks-unavailable");
  });
  deepStrictEqual(errors, ["Cannot read the key set: it has more than 262144 bytes"]);
});

Deno.test("over HTTP too, an issuer that accepts and never answers keeps no known key waiting", async () => {
  const errors: string[] = [];
  let hangs = false;
  let asked = 0;
  let now = NOW * 1000;
  await withServer((_, response) => {
    asked++;
    if (!hangs) response.end(JSON.stringify({ keys: [EC.jwk] }));
  }, async (url) => {
    const onFailure = ({ message }: Error) => errors.push(message);
    const jwks = createJwks(url, { now: () => now, timeout: 500, onFailure });
    const verifier = createJwtVerifier(SETTING, jwks, () => now);
    strictEqual(await outcome(verifier, FIRST_TOKEN), "jwt:user-7");
    hangs = true;
    now += 3_600_000;
    strictEqual(await outcome(verifier, FIRST_TOKEN), "jwt:user-7");
    deepStrictEqual(errors, [], "it was verified before the question had timed out");
    strictEqual(await outcome(verifier, SECOND_TOKEN), "jwks-unavailable");
    deepStrictEqual(errors, ["Cannot read the key set: it took longer than 500 ms"]);
    strictEqual(asked, 2);
  });
});

Deno.test("a body over HTTP that stops is given up", async () => {
  const errors: string[] = [];
  await withServer((_, response) => {
    response.on("error", () => {});
    response.write('{"keys":[');
  }, async (url) => {
    strictEqual(await outcome(realVerifier(url, errors, 500), FIRST_TOKEN), "jwks-unavailable");
  });
  deepStrictEqual(errors, ["Cannot read the key set: it took longer than 500 ms"]);
});
