/** `serve`: how it starts, what it says, and where it does not start. */

import assert from "node:assert/strict";
import { until } from "../waiting.ts";
import { configured, emptyFolder, spillway, startServe } from "./fixture.ts";

Deno.test("serve says where it answers, and answers there", async () => {
  await using folder = await configured();
  await using server = await startServe([], { cwd: folder.path });
  const [start] = server.logs();
  assert.equal(start!.message, `Spillway serves ${server.origin}`);
  assert.equal(start!.level, "INFO");
  assert.equal(start!.exports, 3);
  assert.equal(server.lines.length, 1, "a configuration of one's own gets no greeting");
  const response = await fetch(`${server.origin}/exports/items.csv`);
  assert.equal(await response.text(), "id,note\r\n1,plain\r\n2,'=1+1\r\n");
});

Deno.test("every run is a line of JSON that tells what became of it", async () => {
  await using folder = await configured();
  await using server = await startServe([], { cwd: folder.path });
  const runs = () => server.logs().filter(({ logger }) => logger === "spillway.run");

  const headers = { "Accept-Encoding": "identity" };
  const whole = await fetch(`${server.origin}/exports/rows.csv?rows=3000`, { headers });
  const bytes = (await whole.bytes()).length;
  await until(() => runs().length === 1);
  const complete = runs()[0]!;
  assert.deepEqual(pick(complete, ["level", "id", "state", "export", "format", "rows", "bytes"]), {
    level: "INFO",
    id: whole.headers.get("export-id"),
    state: "complete",
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

  const guarded = await fetch(`${server.origin}/exports/items.csv`);
  await guarded.body!.cancel();
  await until(() => runs().length === 4);
  assert.deepEqual(runs()[3]!.warnings, [{ kind: "formula-guarded", column: "note", count: 1 }]);
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
