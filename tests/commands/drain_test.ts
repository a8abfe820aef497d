/** How `serve` ends: what it finishes, what it refuses meanwhile, and what it leaves behind. */

import assert from "node:assert/strict";
import { RawClient } from "../server/http/raw_client.ts";
import { until } from "../waiting.ts";
import { childrenOf, configured, isAlive, type Serving, startServe } from "./fixture.ts";

/** The row of the export `rows` at a number. */
function rowAt(id: number): string {
  return `${id},${String(id).padStart(90, "0")}\r\n`;
}

/** Enough that neither the kernel nor the server can take it all from a client that waits: 99 MB. */
const MANY_ROWS = 1_000_000;

/** Longer than any test waits: a server that ends has not waited for it. */
const PATIENT = "drain_timeout: 10m";

/** A download whose first bytes have come, and which waits to be read on. */
async function startDownload(server: Serving, rows = MANY_ROWS) {
  // Compressed, so many zeros would be few bytes.
  const headers = { "Accept-Encoding": "identity" };
  const response = await fetch(`${server.origin}/exports/rows.csv?rows=${rows}`, { headers });
  assert.equal(response.status, 200);
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  return { reader, start: value! };
}

type Download = Awaited<ReturnType<typeof startDownload>>;

/** Reads the rest of a download and checks that it is the whole file. */
async function assertWhole({ reader, start }: Download, rows = MANY_ROWS): Promise<void> {
  const decoder = new TextDecoder();
  let rest = decoder.decode(start);
  assert.ok(rest.startsWith("id,padding\r\n"));
  let lines = rest.split("\r\n").length - 1;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const text = decoder.decode(value, { stream: true });
    lines += text.split("\n").length - 1;
    rest = rest.slice(-200) + text;
  }
  assert.equal(lines, rows + 1);
  assert.ok(rest.endsWith(rowAt(rows)));
}

Deno.test("with no run in flight, SIGTERM and SIGINT end a server at once, with 0", async () => {
  await using folder = await configured(PATIENT);
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    await using server = await startServe([], { cwd: folder.path });
    // A connection that is kept alive is no run.
    await (await fetch(`${server.origin}/healthz`)).text();
    server.signal(signal);
    assert.equal(await server.ended(), 0);
  }
});

Deno.test("SIGTERM lets a download finish, and takes no other meanwhile", async () => {
  await using folder = await configured(PATIENT);
  await using server = await startServe([], { cwd: folder.path });
  const download = await startDownload(server);
  server.signal("SIGTERM");
  await until(async () => {
    const ready = await fetch(`${server.origin}/readyz`);
    const { status } = await ready.json();
    return ready.status === 503 && status === "draining";
  });
  const healthy = await fetch(`${server.origin}/healthz`);
  assert.equal(healthy.status, 200);
  await healthy.body!.cancel();
  const refused = await fetch(`${server.origin}/exports/rows.csv`);
  assert.equal(refused.status, 503);
  assert.match(refused.headers.get("retry-after")!, /^([5-9]|10)$/);
  assert.equal((await refused.json()).detail, "This server is stopping; try again shortly");
  await assertWhole(download);
  assert.equal(await server.ended(), 0);
  assert.equal(server.logs().at(-1)!.state, "complete");
});

Deno.test("the last bytes of a download are not lost with the server that has no more to do", async () => {
  await using folder = await configured(PATIENT);
  await using server = await startServe([], { cwd: folder.path });
  using socket = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const rows = 60_000;
  await socket.write(new TextEncoder().encode(
    `GET /exports/rows.csv?rows=${rows} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`,
  ));
  const buffer = new Uint8Array(64 * 1024);
  const decoder = new TextDecoder();
  let text = "";
  let stopping = false;
  for (;;) {
    const count = await socket.read(buffer);
    if (count === null) break;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    if (!stopping) server.signal("SIGTERM");
    stopping = true;
    // Slowly, so that the kernel is still full when the run has ended: faster, the test passes and says less.
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.ok(text.endsWith("\r\n0\r\n\r\n"), "the last chunk has come");
  assert.ok(text.includes(rowAt(rows)), "and the last row with it");
  assert.equal(await server.ended(), 0);
});

Deno.test("a client that stalls does not keep a server for longer than drain_timeout", async () => {
  await using folder = await configured("drain_timeout: 700ms");
  await using server = await startServe([], { cwd: folder.path });
  const { reader } = await startDownload(server, 50_000_000);
  const asked = performance.now();
  server.signal("SIGTERM");
  assert.equal(await server.ended(), 0);
  const after = performance.now() - asked;
  assert.ok(after >= 700, `${after} ms`);
  await assert.rejects(async () => {
    while (!(await reader.read()).done);
  }, "half a file is no whole one");
});

Deno.test("a second signal does not wait for the runs", async () => {
  await using folder = await configured(PATIENT);
  await using server = await startServe([], { cwd: folder.path });
  const { reader } = await startDownload(server, 50_000_000);
  server.signal("SIGTERM");
  await until(() =>
    server.logs().some(({ message }) => String(message).startsWith("Stopping: 1 "))
  );
  server.signal("SIGTERM");
  assert.equal(await server.ended(), 0);
  await reader.cancel().catch(() => {});
});

Deno.test("Ctrl-C, which the workers get as well, does not break a download", async () => {
  await using folder = await configured(PATIENT);
  await using server = await startServe([], { cwd: folder.path });
  const download = await startDownload(server);
  const workers = await childrenOf(server.pid);
  assert.ok(workers.length > 0);
  server.signal("SIGINT", "group");
  await until(() =>
    server.logs().some(({ message }) => String(message).startsWith("Stopping: 1 "))
  );
  await assertWhole(download);
  assert.equal(await server.ended(), 0);
  await until(() => !workers.some(isAlive));
});

Deno.test("when a server is killed, its workers end by themselves", async () => {
  await using folder = await configured();
  await using server = await startServe([], { cwd: folder.path });
  const { reader } = await startDownload(server, 50_000_000);
  const workers = await childrenOf(server.pid);
  assert.ok(workers.length > 0);
  server.signal("SIGKILL");
  await server.ended();
  await until(() => !workers.some(isAlive));
  await reader.cancel().catch(() => {});
});

Deno.test("a server that is told to stop answers what is on its way to it", async () => {
  await using folder = await configured();
  await using server = await startServe([], { cwd: folder.path });
  const addr = { hostname: "127.0.0.1", port: server.port } as Deno.NetAddr;
  using kept = await RawClient.connect({ addr });
  await kept.get("/healthz");
  await kept.answer();
  // While it stands still the requests and the signal come together.
  server.signal("SIGSTOP");
  await kept.get("/healthz");
  using late = await RawClient.connect({ addr });
  await late.get("/healthz");
  server.signal("SIGTERM");
  server.signal("SIGCONT");
  for (const client of [kept, late]) {
    const { status, body } = await client.answer();
    assert.deepEqual([status, body], [200, '{"status":"ok"}']);
  }
  assert.equal(await server.ended(), 0);
});

/** A server whose workers have all run something, and are stopped. */
async function startStopped(path: string): Promise<Serving & { readonly workers: number[] }> {
  const server = await startServe([], { cwd: path });
  await (await fetch(`${server.origin}/exports/items.csv`)).text();
  const workers = await childrenOf(server.pid);
  for (const pid of workers) Deno.kill(pid, "SIGSTOP");
  return Object.assign(server, { workers });
}

Deno.test("a worker that is stopped does not keep a server from ending, and ends with it", async () => {
  await using folder = await configured();
  await using server = await startStopped(folder.path);
  server.signal("SIGTERM");
  assert.equal(await server.ended(), 0);
  await until(() => !server.workers.some(isAlive));
});

Deno.test("a second signal ends a server whose workers are stopped, and its downloads with it", async () => {
  await using folder = await configured();
  await using server = await startStopped(folder.path);
  for (const pid of server.workers) Deno.kill(pid, "SIGCONT");
  const { reader } = await startDownload(server, 50_000_000);
  const workers = await childrenOf(server.pid);
  for (const pid of workers) Deno.kill(pid, "SIGSTOP");
  server.signal("SIGTERM");
  await until(() =>
    server.logs().some(({ message }) => String(message).startsWith("Stopping: 1 "))
  );
  server.signal("SIGINT");
  await server.ended();
  await until(() => !workers.some(isAlive));
  await assert.rejects(async () => {
    while (!(await reader.read()).done);
  });
});
