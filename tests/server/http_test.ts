/** What the gate does with sockets, over real ones. */

import assert from "node:assert/strict";
import { serveHttp } from "../../server/http.ts";
import { until } from "../runs/fixture.ts";

const MIB = 1024 * 1024;
const encoder = new TextEncoder();

/** An endless file, and how it was given up. */
function endless(events: string[]): Response {
  return new Response(
    new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
      cancel: () => void events.push("cancelled"),
    }, { highWaterMark: 0 }),
  );
}

function serve(
  fetch: (request: Request) => Response | Promise<Response>,
  limits: Parameters<typeof serveHttp>[0] | Record<string, number> = {},
) {
  return serveHttp({ hostname: "127.0.0.1", port: 0, ...limits }, fetch);
}

function connect({ addr }: { addr: Deno.NetAddr }): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port: addr.port });
}

async function send(socket: Deno.TcpConn, text: string): Promise<void> {
  await socket.write(encoder.encode(text));
}

/** Reads until the other side ends. */
async function readAll(socket: Deno.TcpConn): Promise<Uint8Array> {
  const chunks: number[] = [];
  const buffer = new Uint8Array(64 * 1024);
  let total = 0;
  for (;;) {
    const count = await socket.read(buffer).catch(() => null);
    if (count === null) break;
    total += count;
    if (chunks.length < 4096) chunks.push(...buffer.subarray(0, Math.min(count, 4096)));
  }
  return Object.assign(new Uint8Array(chunks), { total });
}

Deno.test("answers pass through, over one connection after another and one for several", async () => {
  const server = serve((request) => new Response(new URL(request.url).pathname));
  const socket = await connect(server);
  for (const path of ["/one", "/two"]) {
    await send(socket, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const buffer = new Uint8Array(4096);
    const text = new TextDecoder().decode(buffer.subarray(0, (await socket.read(buffer))!));
    assert.ok(text.endsWith(path), text);
  }
  socket.close();
  await until(() => server.counts.open === 0);
  await server.close();
});

Deno.test("a client that stalls is closed, and the answer's body is cancelled", async () => {
  const events: string[] = [];
  const server = serve(() => endless(events), { stallTimeout: 500 });
  const socket = await connect(server);
  await send(socket, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await until(() => server.counts.stalled === 1, 5000);
  await until(() => events.length === 1);
  assert.deepEqual(events, ["cancelled"]);
  assert.equal(server.counts.open, 0);
  // What the kernel had taken is all that there is: the end is no clean one.
  const { total } = await readAll(socket) as Uint8Array & { total: number };
  assert.ok(total < 16 * MIB, `${total} bytes`);
  socket.close();
  await server.close();
});

Deno.test("a client that reads slowly but reads is not closed", async () => {
  const events: string[] = [];
  const server = serve(() => endless(events), { stallTimeout: 1000 });
  const socket = await connect(server);
  await send(socket, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const buffer = new Uint8Array(MIB);
  for (let turn = 0; turn < 25; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (let read = 0; read < MIB;) read += (await socket.read(buffer))!;
  }
  assert.equal(server.counts.stalled, 0);
  socket.close();
  await until(() => events.length === 1);
  await server.close();
});

Deno.test("half a head is answered 408 and closed", async () => {
  const server = serve(() => new Response("never"), { headTimeout: 300 });
  const socket = await connect(server);
  await send(socket, "GET / HTTP/1.1\r\nHost:");
  const text = new TextDecoder().decode(await readAll(socket));
  assert.match(text, /^HTTP\/1\.1 408 /);
  assert.equal(server.counts.headless, 1);
  socket.close();
  await server.close();
});

Deno.test("a connection that asks nothing more is closed, one that waits for its answer is not", async () => {
  const answer = Promise.withResolvers<Response>();
  const server = serve(
    (request) => request.url.endsWith("/slow") ? answer.promise : new Response("quick"),
    { idleTimeout: 300 },
  );
  const [quick, slow] = [await connect(server), await connect(server)];
  await send(quick, "GET /quick HTTP/1.1\r\nHost: x\r\n\r\n");
  await send(slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.ok(new TextDecoder().decode(await readAll(quick)).endsWith("quick"));
  assert.equal(server.counts.idle, 1);
  await new Promise((resolve) => setTimeout(resolve, 600));
  answer.resolve(new Response("slow"));
  assert.ok(new TextDecoder().decode(await readAll(slow)).endsWith("slow"));
  quick.close();
  slow.close();
  await server.close();
});

Deno.test("more connections than allowed are closed at once, and there is room again later", async () => {
  const server = serve(() => new Response("ok"), { connections: 2 });
  const sockets = [await connect(server), await connect(server)];
  await until(() => server.counts.open === 2);
  const third = await connect(server);
  assert.equal((await readAll(third)).length, 0);
  assert.equal(server.counts.refused, 1);
  third.close();
  sockets[0]!.close();
  await until(() => server.counts.open === 1);
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
  assert.equal(await response.text(), "ok");
  sockets[1]!.close();
  await server.close();
});

Deno.test("a port that is taken is an error that says so", async () => {
  const server = serve(() => new Response("ok"));
  assert.throws(
    () => serveHttp({ hostname: "127.0.0.1", port: server.addr.port }, () => new Response("")),
    Deno.errors.AddrInUse,
  );
  await server.close();
});

Deno.test("a server that drains gives everybody the rest of their answer", async () => {
  const size = 32 * MIB;
  let sent = 0;
  const server = serve(() =>
    new Response(
      new ReadableStream({
        pull(controller) {
          if (sent === size) return controller.close();
          sent += 64 * 1024;
          controller.enqueue(new Uint8Array(64 * 1024));
        },
      }, { highWaterMark: 0 }),
    )
  );
  const [busy, idle] = [await connect(server), await connect(server)];
  await send(busy, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await until(() => sent > MIB);
  const drained = server.drain();
  await assert.rejects(connect(server));
  const { total } = await readAll(busy) as Uint8Array & { total: number };
  assert.ok(total > size, `${total} bytes`);
  await drained;
  assert.equal((await readAll(idle)).length, 0);
  assert.equal(server.counts.open, 0);
  busy.close();
  idle.close();
  await server.close();
});

Deno.test("a client that stalls does not keep a server from closing", async () => {
  const events: string[] = [];
  const server = serve(() => endless(events));
  const socket = await connect(server);
  await send(socket, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await until(() => server.counts.open === 1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  void server.drain();
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(server.counts.open, 1);
  await server.close();
  assert.deepEqual(events, ["cancelled"]);
  socket.close();
});

Deno.test("a later head that trickles in is not waited for longer than an idle connection", async () => {
  const server = serve(() => new Response("ok"), { idleTimeout: 400 });
  const socket = await connect(server);
  await send(socket, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const trickle = setInterval(() => void send(socket, "X").catch(() => {}), 100);
  await until(() => server.counts.idle === 1, 3000);
  clearInterval(trickle);
  assert.equal(server.counts.open, 0);
  socket.close();
  await server.close();
});

Deno.test("over HTTP/1.0, where half a file looks whole, only files of a known length are sent", async () => {
  const events: string[] = [];
  const server = serve((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/health") return new Response("fine");
    const headers = new Headers({ "Content-Disposition": "attachment" });
    if (pathname === "/stream") return new Response(endless(events).body, { headers });
    headers.set("Content-Length", "4");
    return new Response("file", { headers });
  });
  const ask = async (path: string) => {
    const socket = await connect(server);
    await send(socket, `GET ${path} HTTP/1.0\r\n\r\n`);
    const text = new TextDecoder().decode(await readAll(socket));
    socket.close();
    return [Number(/^HTTP\/1\.\d (\d+)/.exec(text)?.[1]), text.slice(text.indexOf("\r\n\r\n") + 4)];
  };
  assert.deepEqual(await ask("/health"), [200, "fine"]);
  assert.deepEqual(await ask("/whole"), [200, "file"]);
  const [status, body] = await ask("/stream");
  assert.equal(status, 505);
  assert.match(String(body), /HTTP\/1\.0 cannot tell half a file from a whole one/);
  assert.deepEqual(events, ["cancelled"]);
  await server.close();
});
