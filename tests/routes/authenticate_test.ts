/** Who is asked who they are, and how refusals are answered and told. */

import assert from "node:assert/strict";
import type { Attempt } from "../../access/mod.ts";
import { ANONYMOUS } from "../../access/principal.ts";
import { type RefusalReason, refuse } from "../../access/refusal.ts";
import { createAdminApp } from "../../routes/app.ts";
import { fakeApp, problem } from "./fixture.ts";

/** An app that refuses every request for this reason. */
function refusing(reason: RefusalReason, delay = 0, retryAfter?: number) {
  const attempts: Attempt[] = [];
  const waits: number[] = [];
  const fake = fakeApp({
    access: {
      links: undefined,
      authenticate: (attempt) => {
        attempts.push(attempt);
        const credential = reason === "key-secret" ? { credential: "k7f3q2" } : {};
        return Promise.resolve({ refusal: refuse({ reason, ...credential }, delay, retryAfter) });
      },
    },
    wait: (milliseconds) => {
      waits.push(milliseconds);
      return Promise.resolve();
    },
  });
  return { ...fake, attempts, waits };
}

const ANSWERS: readonly [RefusalReason, number, string | null, string | null][] = [
  ["missing", 401, 'Bearer realm="spillway"', null],
  ["key-secret", 401, 'Bearer realm="spillway", error="invalid_token"', null],
  ["two-credentials", 400, 'Bearer realm="spillway", error="invalid_request"', null],
  ["jwks-unavailable", 503, null, "30"],
  ["throttled", 429, null, "7"],
];

for (const [reason, status, challenge, retryAfter] of ANSWERS) {
  Deno.test(`a request that is refused as ${reason} is ${status}`, async () => {
    const retry = reason === "throttled" ? 6001 : undefined;
    const { app, refusals, tasks } = refusing(reason, 0, retry);
    const response = await app.request("/exports/audit-log.csv");
    assert.equal(response.headers.get("WWW-Authenticate"), challenge);
    assert.equal(response.headers.get("Retry-After"), retryAfter);
    assert.equal(response.headers.get("Cache-Control"), "no-store");
    assert.equal((await problem(response)).status, status);
    assert.deepEqual(tasks, []);
    assert.deepEqual(refusals.map((refused) => [refused.status, refused.reason]), [
      [status, reason === "key-secret" ? "key-secret (k7f3q2)" : reason],
    ]);
  });
}

Deno.test("a wrong credential waits for its answer, and a refused link is told without its values", async () => {
  const { app, waits, refusals } = refusing("link-signature", 400);
  await app.request("/exports/audit-log.csv?_kid=a&_exp=1&email=x%40y&_sig=s3cret");
  assert.deepEqual(waits, [400]);
  assert.equal(
    refusals[0]!.reason,
    "link-signature of /exports/audit-log.csv?_kid=*&_exp=1&email=*&_sig=*",
  );
});

Deno.test("access is asked with what the request shows, and never for health", async () => {
  const { app, attempts } = refusing("missing");
  for (const path of ["/healthz", "/readyz"]) {
    assert.equal((await app.request(path)).status, 200);
  }
  assert.deepEqual(attempts, []);
  await app.request("/exports?_sig=x", {
    method: "HEAD",
    headers: { Authorization: "Bearer a", "X-Api-Key": "b" },
  });
  assert.deepEqual(attempts, [{
    method: "HEAD",
    url: "http://localhost/exports?_sig=x",
    authorization: "Bearer a",
    apiKey: "b",
    address: "",
    local: false,
  }]);
});

Deno.test("the port for health and metrics asks for nothing", async () => {
  const { app, attempts } = refusing("missing");
  assert.equal((await app.request("/metrics")).status, 401);
  const admin = createAdminApp(
    {
      names: { hostname: "127.0.0.1", hosts: [] },
      access: { links: undefined, authenticate: () => Promise.reject(new Error("asked")) },
      scrape: () => Promise.resolve({ contentType: "text/plain", text: "runs 0\n" }),
    } as unknown as Parameters<typeof createAdminApp>[0],
  );
  assert.equal(await (await admin.request("/metrics")).text(), "runs 0\n");
  assert.equal(attempts.length, 1);
});

Deno.test("the log says who was refused what", async () => {
  const principal = { ...ANONYMOUS, id: "key:k7f3q2", via: "key" as const, tenant: "42" };
  const { app, refusals } = fakeApp({
    access: { links: undefined, authenticate: () => Promise.resolve({ principal }) },
  });
  await app.request("/exports/nothing.csv");
  assert.deepEqual(refusals, [{
    method: "GET",
    path: "/exports/nothing.csv",
    status: 404,
    reason: 'Not found: There is no export "nothing"',
    principal: "key:k7f3q2",
    tenant: "42",
  }]);
});

Deno.test("a client that leaves while its answer waits is not waited for", async () => {
  const { app } = fakeApp({
    access: {
      links: undefined,
      authenticate: () => Promise.resolve({ refusal: refuse({ reason: "key-unknown" }, 2 ** 30) }),
    },
  });
  const leaving = new AbortController();
  const answer = app.request("/exports", { signal: leaving.signal });
  leaving.abort();
  assert.equal((await answer).status, 401);
});
