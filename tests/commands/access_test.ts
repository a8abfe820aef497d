/** Keys and links from the command line, and what the log of a server says of who asked. */

import assert from "node:assert/strict";
import { newKey } from "../../access/keys.ts";
import { IDENTITY } from "../http/downloads.ts";
import { configured, emptyFolder, spillway, startServe } from "./fixture.ts";
import { until } from "../waiting.ts";

const SECRET = "c4n4ry-0123456789abcdef0123456789";

const ONE = newKey();

const CONFIG = `
server: { port: 0 }
access:
  mask_secret: "\${SECRET}"
  keys: [{ id: ${ONE.id}, sha256: "${ONE.sha256}", tenant: acme }]
  links: { secrets: { a: "\${SECRET}" } }
  jwt: { issuer: "https://id.example.com/", audience: spillway, jwks: "http://127.0.0.1:9/jwks" }
sources:
  app: { type: sqlite, path: app.db }
  down: { type: postgres, url: "postgres://c4n4ry-user:c4n4ry-password@127.0.0.1:9/x" }
  web:
    type: http
    url: http://127.0.0.1:9
    format: ndjson
    headers: { Authorization: Bearer c4n4ry-upstream }
exports:
  mine:
    source: app
    query: select id, note, :org as org from item
    params: { org: { type: string, from: tenant } }
    columns: { note: { mask: hash, unless: pii } }
    reason: required
  broken: { source: down, query: select 1 }
  found:
    source: app
    query: select json_extract('{}', :path) as found, :day as day
    params: { path: { type: string }, day: { type: date, log: true } }
  upstream: { source: web, query: "/rows/:id", params: { id: { type: string } } }
`;

Deno.test("a new key is printed once, alone, with the lines that let it in", async () => {
  await using folder = await configured();
  const { code, stdout, stderr } = await spillway(
    [
      "key",
      "new",
      "--tenant",
      "42",
      "--exports",
      "rows,audit-*",
      "--formats",
      "csv",
      "--scopes",
      "pii",
    ]
      .concat("--max-rows", "1000", "--max-bytes", "512MiB", "--max-duration", "15m")
      .concat("--expires", "2100-01-01", "--subject", "nightly, report"),
    { cwd: folder.path },
  );
  assert.equal(code, 0);
  assert.match(stdout, /^sw_[a-z0-9]{8}_[A-Za-z0-9]{32}\n$/);
  const secret = stdout.trim().split("_")[2]!;
  assert.ok(!stderr.includes(secret));
  const [, lines = ""] = /\n(\s+- \{ id: .*\})\n/.exec(stderr) ?? [];
  assert.match(
    lines,
    /tenant: "42", subject: "nightly, report", exports: \["rows", "audit-\*"\], formats: \["csv"\], max_rows: 1000, max_bytes: "512MiB", max_duration: "15m", scopes: \["pii"\], expires: "2100-01-01" \}$/,
  );
  const text = await Deno.readTextFile(`${folder.path}/spillway.yaml`);
  await Deno.writeTextFile(`${folder.path}/spillway.yaml`, `access:\n  keys:\n${lines}\n${text}`);
  await using server = await startServe([], { cwd: folder.path });
  const ask = async (key: string) => {
    const response = await fetch(`${server.origin}/exports`, { headers: { "X-Api-Key": key } });
    return [response.status, await response.json()];
  };
  const [status, body] = await ask(stdout.trim());
  assert.equal(status, 200);
  assert.deepEqual(body.exports.map(({ name }: { name: string }) => name), ["rows"]);
  assert.equal((await ask(stdout.trim() + "x"))[0], 401);
});

Deno.test("a key that the configuration would not take is a usage error", async () => {
  await using folder = await emptyFolder();
  const { code, stdout, stderr } = await spillway(
    ["key", "new", "--exports", "in voices", "--max-rows", "many", "--max-bytes", "0B"]
      .concat("--max-duration", "20ms"),
    { cwd: folder.path },
  );
  assert.deepEqual([code, stdout], [64, ""]);
  assert.equal(
    stderr,
    "spillway: --exports takes the name of an export, or a pattern such as audit-*\n" +
      "--max-rows takes a whole number of at least 1\n" +
      "--max-bytes takes a size such as 512MiB or 20GiB\n" +
      "--max-duration takes a duration such as 15m, 24h or 30d, of at least 1s and at most 366d\n",
  );
});

Deno.test("links and runs are for a tenant from the command line too", async () => {
  await using folder = await configured();
  await Deno.writeTextFile(`${folder.path}/spillway.yaml`, CONFIG);
  const options = { cwd: folder.path, environment: { SECRET } };
  const run = (...more: string[]) =>
    spillway(
      ["run", "mine", "--format", "csv", "--output", "-", "--param", "_reason=why", ...more],
      options,
    );
  const missing = await run();
  assert.equal(missing.code, 64);
  assert.match(missing.stderr, /org: your credential has no tenant/);
  assert.match((await run("--tenant", "acme")).stdout, /^id,note,org\r\n1,[0-9a-f]{32},acme\r\n/);
  const plain = await run("--tenant", "acme", "--scopes", "pii");
  assert.match(plain.stdout, /^id,note,org\r\n1,plain,acme\r\n/);

  const link = (...more: string[]) =>
    spillway(["link", "mine", "--format", "csv", "--param", "_reason=a b", ...more], options);
  const { code, stdout } = await link("--tenant", "acme", "--scopes", "pii", "--expires", "15m");
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^\/exports\/mine\.csv\?_exp=\d+&_kid=a&_reason=a%20b&_scopes=pii&_tenant=acme&_sig=[\w-]{43}\n$/,
  );
  await using server = await startServe([], options);
  const file = await (await fetch(server.origin + stdout.trim())).text();
  assert.match(file, /^id,note,org\r\n1,plain,acme\r\n/);
  assert.equal((await link()).code, 64);
  assert.equal((await link("--tenant", "acme", "--expires", "9d")).code, 64);
});

Deno.test("the log says who asked, for whom and why, and no secret", async () => {
  await using folder = await configured();
  await Deno.writeTextFile(`${folder.path}/spillway.yaml`, `${CONFIG}log: { audit: audit.log }\n`);
  await using server = await startServe([], {
    cwd: folder.path,
    environment: { SECRET },
    flags: [`--allow-write=${folder.path}/audit.log`],
  });
  const ask = async (
    path: string,
    headers: Record<string, string> = {},
    init: RequestInit = {},
  ) => {
    const response = await fetch(server.origin + path, {
      ...init,
      headers: { ...IDENTITY, ...headers },
    });
    const text = await response.text();
    return { status: response.status, text };
  };
  const key = { "X-Api-Key": ONE.key };
  const signed = await ask("/links", key, {
    method: "POST",
    body: JSON.stringify({ export: "mine", format: "csv", options: { reason: "c4se 7" } }),
  });
  const link = new URL(JSON.parse(signed.text).url);
  const path = link.pathname + link.search;
  const secretOf = ONE.key.split("_")[2]!;
  const canaries = [SECRET, secretOf, link.searchParams.get("_sig")!, "c4n4ry"];
  assert.equal((await ask("/exports/mine.csv?_reason=c4se%206", key)).status, 200);
  assert.equal((await ask(path)).status, 200);
  const found = (path: string) =>
    ask(`/exports/found.csv?path=${encodeURIComponent(path)}&day=2026-01-01`, key);
  assert.equal((await found("$.c4n4ry")).status, 200);
  assert.equal((await found("$.c4n4ry")).status, 200);
  const wrong: [string, Record<string, string>][] = [
    ["/exports/mine.csv", { "X-Api-Key": `sw_${ONE.id}_c4n4ryc4n4ryc4n4ryc4n4ryc4n4ryc4n4ry` }],
    ["/exports/mine.csv", { Authorization: "Bearer eyJhbGciOiJub25lIn0.c4n4ry.c4n4ry" }],
    ["/exports/mine.csv", { Authorization: "Basic c4n4ry" }],
    [`${path}c4n4ry`, {}],
    [`${path}&email=c4n4ry`, {}],
    ["/exports/mine.csv?_reason=x&org=c4n4ry", key],
    ["/exports/mine.csv?_reason=c4n4ry%0A", key],
    ["/exports/broken.csv", key],
    ["/exports/mine.csv?_kid=c4n4ry&_exp=1&_sig=c4n4ry%0a%22", {}],
    [path.replace("?", "%3F"), key],
    [path.replace("?", "&"), key],
    [path.replace("?", "%253F"), key],
    [`/exports/mine.csv?${ONE.key}=1&_reason=x`, key],
    [`/exports/mine.csv/${ONE.key}`, key],
    [`/${ONE.key}.csv`, {}],
    // What SQLite says of it has the value in it.
    ["/exports/found.csv?path=c4n4ry)&day=2026-01-01", key],
    ["/exports/upstream.csv?id=c4n4ry", key],
    ["/exports/mine.csv", { Cookie: "session=c4n4ry", Referer: "https://x/?c4n4ry" }],
    ["/exports/mine.csv", { "User-Agent": "c4n4ry", "X-Forwarded-For": "c4n4ry" }],
    ["/exports/mine.csv?_reason=x", { ...key, Range: "c4n4ry", "Idempotency-Key": "c4n4ry" }],
  ];
  for (const [target, headers] of wrong) {
    const { status, text } = await ask(target, headers);
    assert.ok(status >= 400 || "Range" in headers, target);
    // The message of a wrong option repeats it, to its own caller alone.
    if (headers !== key) { for (const canary of canaries) assert.ok(!text.includes(canary), text); }
  }
  const runs = () => server.logs().filter(({ logger }) => logger === "spillway.run");
  const refusals = () => server.logs().filter(({ logger }) => logger === "spillway.http");
  await until(() => runs().length >= 8 && refusals().length >= 16);
  assert.deepEqual(
    runs().slice(0, 2).map(({ principal, tenant, client, reason, masked }) => [
      ...[principal, tenant, client, reason, masked],
    ]),
    [
      [`key:${ONE.id}`, "acme", "127.0.0.1", "c4se 6", ["note"]],
      ["link:a", "acme", "127.0.0.1", "c4se 7", ["note"]],
    ],
  );
  assert.deepEqual(
    refusals().map(({ status, reason }) => [status, reason]).slice(0, 3),
    [
      [401, `key-secret (${ONE.id})`],
      [401, "jwt-algorithm"],
      [401, "missing"],
    ],
  );
  assert.match(
    String(refusals()[3]!.reason),
    /^link-signature \(a\) of \/exports\/mine\.csv\?_exp=\d+&_key=\*&_kid=\*&_reason=\*&_tenant=\*&_sig=\*$/,
  );
  const [one, two] = runs().filter((run) => run.export === "found" && run.state === "complete");
  assert.deepEqual(one!.params, { day: "2026-01-01" });
  assert.match(String((one!.param_hashes as { path: string }).path), /^[0-9a-f]{32}$/);
  assert.deepEqual(one!.param_hashes, two!.param_hashes);
  const failed = runs().find((run) => run.export === "found" && run.state === "failed");
  assert.match(String(failed!.error), /bad JSON path: ':path'/);
  const metrics = await ask("/metrics");
  assert.match(metrics.text, /spillway_runs_total/);
  const audit = `${folder.path}/audit.log`;
  const all = () => [...server.lines, ...Deno.readTextFileSync(audit).split("\n"), metrics.text];
  await until(() => all().length > server.lines.length + 24);
  for (const line of all()) {
    for (const canary of canaries) {
      assert.ok(!line.includes(canary), line);
    }
  }
});

Deno.test("a server that is open to everybody says so at its start", async () => {
  await using folder = await configured();
  const text = await Deno.readTextFile(`${folder.path}/spillway.yaml`);
  await Deno.writeTextFile(`${folder.path}/spillway.yaml`, `access: { anonymous: true }\n${text}`);
  await using server = await startServe([], { cwd: folder.path });
  const [warning] = server.logs().filter(({ level }) => level === "WARN");
  assert.match(String(warning?.message), /everybody who reaches this server may export everything/);
});

Deno.test("a server whose schedule has an expired key starts, warns of it, and is configured again", async () => {
  await using folder = await configured();
  const path = `${folder.path}/spillway.yaml`;
  const text = await Deno.readTextFile(path);
  const write = (more: string) =>
    Deno.writeTextFile(
      path,
      `access:
  keys:
    - { id: k7f3q2ab, sha256: "${"ab".repeat(32)}", expires: 2026-01-01 }
    ${more}
spool: { dir: spool }
schedules: { night: { cron: "@yearly", export: items, format: csv, key: k7f3q2ab } }
${text}`,
    );
  await Deno.mkdir(`${folder.path}/spool`);
  await write(`- { id: ${ONE.id}, sha256: "${ONE.sha256}" }`);
  await using server = await startServe([], {
    cwd: folder.path,
    flags: [`--allow-write=${folder.path}/spool`],
  });
  const warnings = () =>
    server.logs().filter(({ level }) => level === "WARN").map(({ message }) => message);
  const warning = "schedules.night: does not run: its key k7f3q2ab has expired";
  assert.deepEqual(warnings(), [warning]);
  const status = async () => {
    const response = await fetch(`${server.origin}/exports`, {
      headers: { "X-Api-Key": ONE.key },
    });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await status(), 200);
  await write("");
  server.signal("SIGHUP");
  await until(async () => await status() === 401);
  await until(() => warnings().length === 2);
  assert.deepEqual(warnings(), [warning, warning]);
});

Deno.test("a server that may not ask for the keys of tokens does not start, and says what it needs", async () => {
  await using folder = await configured();
  const text = await Deno.readTextFile(`${folder.path}/spillway.yaml`);
  const jwt = '{ issuer: a, audience: b, jwks: "https://id.example.com/jwks" }';
  await Deno.writeTextFile(`${folder.path}/spillway.yaml`, `access: { jwt: ${jwt} }\n${text}`);
  const { code, stderr } = await spillway(["serve"], { cwd: folder.path });
  assert.equal(code, 78);
  assert.match(stderr, /start it with --allow-net=id\.example\.com as well/);
});

Deno.test("a server that may not send its webhooks does not start, and says what it needs", async () => {
  await using folder = await configured();
  const path = `${folder.path}/spillway.yaml`;
  const text = await Deno.readTextFile(path);
  const start = async (webhooks: string, flags: readonly string[] = []) => {
    const secret = "secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    await Deno.writeTextFile(path, `runs: { webhooks: { ${secret}, ${webhooks} } }\n${text}`);
    return await spillway(["serve"], { cwd: folder.path, flags });
  };
  const { code, stderr } = await start(
    'allow: ["https://app.example.com"], allow_private: ["http://127.0.0.1:9", "http://[::1]:9"]',
  );
  assert.equal(code, 78);
  assert.equal(
    stderr,
    "spillway: Cannot send webhooks to https://app.example.com, http://[::1]:9: this process may " +
      "not connect there; start it with --allow-net, or with --allow-net=NAME,ADDRESS of each as " +
      "well\n",
  );
  await using server = await startServe([], {
    cwd: folder.path,
    flags: ["--allow-net=127.0.0.1,app.example.com,[::1]:9"],
  });
  assert.equal((await fetch(`${server.origin}/healthz`)).status, 200);
});

Deno.test("the audit log has every run, refusal and link, and nothing else", async () => {
  await using folder = await configured();
  const path = `${folder.path}/spillway.yaml`;
  await Deno.writeTextFile(path, `${CONFIG}log: { audit: audit.log }\n`);
  const file = `${folder.path}/audit.log`;
  await Deno.writeTextFile(file, "what was there\n");
  const options = { cwd: folder.path, environment: { SECRET } };
  const refused = await spillway(["serve"], options);
  assert.equal(refused.code, 78);
  assert.match(refused.stderr, /Cannot write the audit log .*audit\.log/);
  {
    await using server = await startServe([], { ...options, flags: [`--allow-write=${file}`] });
    const ask = async (target: string, init: RequestInit = {}) => {
      const headers = { "X-Api-Key": ONE.key };
      await (await fetch(server.origin + target, { headers, ...init })).text();
    };
    await ask("/exports/mine.csv?_reason=case%207");
    await ask("/exports/nothing.csv");
    await ask("/exports", { headers: {} });
    const body = JSON.stringify({ export: "mine", format: "csv", options: { reason: "x" } });
    await ask("/links", { method: "POST", body });
    await until(() => Deno.readTextFileSync(file).split("\n").length === 6);
    server.signal("SIGTERM");
    await server.ended();
  }
  const [first, ...lines] = (await Deno.readTextFile(file)).trimEnd().split("\n");
  assert.equal(first, "what was there");
  const records = lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    new Set(
      records.map(({ logger, principal, tenant, client, reason, path, export: name }) =>
        [logger, principal, tenant, client, name ?? path, reason].join(" ")
      ),
    ),
    new Set([
      `spillway.run key:${ONE.id} acme 127.0.0.1 mine case 7`,
      `spillway.http key:${ONE.id} acme 127.0.0.1 /exports/nothing.csv ` +
      'Not found: There is no export "nothing"',
      "spillway.http   127.0.0.1 /exports missing",
      `spillway.links key:${ONE.id} acme 127.0.0.1 /exports/mine.csv `,
    ]),
  );
});
