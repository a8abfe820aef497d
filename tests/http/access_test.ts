/** Who may export what, over real sockets: every way in, every attack on them, and two tenants that cross. */

import assert from "node:assert/strict";
import { exportSPKI, generateKeyPair, SignJWT } from "jose";
import { redactLink } from "../../access/redact_link.ts";
import { createThrottle } from "../../access/throttle.ts";
import { readWorkbook } from "../exporters/xlsx/read_workbook.ts";
import { RawClient } from "../server/http/raw_client.ts";
import { until } from "../waiting.ts";
import {
  type AccessServer,
  claims,
  KEYS,
  link,
  PRIVATE_KEY,
  PUBLIC_KEY,
  ROWS,
  SECRET,
  startAccessServer,
  token,
} from "./access_fixture.ts";

/** Wrong credentials are counted by a clock that stands still, and each test has its own count. */
const patient = () => ({ throttle: createThrottle({ now: () => 0 }) });

const bearer = (text: string) => ({ Authorization: `Bearer ${text}` });

Deno.test("a key, a token and a link each get the rows of their tenant", async () => {
  await using server = await startAccessServer();
  const path = "/exports/orders.csv";
  assert.equal((await server.get(path, "one")).text, ROWS.one);
  assert.equal((await server.get(path, "two")).text, ROWS.two);
  assert.equal((await server.get(path, bearer(KEYS.two.key))).text, ROWS.two);
  assert.equal((await server.get(path, bearer(await token({ exports: "*" })))).text, ROWS.one);
  const two = await token({ org: "two", exports: ["ord*"] });
  assert.equal((await server.get(path, bearer(two))).text, ROWS.two);
  assert.equal((await server.get(link(path, "one"))).text, ROWS.one);
  assert.equal((await server.get(link(path, "two"))).text, ROWS.two);
  await until(() => server.reports.length === 7);
  assert.deepEqual(
    server.runs.map(({ request }) => [request!.principal.via, request!.principal.tenant]),
    [
      ...[["key", "one"], ["key", "two"], ["key", "two"], ["jwt", "one"]],
      ...[["jwt", "two"], ["link", "one"], ["link", "two"]],
    ],
  );
});

Deno.test("nothing but health is answered to who shows nothing", async () => {
  await using server = await startAccessServer();
  const paths = [
    ...["/", "/exports", "/exports/", "/exports/orders", "/exports/nothing", "/exports/orders.csv"],
    ...["/exports/nothing.csv", "/exports/orders,people.xlsx", "/links", "/nothing", "/metricsx"],
  ];
  const answers = new Set<string>();
  for (const path of paths) {
    for (const method of ["GET", "HEAD", "POST", "DELETE"]) {
      const { status, headers, text } = await server.get(path, {}, { method });
      assert.equal(status, 401, `${method} ${path}`);
      assert.equal(headers.get("WWW-Authenticate"), 'Bearer realm="spillway"');
      if (method !== "HEAD") answers.add(text);
    }
  }
  // What is there and what is not is told apart by nothing.
  assert.deepEqual(answers.size, 1);
  assert.equal((await server.get("/healthz")).status, 200);
  await until(async () => (await server.get("/readyz")).status === 200);
  assert.deepEqual([server.reports.length, server.waits.length], [0, 0]);
});

Deno.test("metrics are for this machine, and for who has their scope", async () => {
  await using server = await startAccessServer();
  assert.equal((await server.get("/metrics")).status, 200);
  // A proxy stands in between.
  const far = { Via: "1.1 proxy" };
  assert.equal((await server.get("/metrics", far)).status, 401);
  assert.equal((await server.get("/metrics", "one", { headers: far })).status, 403);
  assert.equal((await server.get("/metrics", "tools", { headers: far })).status, 200);
});

Deno.test("an unknown key and a wrong secret are answered alike, to the byte", async () => {
  await using server = await startAccessServer({ access: patient() });
  const wrong = KEYS.one.key.slice(0, -1) + (KEYS.one.key.endsWith("a") ? "b" : "a");
  const unknown = `sw_zzzzzzzz_${"a".repeat(32)}`;
  const said = async (key: string) => {
    const { status, headers, text } = await server.get("/exports/orders.csv", { "X-Api-Key": key });
    return { status, headers: [...headers].filter(([name]) => name !== "date"), text };
  };
  assert.deepEqual(await said(wrong), await said(unknown));
  const { status, headers } = await server.get("/exports", { "X-Api-Key": wrong });
  assert.equal(status, 401);
  assert.equal(
    headers.get("WWW-Authenticate"),
    'Bearer realm="spillway", error="invalid_token"',
  );
});

Deno.test("wrong credentials of one address are answered later and later, then 429; right ones at once", async () => {
  await using server = await startAccessServer({ access: patient() });
  const wrong = { "X-Api-Key": `sw_zzzzzzzz_${"a".repeat(32)}` };
  const statuses: number[] = [];
  for (let times = 0; times < 22; times++) {
    statuses.push((await server.get("/exports", wrong)).status);
  }
  assert.deepEqual(statuses, [...Array(20).fill(401), 429, 429]);
  assert.deepEqual(server.waits.slice(0, 4), [100, 200, 400, 800]);
  const { headers } = await server.get("/exports", wrong);
  assert.equal(headers.get("Retry-After"), "10");
  assert.equal((await server.get("/exports", "one")).status, 200);
  assert.deepEqual(server.reports, []);
});

Deno.test("wrong credentials are counted by the address that the last trusted proxy saw", async () => {
  const wrong = { "X-Api-Key": `sw_zzzzzzzz_${"a".repeat(32)}` };
  /** The statuses of so many wrong credentials, each with what a proxy would say of its client. */
  const statuses = async (
    server: AccessServer,
    times: number,
    forwarded: (time: number) => string,
  ) => {
    const all: number[] = [];
    for (let time = 0; time < times; time++) {
      const headers = { ...wrong, "X-Forwarded-For": forwarded(time) };
      all.push((await server.get("/exports", headers)).status);
    }
    return all;
  };
  const limited = [...Array(20).fill(401), 429, 429];
  await using behind = await startAccessServer({
    access: patient(),
    server: "trusted_proxies: [127.0.0.1]",
  });
  // Whatever a client writes there stands before what the proxy adds.
  assert.deepEqual(
    await statuses(behind, 22, (time) => `10.9.8.${time}, 198.51.100.${time}, 203.0.113.9`),
    limited,
  );
  // Those that it named have not been counted, and nor has another client of the proxy.
  assert.deepEqual(await statuses(behind, 5, () => "198.51.100.7"), Array(5).fill(401));
  assert.deepEqual(await statuses(behind, 5, () => "203.0.113.10"), Array(5).fill(401));
  assert.equal((await statuses(behind, 1, () => "203.0.113.9:4711"))[0], 429);
  const right = { "X-Api-Key": KEYS.one.key, "X-Forwarded-For": "203.0.113.9" };
  assert.equal((await behind.get("/exports", right)).status, 200);
  // Without a trusted proxy, the header is nothing but a client's words.
  await using direct = await startAccessServer({ access: patient() });
  assert.deepEqual(await statuses(direct, 22, (time) => `198.51.100.${time}`), limited);
});

Deno.test("two credentials are refused", async () => {
  await using server = await startAccessServer();
  const url = link("/exports/orders.csv", "one");
  for (
    const [path, headers] of [
      ["/exports", { "X-Api-Key": KEYS.one.key, ...bearer(KEYS.one.key) }],
      [url, { "X-Api-Key": KEYS.one.key }],
      [url, bearer(await token())],
    ] as const
  ) assert.equal((await server.get(path, headers)).status, 400);
});

Deno.test("every attack with a token is 401", async () => {
  await using server = await startAccessServer({ access: patient() });
  const now = Math.floor(Date.now() / 1000);
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const pem = await exportSPKI(PUBLIC_KEY);
  const other = (await generateKeyPair("RS256")).privateKey;
  const signed = (
    header: Record<string, unknown>,
    body: Record<string, unknown>,
    key = PRIVATE_KEY,
  ) => new SignJWT(body).setProtectedHeader({ alg: "RS256", kid: "rsa", ...header }).sign(key);
  const good = await token();
  const [head = "", body = "", signature = ""] = good.split(".");
  const attacks: Record<string, string> = {
    "alg none": `${part({ alg: "none" })}.${body}.`,
    "alg None": `${part({ alg: "None", kid: "rsa" })}.${body}.`,
    "no signature": `${head}.${body}.`,
    "the public key as a secret": await new SignJWT(claims())
      .setProtectedHeader({ alg: "HS256", kid: "rsa" }).sign(new TextEncoder().encode(pem)),
    "another key under a known kid": await signed({}, claims(), other),
    "a key of its own in the header": await signed(
      { jwk: { kty: "RSA", n: "AQAB", e: "AQAB" } },
      claims(),
      other,
    ),
    "a key set of its own": await signed({ jku: "https://evil.example/jwks" }, claims(), other),
    "an unknown kid": await signed({ kid: "unknown" }, claims(), other),
    "another audience": await token({ aud: "other" }),
    "no audience": await token({ aud: undefined }),
    "another issuer": await token({ iss: "https://id.example.com" }),
    "expired": await token({ exp: now - 1 }),
    "no expiry": await token({ exp: undefined }),
    "not valid yet": await token({ nbf: now + 3600 }),
    "other claims under the signature": `${head}.${part(claims({ org: "two" }))}.${signature}`,
    "a tenant that is a list": await token({ org: ["one", "two"] }),
    "no subject": await token({ sub: undefined }),
    "two of them": `${good}, ${good}`,
    "nothing": "",
  };
  for (const [name, text] of Object.entries(attacks)) {
    const { status, text: said } = await server.get("/exports/orders.csv", bearer(text));
    assert.equal(status, 401, name);
    assert.ok(!said.includes("one,"), name);
  }
  assert.deepEqual(server.reports, []);
  assert.equal((await server.get("/exports", bearer(good))).status, 200);
});

Deno.test("a key that has ended is 401", async () => {
  await using server = await startAccessServer();
  const { status, text } = await server.get("/exports", "ended");
  assert.equal(status, 401);
  assert.match(text, /The key has expired/);
});

Deno.test("a link that is changed at any byte is no link", async () => {
  await using server = await startAccessServer({ access: { throttle: open() } });
  const url = link("/exports/orders.csv", "one", [["_filename", "mine"]]);
  assert.equal((await server.get(url)).text, ROWS.one);
  for (let at = "/exports/".length; at < url.length; at++) {
    const byte = url[at]!;
    for (const other of [byte === "a" ? "b" : "a", byte === "1" ? "2" : "1"]) {
      const { status, text } = await server.get(url.slice(0, at) + other + url.slice(at + 1));
      assert.equal(status, 401, `${at}: ${byte} as ${other}`);
      assert.ok(!text.includes("one\r\n"));
    }
  }
  const others = [
    ...[`${url}&_tenant=two`, `${url}&owner=two`, `${url}&`, `${url}=`, url.replace("?", "?&")],
    ...[url.replace("_tenant=one", "_tenant=one&_tenant=two"), url.replace(/&_sig=.*/, "")],
    ...[url.replace("one", "one%00"), url.replace("/exports/", "//exports/")],
    ...[url.replace(".csv", ".xlsx"), url.replace("orders", "people")],
    ...[url.replace("orders", "orders,people"), url.replace("_kid=a", "_kid=b")],
  ];
  for (const one of others) assert.equal((await server.get(one)).status, 401, one);
  assert.equal(server.reports.length, 1);
});

/** Counts nothing. */
function open() {
  return { fail: () => ({ delay: 0 }), size: 0 };
}

Deno.test("a link covers HEAD and ranges of its file, and nothing else", async () => {
  await using server = await startAccessServer({ access: { throttle: open() } });
  const url = link("/exports/orders.csv", "one", [["_delivery", "whole"]]);
  const whole = await server.get(url);
  assert.equal(whole.text, ROWS.one);
  const head = await server.get(url, {}, { method: "HEAD" });
  assert.equal(head.headers.get("ETag"), whole.headers.get("ETag"));
  const headers = { Range: "bytes=10-", "If-Range": whole.headers.get("ETag")! };
  const rest = await server.get(url, {}, { headers });
  assert.deepEqual([rest.status, rest.text], [206, ROWS.one.slice(10)]);
  assert.equal(server.reports.length, 1);
  for (const method of ["POST", "PUT", "DELETE"]) {
    assert.equal((await server.get(url, {}, { method })).status, 401, method);
  }
  const query = url.slice(url.indexOf("?"));
  for (const path of ["/exports", "/exports/orders", "/links", "/"]) {
    assert.equal((await server.get(path + query)).status, 401, path);
  }
});

Deno.test("a link ends, and may not be made for longer than is allowed", async () => {
  await using server = await startAccessServer();
  const now = Math.floor(Date.now() / 1000);
  const path = "/exports/orders.csv";
  assert.match((await server.get(link(path, "one", [], now - 1))).text, /The link has expired/);
  assert.match(
    (await server.get(link(path, "one", [], now + 3 * 3600))).text,
    /valid for longer than this server allows/,
  );
});

Deno.test("who has a key has links signed, which give what the key gives", async () => {
  await using server = await startAccessServer();
  const ask = (body: unknown, credential: Parameters<typeof server.get>[1] = "one") =>
    server.get("/links", credential, {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const signed = await ask({
    export: "orders",
    format: "csv",
    options: { filename: "mine", header: false },
    expires_in: "10m",
  });
  assert.equal(signed.status, 201);
  const { url, expires } = JSON.parse(signed.text);
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/exports\/orders\.csv\?_exp=\d+&_filename=mine&/);
  assert.ok(Math.abs(Date.parse(expires) - Date.now() - 600_000) < 60_000);
  const file = await server.get(url);
  assert.equal(file.text, "1,one\r\n2,one\r\n");
  assert.match(file.headers.get("Content-Disposition")!, /filename="mine\.csv"/);

  const wrong: [unknown, string][] = [
    ["{", "body"],
    [{ format: "csv" }, "export"],
    [{ export: "orders", format: "csv", tenant: "two" }, "tenant"],
    [{ export: "orders", format: "csv", params: { org: "two" } }, "org"],
    [{ export: "orders", format: "csv", params: { _tenant: "two" } }, "_tenant"],
    [{ export: "orders", format: "csv", options: { tenant: "two" } }, "_tenant"],
    [{ export: "orders", format: "csv", options: { sig: "x" } }, "_sig"],
    [{ export: "orders", format: "csv", expires_in: "3h" }, "expires_in"],
    [{ export: "orders", format: "csv", expires_in: 0 }, "expires_in"],
    [{ export: "big-rows", format: "csv", params: { rows: "x" } }, "rows"],
  ];
  for (const [body, name] of wrong) {
    const { status, text } = await ask(body);
    assert.equal(status, 400, text);
    assert.deepEqual(JSON.parse(text).errors.map((one: { name: string }) => one.name), [name]);
  }
  assert.equal((await ask("x".repeat(70_000))).status, 413);
  assert.equal((await ask({ export: "people", format: "csv" }, "narrow")).status, 404);
  assert.equal((await ask({ export: "orders", format: "xlsx" }, "narrow")).status, 403);
  assert.equal((await ask({ export: "orders", format: "csv" }, bearer(await token()))).status, 403);
  const method = await server.get("/links", "one");
  assert.deepEqual([method.status, method.headers.get("Allow")], [405, "POST"]);
});

Deno.test("what a caller does not see is as if it were not there", async () => {
  await using server = await startAccessServer();
  const list = JSON.parse((await server.get("/exports", "narrow")).text).exports;
  assert.deepEqual(
    list.map(({ name, formats }: { name: string; formats: string[] }) => [name, formats]),
    [
      ["orders", ["csv"]],
      ["big-rows", ["csv"]],
      ["big-late", ["csv"]],
      ["big-cut", ["csv"]],
      ["big-file", ["csv"]],
    ],
  );
  const without = (text: string, name: string) => text.replaceAll(name, "NAME");
  for (const suffix of ["", ".csv", ".pdf", ".xlsx"]) {
    const hidden = await server.get(`/exports/people${suffix}`, "narrow");
    const missing = await server.get(`/exports/nobody${suffix}`, "narrow");
    assert.deepEqual([hidden.status, missing.status], [404, 404], suffix);
    assert.equal(without(hidden.text, "people"), without(missing.text, "nobody"));
  }
  for (const files of ["orders,NAME.xlsx", "NAME,orders.xlsx", "NAME,NAME.xlsx"]) {
    const [hidden, missing] = await Promise.all(
      ["people", "nobody"].map((name) =>
        server.get(`/exports/${files.replaceAll("NAME", name)}`, "narrow")
      ),
    );
    assert.equal(hidden!.status, 404);
    assert.equal(without(hidden!.text, "people"), without(missing!.text, "nobody"));
  }
  // A link is for its own file alone, whatever stands in it.
  const url = link("/exports/nobody.csv", "one");
  assert.equal((await server.get(url)).status, 404);
});

Deno.test("a format that a key is not for is 403, and not in its catalogue", async () => {
  await using server = await startAccessServer();
  const { status, text } = await server.get("/exports/orders.xlsx", "narrow");
  assert.equal(status, 403);
  assert.match(text, /your credential is for csv, and not for xlsx/);
  const page = JSON.parse((await server.get("/exports/orders", "narrow")).text);
  assert.deepEqual(page.files, { csv: "/exports/orders.csv" });
  assert.ok(page.options.every(({ name }: { name: string }) => name !== "_level"));
});

Deno.test("a param from the identity cannot be given, and without the identity nothing is run", async () => {
  await using server = await startAccessServer();
  for (const query of ["org=two", "org=one", "org=", "org=one&org=two", "%6Frg=two"]) {
    for (const path of ["/exports/orders.csv", "/exports/orders,people.xlsx"]) {
      const { status, text } = await server.get(`${path}?${query}`, "one");
      assert.equal(status, 400, query);
      assert.deepEqual(JSON.parse(text).errors, [
        { name: "org", detail: "comes from who you are, and cannot be given" },
      ]);
    }
  }
  const page = JSON.parse((await server.get("/exports/orders", "one")).text);
  assert.deepEqual(page.params, []);
  const teams = async (more: Record<string, unknown>) => {
    const { status, text } = await server.get(
      "/exports/teams.csv",
      bearer(await token({ exports: "*", ...more })),
    );
    return status === 200 ? text : [status, JSON.parse(text).errors];
  };
  assert.equal(await teams({ team: 7 }), "team,who\r\n7,ann\r\n");
  assert.deepEqual(await teams({}), [403, [
    { name: "team", detail: 'your credential has no usable claim "team"' },
  ]]);
  for (const team of ["x", "7,8", "", "7 or 1=1", 1.5, true]) {
    const [status] = await teams({ team }) as [number];
    assert.equal(status, 403, String(team));
  }
  assert.deepEqual((await teams({ team: [7, 8] }) as [number])[0], 403);
  const noTenant = await server.get(
    "/exports/orders.csv",
    bearer(await token({ org: undefined, exports: "*" })),
  );
  assert.equal(noTenant.status, 403);
  assert.equal(server.reports.length, 1);
});

Deno.test("a kept file is of one principal of one tenant, whatever tag or range another asks with", async () => {
  await using server = await startAccessServer();
  const path = "/exports/orders.csv?_delivery=whole";
  const one = await server.get(path, "one");
  const etag = one.headers.get("ETag")!;
  assert.equal(one.text, ROWS.one);
  const asks: [string, Parameters<typeof server.get>[1]][] = [
    [path, "two"],
    [path, bearer(await token({ org: "two", exports: "*" }))],
    [link("/exports/orders.csv", "two", [["_delivery", "whole"]]), {}],
  ];
  const conditions: Record<string, string>[] = [
    { Range: "bytes=0-" },
    { Range: "bytes=5-20", "If-Range": etag },
    { "If-None-Match": etag },
    { "If-Match": etag },
    {},
  ];
  for (const [url, credential] of asks) {
    for (const headers of conditions) {
      const head = await server.get(url, credential, { method: "HEAD", headers });
      assert.notEqual(head.headers.get("ETag"), etag);
      const { status, text, headers: sent } = await server.get(url, credential, { headers });
      assert.ok(!text.includes("one"), text);
      assert.notEqual(sent.get("ETag"), etag);
      assert.notEqual(status, 304);
    }
  }
  // The tenant itself resumes its own, and not with another credential.
  const resumed = await server.get(path, "one", {
    headers: { Range: "bytes=5-", "If-Range": etag },
  });
  assert.deepEqual([resumed.status, resumed.text], [206, ROWS.one.slice(5)]);
  const runs = server.reports.length;
  await server.get(path, "plain", { headers: { Range: "bytes=5-" } });
  await until(() => server.reports.length === runs + 1);
});

Deno.test("no route tells one tenant of another's run, whatever it is asked with", async () => {
  await using server = await startAccessServer();
  const file = "/exports/orders.csv?_delivery=whole";
  const whole = await server.get(file, "one");
  const streamed = await server.get("/exports/orders.csv", "one");
  const etag = whole.headers.get("ETag")!;
  const secrets = [etag, whole, streamed].map((of) =>
    typeof of === "string" ? of.slice(1, -1) : of.headers.get("Export-Id")!
  );
  const ids = secrets.slice(1);
  const paths = [
    ...["/", "/exports", "/exports/orders", "/exports/orders.csv", file, "/links", "/metrics"],
    ...["/readyz", "/exports/orders,people.xlsx", "/runs", "/openapi.json", "/files"],
    ...ids.flatMap((id) => [
      ...[`/runs/${id}`, `/runs/${id}/file`, `/runs/${id}/events`, `/exports/${id}.csv`],
      ...[`/exports/orders.csv?_filename=${id}`, `/files/${id}`],
    ]),
  ];
  const headers = { "Range": "bytes=0-", "If-Range": etag, "If-None-Match": etag, "Via": "1.1 x" };
  const others = ["two", bearer(await token({ org: "two", exports: "*" }))] as const;
  for (const credential of others) {
    for (const path of paths) {
      for (const method of ["GET", "HEAD", "POST", "DELETE", "OPTIONS"]) {
        const { status, headers: sent, text } = await server.get(path, credential, {
          method,
          headers,
        });
        const said = `${JSON.stringify([...sent])}${text}`;
        assert.doesNotMatch(text, /,one|"one"/, `${method} ${path}`);
        for (const secret of secrets) {
          // A name that the caller itself gives comes back to it.
          if (!path.includes(secret)) {
            assert.ok(!said.includes(secret), `${method} ${path}: ${said}`);
          }
        }
        assert.ok(![304, 410, 500].includes(status), `${method} ${path}: ${status}`);
        if (path.includes("/runs/")) assert.ok(status >= 400, `${method} ${path}: ${status}`);
      }
    }
  }
  const resumed = await server.get(file, "one", {
    headers: { Range: "bytes=5-", "If-Range": etag },
  });
  assert.deepEqual([resumed.status, resumed.text], [206, ROWS.one.slice(5)], "which none deleted");
});

Deno.test("requests of two tenants at one moment share no run, no file and no tag", async () => {
  await using server = await startAccessServer();
  const seen = { one: new Set<string>(), two: new Set<string>() };
  for (const query of ["", "?_delivery=whole"]) {
    const path = `/exports/orders.csv${query}`;
    await Promise.all(Array.from({ length: 24 }, async (_, index) => {
      const tenant = index % 2 === 0 ? "one" : "two";
      const { status, text, headers } = index % 3 === 0
        ? await server.get(
          link("/exports/orders.csv", tenant, query ? [["_delivery", "whole"]] : []),
        )
        : await server.get(path, tenant, index % 4 === 0 ? { headers: { Range: "bytes=0-" } } : {});
      assert.ok(status === 200 || status === 206);
      assert.equal(text, ROWS[tenant]);
      for (const name of ["Export-Id", "ETag"]) seen[tenant].add(headers.get(name) ?? `${index}`);
    }));
  }
  assert.deepEqual([...seen.one].filter((one) => seen.two.has(one)), []);
});

Deno.test("links of two tenants that the same secret signed share no file", async () => {
  await using server = await startAccessServer();
  const url = (tenant: string) => link("/exports/orders.csv", tenant, [["_delivery", "whole"]]);
  assert.equal((await server.get(url("one"))).text, ROWS.one);
  const headers = { Range: "bytes=0-" };
  assert.equal((await server.get(url("two"), {}, { headers })).text, ROWS.two);
  assert.equal((await server.get(url("one"), {}, { headers })).text, ROWS.one);
});

Deno.test("columns are hidden in every format, unless for a scope", async () => {
  await using server = await startAccessServer();
  const columns = "_columns=id,mail,card,born";
  const csv = (await server.get(`/exports/people.csv?${columns}`, "one")).text;
  const hash = /\*\*\*@example\.com,([0-9a-f]{32}),/.exec(csv)?.[1];
  assert.equal(
    csv,
    `id,E-mail,card,born\r\n1,a***@example.com,${hash},***\r\n2,,${hash},***\r\n`,
  );
  // Another tenant has other hashes, so that rows cannot be joined.
  assert.ok(!(await server.get("/exports/people.csv", "two")).text.includes(hash!));
  for (const format of ["csv", "tsv", "json", "ndjson", "xml"]) {
    for (const query of ["", "?_columns=card,born,mail", "?_columns=mail"]) {
      const { status, text } = await server.get(`/exports/people.${format}${query}`, "one");
      assert.equal(status, 200, format + query);
      assert.doesNotMatch(text, /ann@|4111|1990/, format + query);
    }
  }
  const plain = (await server.get(`/exports/people.csv?${columns}`, "plain")).text;
  assert.equal(
    plain,
    "id,E-mail,card,born\r\n1,ann@example.com,4111111111111111,***\r\n2,,4111111111111111,***\r\n",
  );
  const page = JSON.parse((await server.get("/exports/people", "one")).text);
  assert.deepEqual(page.columns.slice(1, 4), [
    { name: "mail", title: "E-mail", type: "string", mask: "partial" },
    { name: "card", title: "card", type: "string", mask: "hash" },
    { name: "born", title: "born", type: "string", mask: "redact" },
  ]);
  const open = JSON.parse((await server.get("/exports/people", "plain")).text);
  assert.deepEqual(open.columns.slice(1, 3).map((one: { mask?: string }) => one.mask), [
    undefined,
    undefined,
  ]);
});

Deno.test("a workbook says what is hidden in it", async () => {
  await using server = await startAccessServer();
  const response = await fetch(`${server.origin}/exports/people.xlsx?_columns=mail,born`, {
    headers: { "X-Api-Key": KEYS.one.key },
  });
  const [about, sheet] = readWorkbook(await response.bytes());
  const said = [...about!.cells.values()].map(({ text }) => text);
  assert.ok(said.includes("E-mail (in part), born (all of it)"), said.join("\n"));
  assert.equal(sheet!.cells.get("A2")?.text, "a***@example.com");
  assert.equal(sheet!.cells.get("B2")?.text, "***");
});

Deno.test("where a reason is asked for, it is needed, on one line, and told", async () => {
  await using server = await startAccessServer();
  for (const query of ["", "?_reason=", "?_reason=%20", "?_reason=a%0Ab", "?_reason=a%E2%80%AEb"]) {
    const { status, text } = await server.get(`/exports/asked.csv${query}`, "one");
    assert.equal(status, 400, query);
    assert.deepEqual(JSON.parse(text).errors.map(({ name }: { name: string }) => name), [
      "_reason",
    ]);
  }
  assert.equal((await server.get("/exports/asked.csv?_reason=ticket%207", "one")).status, 200);
  await until(() => server.reports.length === 1);
  assert.equal(server.runs[0]!.request!.reason, "ticket 7");
});

Deno.test("rows beyond a limit fail the export before its first byte, or break it after", async () => {
  await using server = await startAccessServer();
  const exact = await server.get("/exports/big-rows.csv?rows=3", "narrow");
  assert.equal(exact.text, "id\r\n1\r\n2\r\n3\r\n");
  const more = await server.get("/exports/big-rows.csv?rows=4", "narrow");
  assert.equal(more.status, 422);
  assert.match(more.text, /big-rows has more rows than the 3 that it may have for you/);
  await assert.rejects(server.get("/exports/big-late.csv", "one"));
  await until(() => server.reports.length === 3);
  assert.match(server.reports[2]!.error!.message, /more rows than the 100000 /);
  const whole = await server.get("/exports/big-late.csv?_delivery=whole", "one");
  assert.equal(whole.status, 422);
});

Deno.test("where rows beyond are left out, the file says so", async () => {
  await using server = await startAccessServer();
  const path = "/exports/big-cut.csv";
  const exact = await server.get(path, "one");
  assert.equal(exact.headers.get("Export-Truncated"), null);
  assert.equal(exact.headers.get("Export-Max-Rows"), '"big-cut";max_rows=1000');
  const whole = await server.get(`${path}?rows=1001&_delivery=whole`, "one");
  assert.equal(whole.headers.get("Export-Truncated"), '"big-cut";max_rows=1000');
  assert.equal(whole.text.split("\r\n").length, 1002);
  const resumed = await server.get(`${path}?rows=1001&_delivery=whole`, "one", {
    headers: { Range: "bytes=0-3" },
  });
  assert.deepEqual(
    [resumed.status, resumed.headers.get("Export-Truncated")],
    [206, '"big-cut";max_rows=1000'],
  );
  // The stricter of the two limits holds.
  const narrow = await server.get(`${path}?rows=4`, "narrow");
  assert.equal(narrow.text, "id\r\n1\r\n2\r\n3\r\n");
  assert.equal(narrow.headers.get("Export-Truncated"), '"big-cut";max_rows=3');
  await server.get(`${path}?rows=100000`, "one");
  await until(() => server.reports.length === 4);
  assert.deepEqual(server.reports.map(({ rows, truncated }) => [rows, truncated]), [
    [1000, undefined],
    [1000, ["big-cut"]],
    [3, ["big-cut"]],
    [1000, ["big-cut"]],
  ]);
});

Deno.test("bytes and time beyond a limit break the file, or are a status", async () => {
  await using server = await startAccessServer();
  const { status, text } = await server.get("/exports/big-file.csv?_delivery=whole", "one");
  assert.equal(status, 422);
  assert.match(text, /more than the 1048576 bytes that you may have/);
  await assert.rejects(server.get("/exports/big-file.csv", "one"));
  assert.equal((await server.get("/exports/big-file.csv?rows=10", "one")).status, 200);
  const slow = await server.get("/exports/slow.csv", "one");
  assert.equal(slow.status, 504);
  assert.match(slow.text, /took longer than the 1000 ms that it may take for you/);
});

Deno.test("nothing that is sent becomes a header or a line of its own", async () => {
  await using server = await startAccessServer({ access: patient() });
  using client = await RawClient.connect(server.service.http);
  await client.get("/exports/orders.csv", `X-Api-Key: ${KEYS.one.key}`, "X-Api-Key: x");
  assert.equal((await client.answer()).status, 401);
  await client.get("/exports/orders.csv", "Authorization: Bearer x\u00a0y");
  assert.equal((await client.answer()).status, 401);
  await client.get("/exports/a%0d%0aSet-Cookie:x.csv", `X-Api-Key: ${KEYS.one.key}`);
  const { status, headers } = await client.answer();
  assert.deepEqual([status, headers.has("set-cookie")], [404, false]);
  assert.equal(redactLink(`/exports/a%0a.csv?_sig=${SECRET}`), "/exports/a%0a.csv?_sig=*");
});
