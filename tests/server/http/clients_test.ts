/** What clients do to connections: leave, stall, wait, come in numbers; and what is left of them. */

import assert from "node:assert/strict";
import { SPARE_CONNECTIONS } from "../../../server/http/connection_limits.ts";
import { standstill, until } from "../../waiting.ts";
import { connectFrom, RawClient } from "./raw_client.ts";
import { endless, MIB, serve, type TestHttpServer, textBody } from "./serving.ts";

/** A handler that answers when its client has left, and says so. */
function patient(events: string[]) {
  return (request: Request) =>
    new Promise<Response>((resolve) => {
      events.push("asked");
      request.signal.addEventListener("abort", () => {
        events.push("left");
        resolve(new Response(endless(events)));
      });
    });
}

/** Descriptors of this process that are sockets. */
function socketDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith("socket:");
    } catch {
      return false; // closed since it was listed
    }
  }).length;
}

Deno.test("a client that leaves while nothing is answered is noticed, and its late answer dropped", async () => {
  const events: string[] = [];
  await using server = serve(patient(events));
  for (const leave of ["close", "reset"]) {
    const client = await RawClient.connect(server);
    await client.get("/");
    await until(() => events.length === 1);
    // What a client has not read resets the connection when it closes.
    if (leave === "reset") await client.send("x");
    client[Symbol.dispose]();
    await until(() => events.length === 3);
    assert.deepEqual(events.splice(0), ["asked", "left", "cancelled"]);
  }
  await until(() => server.counts.open === 0);
});

Deno.test("a client that leaves while a body has nothing more for it is noticed", async () => {
  const events: string[] = [];
  await using server = serve((request) => {
    request.signal.addEventListener("abort", () => events.push("left"));
    return new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("first")),
        pull: () => new Promise(() => {}),
        cancel: () => void events.push("cancelled"),
      }),
    );
  });
  using client = await RawClient.connect(server);
  await client.get("/");
  await client.skip(5);
  client[Symbol.dispose]();
  await until(() => events.length === 2);
  assert.deepEqual(events.sort(), ["cancelled", "left"]);
  await until(() => server.counts.open === 0);
});

Deno.test("a client that leaves in the middle of a body cancels it", async () => {
  const events: string[] = [];
  await using server = serve(() => new Response(endless(events)));
  for (const bytes of [0, 1, 100, MIB, 10 * MIB]) {
    const client = await RawClient.connect(server);
    await client.get("/");
    await client.skip(bytes);
    client[Symbol.dispose]();
    await until(() => events.length === 1);
    assert.deepEqual(events.splice(0), ["cancelled"]);
  }
  await until(() => server.counts.open === 0);
});

Deno.test("a request whose answer was taken is not told that its client left", async () => {
  const events: string[] = [];
  await using server = serve((request) => {
    request.signal.addEventListener("abort", () => events.push("left"));
    return new Response(textBody(["a", "b"]));
  });
  const client = await RawClient.connect(server);
  await client.get("/");
  await client.answer();
  client[Symbol.dispose]();
  await until(() => server.counts.open === 0);
  assert.deepEqual(events, []);
});

Deno.test("a client that has ended its side gets an answer that is ready; one that is not counts as left", async () => {
  const events: string[] = [];
  const slow = patient(events);
  await using server = serve((request) =>
    new URL(request.url).pathname === "/slow"
      ? slow(request)
      : new Response(textBody(["re", "ady"]))
  );
  using ready = await RawClient.connect(server);
  await ready.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  await ready.closeWrite();
  assert.equal((await ready.answer()).body, "ready");
  assert.equal((await ready.answer()).body, "ready");
  assert.equal(await ready.rest(), "");

  using waiting = await RawClient.connect(server);
  await waiting.get("/slow");
  await waiting.closeWrite();
  assert.equal(await waiting.rest(), "");
  await until(() => events.length === 3);
  assert.deepEqual(events, ["asked", "left", "cancelled"]);
});

Deno.test("an answer that was ready is sent to the last byte to a slow client that has ended its side", async () => {
  const size = 32 * MIB;
  await using server = serve(() =>
    new Response(new Uint8Array(size), { headers: { "Content-Length": `${size}` } })
  );
  using client = await RawClient.connect(server);
  await client.get("/");
  await client.closeWrite();
  await standstill(() => server.counts.open);
  assert.ok(await client.skip(2 * size) >= size);
});

Deno.test("a thousand clients that leave, at all times, leave nothing behind", async () => {
  const events: string[] = [];
  await using server = serve((request) => {
    const { pathname } = new URL(request.url);
    return pathname === "/wait" ? patient(events)(request) : new Response(endless(events));
  });
  const leaveOne = async (turn: number) => {
    using client = await RawClient.connect(server);
    switch (turn % 5) {
      case 0:
        return;
      case 1:
        return await client.send("GET / HT");
      case 2:
        return await client.get("/wait");
      case 3:
        await client.get("/");
        return void await client.skip(turn);
      default:
        await client.get("/");
        await client.closeWrite();
    }
  };
  await leaveOne(3);
  await until(() => server.counts.open === 0);
  const before = socketDescriptors();
  for (let turn = 0; turn < 1000; turn += 20) {
    await Promise.all(Array.from({ length: 20 }, (_, index) => leaveOne(turn + index)));
  }
  await until(() => server.counts.open === 0);
  await until(() => socketDescriptors() <= before);
  const count = (name: string) => events.filter((event) => event === name).length;
  await until(() => count("left") === count("asked"));
});

Deno.test("a client that stalls is closed, and the answer's body is cancelled", async () => {
  const events: string[] = [];
  await using server = serve(() => new Response(endless(events)), { stallTimeout: 300 });
  using client = await RawClient.connect(server);
  await client.get("/");
  await until(() => server.counts.stalled === 1);
  await until(() => events.length === 1);
  assert.deepEqual(events, ["cancelled"]);
  await until(() => server.counts.open === 0);
  // What the kernel had taken is all that there is: the end is no clean one.
  const total = await client.skip(64 * MIB);
  assert.ok(total < 16 * MIB, `${total} bytes`);
});

Deno.test("half a head is answered 408, be it the first one or a later one", async () => {
  await using server = serve(() => new Response("ok"), { headTimeout: 300 });
  for (const before of [0, 2]) {
    using client = await RawClient.connect(server);
    for (let request = 0; request < before; request++) {
      await client.get("/");
      assert.equal((await client.answer()).body, "ok");
    }
    await client.send("GET / HTTP/1.1\r\nHost:");
    const { status, headers } = await client.answer();
    assert.deepEqual([status, headers.get("connection")], [408, "close"]);
    assert.equal(await client.rest(), "");
  }
  assert.equal(server.counts.headless, 2);
});

Deno.test("a head that trickles in has no more time for that, and neither has one that never begins", async () => {
  await using server = serve(() => new Response("ok"), { headTimeout: 400 });
  using trickling = await RawClient.connect(server);
  await trickling.get("/");
  await trickling.answer();
  await trickling.send("GET /");
  const trickle = setInterval(() => void trickling.send("a").catch(() => {}), 50);
  try {
    assert.equal((await trickling.answer()).status, 408);
  } finally {
    clearInterval(trickle);
  }
  using silent = await RawClient.connect(server);
  assert.equal((await silent.answer()).status, 408);
  using lines = await RawClient.connect(server);
  await lines.send("\r\n\r\n");
  assert.equal((await lines.answer()).status, 408);
});

Deno.test("a body that stops coming is answered 408, and whoever reads it learns of it", async () => {
  const events: string[] = [];
  await using server = serve(async (request) => {
    await request.text().catch(() => events.push("broken"));
    return new Response("too late");
  }, { bodyTimeout: 300 });
  using client = await RawClient.connect(server);
  await client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf of it");
  assert.equal((await client.answer()).status, 408);
  client[Symbol.dispose]();
  await until(() => events.length === 1);
  assert.equal(server.counts.bodyless, 1);
});

Deno.test("a connection that asks nothing more is closed, one that waits for its answer is not", async () => {
  const answer = Promise.withResolvers<Response>();
  await using server = serve(
    (request) => request.url.endsWith("/slow") ? answer.promise : new Response("quick"),
    { idleTimeout: 300 },
  );
  using quick = await RawClient.connect(server);
  using slow = await RawClient.connect(server);
  await slow.get("/slow");
  await quick.get("/quick");
  assert.equal((await quick.answer()).body, "quick");
  assert.equal(await quick.rest(), "");
  assert.equal(server.counts.idle, 1);
  answer.resolve(new Response("slow"));
  assert.equal((await slow.answer()).body, "slow");
});

/** Opens as many connections, and waits until the server has them. */
async function fill(server: TestHttpServer, count: number): Promise<RawClient[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => RawClient.connect(server)));
  await until(() => server.counts.open >= count);
  return clients;
}

function leaveAll(clients: readonly RawClient[]): void {
  for (const client of clients) client[Symbol.dispose]();
}

Deno.test("beyond all connections health is answered, all else 503, and there is room again later", async () => {
  await using server = serve(() => new Response("ok"), {
    connections: 3,
    isEssential: (path) => path === "/healthz",
  });
  const clients = await fill(server, 3);
  assert.equal(server.state, "full");
  using health = await RawClient.connect(server);
  await health.get("/healthz?x");
  assert.deepEqual(["ok", ""], [(await health.answer()).body, await health.rest()]);
  using other = await RawClient.connect(server);
  await other.get("/exports/a.csv?_x=/healthz");
  const { status, headers } = await other.answer();
  assert.deepEqual([status, headers.get("connection")], [503, "close"]);
  assert.match(headers.get("retry-after")!, /^([5-9]|10)$/);
  clients.pop()![Symbol.dispose]();
  await until(() => server.state === "ready");
  using next = await RawClient.connect(server);
  await next.get("/exports/a.csv");
  assert.equal((await next.answer()).body, "ok");
  leaveAll(clients);
});

Deno.test("one client cannot have them all, and is told so; others, and health, are answered", async () => {
  await using server = serve(() => new Response("ok"), {
    connections: 100,
    perAddress: 3,
    isEssential: (path) => path === "/healthz",
  });
  const clients = await fill(server, 3);
  using fourth = await RawClient.connect(server);
  await fourth.get("/exports/a.csv");
  const answer = await fourth.answer();
  assert.equal(answer.status, 429);
  assert.match(answer.headers.get("retry-after")!, /^([5-9]|10)$/);
  using health = await RawClient.connect(server);
  await health.get("/healthz");
  assert.equal((await health.answer()).status, 200);
  using other = await connectFrom("127.0.0.2", server);
  other.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.match(await other.rest, /^HTTP\/1\.1 200 .*ok$/s);
  assert.equal(server.state, "ready");
  leaveAll(clients);
});

Deno.test("who asks at once is heard, however many connect and ask nothing", async () => {
  await using server = serve(() => new Response("ok"), {
    connections: 2,
    isEssential: (path) => path === "/healthz",
  });
  const clients = await fill(server, 2);
  const silent = await Promise.all(
    Array.from({ length: 5 * SPARE_CONNECTIONS }, () => RawClient.connect(server)),
  );
  await until(() => server.counts.refused > 0);
  assert.ok(server.counts.open <= 2 + SPARE_CONNECTIONS);
  using health = await RawClient.connect(server);
  await health.get("/healthz");
  assert.equal((await health.answer()).status, 200);
  using other = await connectFrom("127.0.0.3", server);
  other.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match(await other.rest, /^HTTP\/1\.1 200 .*ok$/s);
  leaveAll([...clients, ...silent]);
});

Deno.test("behind a trusted proxy each client has its own limit, and the proxy has none", async () => {
  const answers: ((response: Response) => void)[] = [];
  const addresses: string[] = [];
  await using server = serve((_, { remoteAddress }) => {
    addresses.push(remoteAddress);
    return new Promise<Response>((resolve) => answers.push(resolve));
  }, {
    perAddress: 2,
    trustedProxies: ["127.0.0.1"],
    isEssential: (path) => path === "/healthz",
  });
  const clients = await fill(server, 6);
  const ask = (index: number, path: string, client: string) =>
    clients[index]!.get(path, `X-Forwarded-For: 192.0.2.99, ${client}`);
  await ask(0, "/", "192.0.2.1");
  await ask(1, "/", "192.0.2.1");
  await until(() => addresses.length === 2);
  await ask(2, "/", "192.0.2.1");
  assert.equal((await clients[2]!.answer()).status, 429);
  await ask(3, "/", "192.0.2.2");
  await ask(4, "/healthz", "192.0.2.1");
  // A proxy that tells nothing of its client asks for itself.
  await clients[5]!.get("/");
  await until(() => addresses.length === 5);
  assert.deepEqual(addresses.sort(), [
    "127.0.0.1",
    "192.0.2.1",
    "192.0.2.1",
    "192.0.2.1",
    "192.0.2.2",
  ]);
  for (const answer of answers.splice(0)) answer(new Response("done"));
  await clients[0]!.answer();
  await ask(0, "/", "192.0.2.1");
  await until(() => answers.length === 1);
  answers[0]!(new Response("again"));
  assert.equal((await clients[0]!.answer()).body, "again");
  leaveAll(clients);
});

Deno.test("a server that drains gives everybody the rest of their answer, and closes who asks nothing", async () => {
  const size = 32 * MIB;
  let sent = 0;
  await using server = serve(() =>
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
  using busy = await RawClient.connect(server);
  using idle = await RawClient.connect(server);
  await busy.get("/");
  await until(() => sent > MIB);
  const drained = server.drain();
  assert.equal(await idle.rest(), "");
  await assert.rejects(RawClient.connect(server));
  assert.ok(await busy.skip(2 * size) > size);
  await drained;
});

Deno.test("a server that drains answers what is on its way to it, on old and on new connections", async () => {
  await using server = serve(() => new Response("ok"));
  using idle = await RawClient.connect(server);
  await idle.get("/");
  await idle.answer();
  const drained = server.drain();
  await idle.get("/");
  const { body, headers } = await idle.answer();
  assert.deepEqual([body, headers.get("connection")], ["ok", "close"]);
  await drained;
});

Deno.test("a client that ignores the end of its connection does not hold up a server that drains", async () => {
  await using server = serve(() => new Response("ok"));
  using client = await RawClient.connect(server);
  await client.get("/", "Connection: close");
  await client.answer();
  // It has not closed its side, and does not.
  await server.drain();
});

Deno.test("a client that stalls does not keep a server from closing", async () => {
  const events: string[] = [];
  const server = serve(() => new Response(endless(events)));
  using client = await RawClient.connect(server);
  await client.get("/");
  await client.skip(MIB);
  let drained = false;
  void server.drain().then(() => drained = true);
  await standstill(() => server.counts.open);
  assert.deepEqual([drained, server.counts.open], [false, 1]);
  await server.close();
  assert.deepEqual(events, ["cancelled"]);
});
