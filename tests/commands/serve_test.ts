/** `serve`: how it starts, what it says, and where it does not start. */

import assert from "node:assert/strict";
import { IDENTITY } from "../http/downloads.ts";
import { RawClient } from "../server/http/raw_client.ts";
import { until } from "../waiting.ts";
import { configured, emptyFolder, type Serving, spillway, startServe } from "./fixture.ts";

Deno.test("serve says where it answers, and answers there", async () => {
  await using folder = await configured();
  await using server = await startServe([], { cwd: folder.path });
  // A machine with few descriptors is warned of that first.
  const [start, ...others] = server.lines.filter((line) => !line.includes('"WARN"'));
  const { message, level, exports } = JSON.parse(start!);
  assert.deepEqual([message, level, exports], [`Spillway serves ${server.origin}`, "INFO", 4]);
  // It may have come by now.
  const greeting = others.filter((line) => !line.includes('"access is empty: '));
  assert.deepEqual(greeting, [], "a configuration of one's own gets no greeting");
  const response = await fetch(`${server.origin}/exports/items.csv`);
  assert.equal(await response.text(), "id,note\r\n1,plain\r\n2,'=1+1\r\n");
});

Deno.test("every run is a line of JSON that tells what became of it", async () => {
  await using folder = await configured();
  await using server = await startServe([], { cwd: folder.path });
  const runs = () => server.logs().filter(({ logger }) => logger === "spillway.run");

  const whole = await fetch(`${server.origin}/exports/rows.csv?rows=3000`, { headers: IDENTITY });
  const bytes = (await whole.bytes()).length;
  await until(() => runs().length === 1);
  const complete = runs()[0]!;
  const fields = ["level", "id", "state", "client", "export", "format", "rows", "bytes"];
  assert.deepEqual(pick(complete, fields), {
    level: "INFO",
    id: whole.headers.get("export-id"),
    state: "complete",
    client: "127.0.0.1",
    export: "rows",
    format: "csv",
    rows: 3000,
    bytes,
  });
  assert.match(String(complete["@timestamp"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  for (const field of ["first_byte_ms", "duration_ms"]) {
    assert.ok(Number.isSafeInteger(complete[field]), field);
  }

  const left = await fetch(`${server.origin}/exports/rows.ndjson?rows=50000000`);
  await left.body!.cancel();
  await until(() => runs().length === 2);
  assert.deepEqual(pick(runs()[1]!, ["level", "id", "state", "format"]), {
    level: "INFO",
    id: left.headers.get("export-id"),
    state: "cancelled",
    format: "ndjson",
  });

  const broken = await fetch(`${server.origin}/exports/breaks.csv?at=1`);
  await broken.body!.cancel();
  await until(() => runs().length === 3);
  assert.deepEqual(pick(runs()[2]!, ["level", "id", "state", "rows", "bytes", "error"]), {
    level: "ERROR",
    id: broken.headers.get("export-id"),
    state: "failed",
    rows: 0,
    bytes: 0,
    error: "Cannot read the query: integer overflow",
  });

  const guarded = await fetch(`${server.origin}/exports/items.csv`, { headers: IDENTITY });
  await guarded.bytes();
  await until(() => runs().length === 4);
  assert.deepEqual(runs()[3]!.warnings, [{ kind: "formula-guarded", column: "note", count: 1 }]);
});

Deno.test("every refusal is a line of JSON too, with the client and without a value", async () => {
  await using folder = await configured("trusted_proxies: [127.0.0.1]");
  const path = `${folder.path}/spillway.yaml`;
  // What comes from a proxy is not of this machine.
  await Deno.writeTextFile(path, "access: { anonymous: true }\n", { append: true });
  await using server = await startServe([], { cwd: folder.path });
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    await (await fetch(`${server.origin}${path}`, { headers })).body!.cancel();
  };
  await ask("/exports/items.csv?least=hunter2");
  await ask("/exports/nothing.csv?x=hunter2", { "X-Forwarded-For": "192.0.2.1" });
  await ask("/{name}?hunter2");
  using client = await RawClient.connect({ addr: { port: server.port } as Deno.NetAddr });
  await client.send("GET /exports?hunter2 HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  await client.answer();
  await client.send("HELLO hunter2\r\n\r\n");
  await client.answer();
  const refusals = () => server.logs().filter(({ logger }) => logger === "spillway.http");
  await until(() => refusals().length === 5);
  const fields = ["level", "message", "client", "method", "path", "status", "reason"];
  const [bad, missing, brace, foreign, garbage] = refusals().map((line) => pick(line, fields));
  assert.deepEqual(bad, {
    level: "INFO",
    message: "Refused GET /exports/items.csv with 400: Bad request: least",
    client: "127.0.0.1",
    method: "GET",
    path: "/exports/items.csv",
    status: 400,
    reason: "Bad request: least",
  });
  assert.deepEqual([missing!.client, missing!.status], ["192.0.2.1", 404]);
  assert.equal(
    brace!.message,
    "Refused GET /{name} with 404: Not found: There is nothing at /{name}",
  );
  assert.equal(foreign!.reason, "Misdirected request: This server is not called what Host says");
  assert.deepEqual(pick(garbage!, ["client", "status", "message"]), {
    client: "127.0.0.1",
    status: 400,
    message: "Refused a request with 400: Bad request: This is no request of HTTP/1.1",
  });
  assert.ok(!server.lines.some((line) => line.includes("hunter2")));
});

/** Where a server says that it answers health and metrics. */
async function adminOf(server: Serving): Promise<string> {
  const said = () =>
    server.lines.map((line) => /Health and metrics are at (http:[^"\s]+)/.exec(line)?.[1])
      .find(Boolean);
  await until(() => said() !== undefined);
  return said()!;
}

Deno.test("health and metrics may have a port of their own, and are nowhere else then", async () => {
  await using folder = await configured("admin: { port: 0 }");
  await using server = await startServe([], { cwd: folder.path });
  const admin = await adminOf(server);
  const statuses = async (origin: string) =>
    await Promise.all(
      ["/healthz", "/readyz", "/metrics", "/exports", "/exports/items.csv"].map(async (path) => {
        const response = await fetch(`${origin}${path}`);
        await response.body!.cancel();
        return response.status;
      }),
    );
  assert.deepEqual(await statuses(server.origin), [404, 404, 404, 200, 200]);
  assert.deepEqual(await statuses(admin), [200, 200, 200, 404, 404]);
  // It tells of stopping for as long as that takes.
  server.signal("SIGTERM");
  assert.equal(await server.ended(), 0);
});

Deno.test("health and metrics of a port of their own are answered with every connection taken", async () => {
  await using folder = await configured("connections: 2, admin: { port: 0 }");
  await using server = await startServe([], { cwd: folder.path });
  const admin = await adminOf(server);
  const addr = { port: server.port } as Deno.NetAddr;
  const clients = await Promise.all(
    Array.from({ length: 100 }, () => RawClient.connect({ addr })),
  );
  await until(async () => (await fetch(`${admin}/readyz`)).status === 503);
  const { checks } = await (await fetch(`${admin}/readyz`)).json();
  assert.equal(checks.connections, "full");
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  assert.match(metrics, /^spillway_connections_max 2$/m);
  for (const client of clients) client[Symbol.dispose]();
  await until(async () => (await fetch(`${admin}/readyz`)).status === 200);
});

function pick(record: Readonly<Record<string, unknown>>, keys: readonly string[]) {
  return Object.fromEntries(keys.map((key) => [key, record[key]]));
}

Deno.test("a port that is taken is a line and 1, and no worker stays", async () => {
  await using folder = await configured();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const file = `${folder.path}/spillway.yaml`;
  await Deno.writeTextFile(
    file,
    (await Deno.readTextFile(file)).replace("port: 0", `port: ${port}`),
  );
  // Workers share standard error, whose end this waits for.
  const { code, stderr } = await spillway(["serve"], { cwd: folder.path });
  assert.equal(code, 1);
  assert.match(
    stderr,
    new RegExp(
      `^spillway: Cannot listen on 127\\.0\\.0\\.1:${port}: Address already in use[^\n]*\n$`,
    ),
  );
});

Deno.test("the demo makes its database on the first start, and not again on the second", async () => {
  await using folder = await emptyFolder();
  const database = `${folder.path}/data/demo.db`;
  const options = {
    cwd: folder.path,
    environment: { SPILLWAY_PORT: "0" },
    flags: [`--allow-write=${folder.path}/data`],
  };
  const making = `Making the demo database ${database}`;
  {
    await using server = await startServe([], options);
    assert.equal(server.lines[0], making);
    await until(() => server.lines.includes("Try:"));
    const offered = server.lines.flatMap((line) => /'(http:.*)'/.exec(line)?.[1] ?? []);
    assert.equal(offered.length, 4);
    for (const url of offered) {
      assert.equal(new URL(url).origin, server.origin);
      const response = await fetch(url);
      assert.equal(response.status, 200, url);
      assert.ok((await response.bytes()).length > 100, url);
    }
  }
  const made = await Deno.stat(database);
  {
    await using server = await startServe([], options);
    assert.ok(!server.lines.includes(making));
    const response = await fetch(`${server.origin}/exports/invoices.ndjson`);
    assert.equal((await response.text()).trimEnd().split("\n").length, 4000);
  }
  const { ino, mtime } = await Deno.stat(database);
  assert.deepEqual({ ino, mtime }, { ino: made.ino, mtime: made.mtime });
  assert.deepEqual(folder.names(), ["data"]);
});
