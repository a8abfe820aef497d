/** Which pages of other origins may read answers, and what their browsers are told before they ask. */

import assert from "node:assert/strict";
import { refuse } from "../../access/refusal.ts";
import { AdmissionError } from "../../runs/admission_error.ts";
import { fakeApp } from "./fixture.ts";

const FILE = "/exports/audit-log.csv";
const GOOD = "https://good.example.com";

const EXPOSED = "Accept-Ranges, Content-Disposition, Content-Range, ETag, Export-Id, " +
  "Export-Max-Rows, Export-Truncated, Link, Location, Preference-Applied, Repr-Digest, " +
  "Retry-After, WWW-Authenticate";

const NAMES = {
  names: { hostname: "127.0.0.1", hosts: [], cors: [GOOD, "http://localhost:5173"] },
};

/** The headers by which answers are shared, of an answer. */
function shared({ headers }: Response): [string, string][] {
  return [...headers].filter(([name]) => name.startsWith("access-control-"));
}

/** What a browser sends with a request of a page's script. */
function fetched(origin: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    "Host": "127.0.0.1",
    "Origin": origin,
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
    ...more,
  };
}

Deno.test("a page of a listed origin reads the file and what its headers say", async () => {
  const { app } = fakeApp(NAMES);
  const response = await app.request(FILE, { headers: fetched(GOOD) });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "the file");
  assert.deepEqual(shared(response), [
    ["access-control-allow-origin", GOOD],
    ["access-control-expose-headers", EXPOSED],
  ]);
  assert.equal(response.headers.get("Vary"), "Accept-Encoding, Origin");
  const list = await app.request("/exports", { headers: fetched(GOOD) });
  assert.equal(list.headers.get("Vary"), "Authorization, X-Api-Key, Origin");
});

Deno.test("a page that is not listed to the letter reads nothing", async () => {
  const { app, tasks } = fakeApp(NAMES);
  const origins = [
    ...["https://good.example.evil.com", "https://good.example.com.evil.com", "null", "*", ""],
    ...["https://GOOD.example.com", "HTTPS://good.example.com", "https://good.example.com:443"],
    ...["https://good.example.com:8443", "https://good.example.com.", "https://good.example.com/"],
    ...["http://good.example.com", "https://evil.com/https://good.example.com", "good.example.com"],
    ...["https://good.example.com, https://evil.com", "https://good.example.com https://evil.com"],
    ...["https://a.good.example.com", "https://good.example.com@evil.com", "http://localhost:5174"],
    ...["https://good.example.com%0d%0a", "https://xgood.example.com", "http://127.0.0.1"],
  ];
  for (const origin of origins) {
    // A browser that sends no Sec-Fetch-Site, and one that does.
    for (const headers of [{ "Host": "127.0.0.1", "Origin": origin }, fetched(origin)]) {
      for (const method of ["GET", "OPTIONS"]) {
        const response = await app.request(FILE, {
          method,
          headers: { ...headers, "Access-Control-Request-Method": "GET" },
        });
        assert.deepEqual(shared(response), [], `${method} ${origin}`);
        assert.equal(response.headers.get("Vary")?.split(", ").includes("Origin"), true);
        const refused = "Sec-Fetch-Site" in headers ? 403 : method === "GET" ? 200 : 405;
        assert.equal(response.status, refused, `${method} ${origin}`);
      }
    }
  }
  assert.equal(tasks.length, origins.length, "which are those without Sec-Fetch-Site");
});

Deno.test("a request before the request is answered without a credential, and runs nothing", async () => {
  const attempts: string[] = [];
  const { app, refusals } = fakeApp({
    ...NAMES,
    access: {
      links: undefined,
      authenticate: ({ method }) => {
        attempts.push(method);
        return Promise.resolve({ refusal: refuse({ reason: "missing" }) });
      },
    },
  });
  const ask = (headers: Record<string, string>, path = FILE) =>
    app.request(path, { method: "OPTIONS", headers });
  const asking = {
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "authorization,range,x-evil",
  };
  for (const path of [FILE, "/exports", "/links", "/nothing"]) {
    const response = await ask(fetched(GOOD, asking), path);
    assert.equal(response.status, 204);
    assert.deepEqual(shared(response), [
      [
        "access-control-allow-headers",
        "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, " +
        "Last-Event-ID, Prefer, Range, Traceparent, X-Api-Key",
      ],
      ["access-control-allow-methods", "GET, HEAD, POST, DELETE"],
      ["access-control-allow-origin", GOOD],
      ["access-control-expose-headers", EXPOSED],
      ["access-control-max-age", "7200"],
    ]);
    assert.equal(response.headers.get("Vary"), "Origin");
  }
  assert.deepEqual([attempts, refusals], [[], []]);
  // One that is none, of a page that is not listed, and for a server of another name.
  assert.equal((await ask(fetched(GOOD))).status, 401);
  assert.equal((await ask({ ...asking, "Host": "127.0.0.1" })).status, 401);
  assert.equal((await ask(fetched(GOOD, { ...asking, "Host": "evil.example" }))).status, 421);
  assert.deepEqual(attempts, ["OPTIONS", "OPTIONS"]);
});

Deno.test("a page reads why it was refused", async () => {
  const refusing = (reason: "missing" | "throttled") =>
    fakeApp({
      ...NAMES,
      access: {
        links: undefined,
        authenticate: () => Promise.resolve({ refusal: refuse({ reason }, 0, 7000) }),
      },
    });
  const full = () => Promise.reject(new AdmissionError("full"));
  const answers: [ReturnType<typeof fakeApp>, string, number][] = [
    [refusing("missing"), FILE, 401],
    [refusing("throttled"), FILE, 429],
    [fakeApp(NAMES), "/exports/nothing.csv", 404],
    [fakeApp(NAMES), "/nothing", 404],
    [fakeApp(NAMES), `${FILE}?since=x`, 400],
    [fakeApp({ ...NAMES, startRun: full }), FILE, 503],
    [fakeApp({ ...NAMES, startRun: () => Promise.reject(new Error("ours")) }), FILE, 500],
    [fakeApp({ ...NAMES, auditFailing: () => true }), FILE, 503],
  ];
  for (const [{ app }, path, status] of answers) {
    const response = await app.request(path, { headers: fetched(GOOD) });
    assert.equal(response.status, status);
    assert.deepEqual(shared(response), [
      ["access-control-allow-origin", GOOD],
      ["access-control-expose-headers", EXPOSED],
    ], `${path} ${status}`);
  }
});

Deno.test("a listed page may fetch, and neither embed nor frame", async () => {
  const { app } = fakeApp(NAMES);
  for (
    const [mode, dest] of [["no-cors", "image"], ["no-cors", "empty"], ["navigate", "iframe"]]
  ) {
    const headers = fetched(GOOD, { "Sec-Fetch-Mode": mode!, "Sec-Fetch-Dest": dest! });
    assert.equal((await app.request(FILE, { headers })).status, 403, `${mode} ${dest}`);
  }
});

Deno.test("where no origin is listed, no answer is shared, and none varies by it", async () => {
  const { app } = fakeApp();
  const headers = { "Host": "127.0.0.1", "Origin": GOOD };
  const response = await app.request(FILE, { headers });
  assert.deepEqual([shared(response), response.headers.get("Vary")], [[], "Accept-Encoding"]);
  assert.equal((await app.request(FILE, { headers: fetched(GOOD) })).status, 403);
});
