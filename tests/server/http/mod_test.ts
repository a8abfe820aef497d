/** What the HTTP server makes of requests and answers, over real sockets. */

import assert from "node:assert/strict";
import type { Client, RefusedRequest } from "../../../server/http/exchange.ts";
import { standstill, until } from "../../waiting.ts";
import { RawClient } from "./raw_client.ts";
import { endless, MIB, serve, textBody } from "./serving.ts";

/** Says what was asked for. */
const echo = (request: Request) => new Response(`${request.method} ${request.url}`);

Deno.test("answers come one after another over one connection, and at once where requests do", async () => {
  await using server = serve((request) => new Response(new URL(request.url).pathname));
  using client = await RawClient.connect(server);
  for (const path of ["/one", "/two"]) {
    await client.get(path);
    assert.equal((await client.answer()).body, path);
  }
  await client.send(
    "GET /three HTTP/1.1\r\nHost: x\r\n\r\nGET /four HTTP/1.1\r\nHost: x\r\n\r\n",
  );
  assert.equal((await client.answer()).body, "/three");
  assert.equal((await client.answer()).body, "/four");
});

Deno.test("of requests that are sent at once, each is begun when the one before is answered", async () => {
  const events: string[] = [];
  const answers = new Map<string, (response: Response) => void>();
  await using server = serve((request) => {
    const { pathname } = new URL(request.url);
    events.push(pathname);
    return new Promise((resolve) => answers.set(pathname, resolve));
  });
  using client = await RawClient.connect(server);
  await client.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  await until(() => events.length === 1);
  answers.get("/1")!(new Response("first"));
  assert.equal((await client.answer()).body, "first");
  await until(() => events.length === 2);
  answers.get("/2")!(new Response("second"));
  assert.equal((await client.answer()).body, "second");
  assert.deepEqual(events, ["/1", "/2"]);
});

Deno.test("a client that sends hundreds of requests at once is closed", async () => {
  const answer = Promise.withResolvers<Response>();
  await using server = serve(() => answer.promise);
  using client = await RawClient.connect(server);
  await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(200));
  assert.equal(await client.rest(), "");
  answer.resolve(new Response("too late"));
});

Deno.test("an empty line before a request is no mistake", async () => {
  await using server = serve(echo);
  using client = await RawClient.connect(server);
  await client.send("\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.equal((await client.answer()).body, `GET http://127.0.0.1:${server.addr.port}/a`);
  assert.equal((await client.answer()).body, `GET http://127.0.0.1:${server.addr.port}/b`);
});

Deno.test("the URL is the target's, under an origin of ours, whatever Host says", async () => {
  await using server = serve(echo, { origin: "https://exports.example.com" });
  using client = await RawClient.connect(server);
  const cases: [target: string, host: string, url: string][] = [
    ["/exports/a.csv?x=1", "x/metrics?", "/exports/a.csv?x=1"],
    ["/exports/a.csv", "evil@x/metrics#", "/exports/a.csv"],
    ["/a", "", "/a"],
    ["//evil.example/a", "x", "//evil.example/a"],
    ["/a%2Fb", "x", "/a%2Fb"],
  ];
  for (const [target, host, url] of cases) {
    await client.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.equal((await client.answer()).body, `GET https://exports.example.com${url}`);
  }
});

Deno.test("a target in absolute form takes the place of Host", async () => {
  await using server = serve((request) =>
    new Response(`${new URL(request.url).pathname} ${request.headers.get("Host")}`)
  );
  using client = await RawClient.connect(server);
  await client.send("GET http://evil.example:8/a?b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  assert.equal((await client.answer()).body, "/a evil.example:8");
  await client.send("GET http://evil.example HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  assert.equal((await client.answer()).body, "/ evil.example");
});

Deno.test("what is no request of HTTP/1.1 is refused, and told to the log", async () => {
  const refused: RefusedRequest[] = [];
  await using server = serve(echo, { onRefusal: (one) => void refused.push(one) });
  const cases: [request: string, status: number, detail: string][] = [
    ["GET / HTTP/1.1\r\n\r\n", 400, "A request has one Host header"],
    ["GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "A request has one Host header"],
    ["GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n", 400, "The target of the request is no path"],
    ["GET /a#?b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "The target of the request is no path"],
    [
      "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n",
      400,
      "A request has one Authorization header",
    ],
    ["OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "The target of the request is no path"],
    ["TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "There is no such method here"],
    ["HELLO\r\n\r\n", 400, "This is no request of HTTP/1.1"],
    ["GET / HTTP/1.1\nHost: a\n\n", 400, "This is no request of HTTP/1.1"],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "This is no request of HTTP/1.1"],
    [
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
      "This is no request of HTTP/1.1",
    ],
  ];
  for (const [request, status, detail] of cases) {
    using client = await RawClient.connect(server);
    await client.send(request);
    const answer = await client.answer();
    assert.equal(answer.status, status, request);
    assert.equal(answer.headers.get("content-type"), "application/problem+json");
    const problem = JSON.parse(answer.body);
    assert.deepEqual([problem.status, problem.detail], [status, detail]);
    const { client: address, status: logged, detail: reason } = refused.pop()!;
    assert.deepEqual([address, logged, reason], ["127.0.0.1", status, detail]);
  }
});

Deno.test("a path of more than 8 KiB is 414 before the handler is asked; a query may be longer", async () => {
  let asked = 0;
  const refused: RefusedRequest[] = [];
  const count = () => new Response(`${++asked}`);
  await using server = serve(count, { onRefusal: (one) => void refused.push(one) });
  using client = await RawClient.connect(server);
  const longest = `/${"a".repeat(8191)}`;
  const cases: [target: string, status: number][] = [
    [longest, 200],
    [`${longest}a`, 414],
    [`${longest}a?b=1`, 414],
    [`http://127.0.0.1${longest}`, 414],
    [`/a?${"b".repeat(40_000)}`, 200],
  ];
  // At once over one connection: a refusal takes its turn among the answers.
  for (const [target] of cases) await client.get(target);
  for (const [target, status] of cases) {
    assert.equal((await client.answer()).status, status, target);
  }
  assert.equal(asked, 2);
  assert.deepEqual(refused.map(({ status }) => status), [414, 414, 414]);
  assert.equal(refused[0]!.detail, "The path of the request is longer than 8 KiB");
  assert.equal(refused[0]!.path, `/${"a".repeat(1023)}`);
});

Deno.test("a head of 300 KB is 431, which its client gets to read", async () => {
  await using server = serve(echo);
  using client = await RawClient.connect(server);
  await client.get("/", `X: ${"a".repeat(300_000)}`);
  const { status, headers } = await client.answer();
  assert.equal(status, 431);
  assert.equal(headers.get("connection"), "close");
  assert.equal(await client.rest(), "");
  // A list of ids in the URL is no attack.
  using other = await RawClient.connect(server);
  await other.get(`/?ids=${"123456789,".repeat(4000)}1`);
  assert.equal((await other.answer()).status, 200);
});

Deno.test("what follows a request and is none is refused when the request is answered", async () => {
  const answer = Promise.withResolvers<Response>();
  await using server = serve(() => answer.promise);
  using client = await RawClient.connect(server);
  await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\nHELLO\r\n\r\n");
  answer.resolve(new Response("whole"));
  assert.equal((await client.answer()).body, "whole");
  assert.equal((await client.answer()).status, 400);
  assert.equal(await client.rest(), "");
});

Deno.test("headers arrive as they were given, and none is added but what HTTP needs", async () => {
  await using server = serve(() =>
    new Response("text", {
      headers: [
        ["Content-Type", "text/csv; charset=utf-8"],
        ["Content-Length", "4"],
        ["Set-Cookie", "a=1"],
        ["Set-Cookie", "b=2"],
        ["X-Latin", "caf\xe9"],
      ],
    })
  );
  using client = await RawClient.connect(server);
  await client.get("/");
  const { headers, body } = await client.answer();
  assert.equal(body, "text");
  const { date, ...others } = Object.fromEntries(headers);
  assert.match(date!, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
  assert.deepEqual(others, {
    "content-type": "text/csv; charset=utf-8",
    "content-length": "4",
    "set-cookie": "a=1, b=2",
    "x-latin": "caf\xe9",
    "connection": "keep-alive",
  });
});

Deno.test("a body in one piece has a length, one in several pieces has chunks, none has 0", async () => {
  await using server = serve((request) => {
    switch (new URL(request.url).pathname) {
      case "/text":
        return new Response("text");
      case "/pieces":
        return new Response(textBody(["pie", "ces"]));
      case "/length":
        return new Response(textBody(["pie", "ces"]), { headers: { "Content-Length": "6" } });
      case "/empty":
        return new Response("");
      default:
        return new Response(null);
    }
  });
  using client = await RawClient.connect(server);
  const framing = async (path: string) => {
    await client.get(path);
    const { headers, body } = await client.answer();
    return [headers.get("content-length"), headers.get("transfer-encoding"), body];
  };
  assert.deepEqual(await framing("/text"), ["4", undefined, "text"]);
  assert.deepEqual(await framing("/pieces"), [undefined, "chunked", "pieces"]);
  assert.deepEqual(await framing("/length"), ["6", undefined, "pieces"]);
  assert.deepEqual(await framing("/empty"), ["0", undefined, ""]);
  assert.deepEqual(await framing("/none"), ["0", undefined, ""]);
});

Deno.test("HEAD, 204 and 304 have no body, and no length that is not theirs", async () => {
  const events: string[] = [];
  await using server = serve((request) => {
    const status = Number(new URL(request.url).pathname.slice(1));
    if (status !== 200) return new Response(null, { status });
    const headers = request.headers.has("X-Length") ? { "Content-Length": "1000" } : {};
    return new Response(endless(events), { headers });
  });
  using client = await RawClient.connect(server);
  const head = async (request: string) => {
    await client.send(`${request} HTTP/1.1\r\nHost: x\r\n\r\n`);
    // The next answer proves that no body came.
    await client.send("GET /404 HTTP/1.1\r\nHost: x\r\n\r\n");
    const text: string[] = [];
    for (;;) {
      const { status, headers } = await client.answer().catch((error) => assert.fail(error));
      if (status === 404) return text;
      text.push(`${status} ${headers.get("content-length")} ${headers.get("transfer-encoding")}`);
    }
  };
  assert.deepEqual(await head("HEAD /200"), ["200 undefined undefined"]);
  assert.deepEqual(events, ["cancelled"]);
  assert.deepEqual(await head("GET /204"), ["204 undefined undefined"]);
  assert.deepEqual(await head("GET /304"), ["304 undefined undefined"]);
  using other = await RawClient.connect(server);
  await other.send("HEAD /200 HTTP/1.1\r\nHost: x\r\nX-Length: 1\r\nConnection: close\r\n\r\n");
  assert.match(await other.rest(), /\r\ncontent-length: 1000\r\n(?:.*\r\n)*\r\n$/);
});

Deno.test("a head does not wait for a body that has nothing yet", async () => {
  const piece = Promise.withResolvers<void>();
  await using server = serve(() =>
    new Response(
      new ReadableStream({
        async pull(controller) {
          await piece.promise;
          controller.enqueue(new TextEncoder().encode("late"));
          controller.close();
        },
      }),
    )
  );
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
  assert.equal(response.status, 200);
  piece.resolve();
  assert.equal(await response.text(), "late");
});

Deno.test("a body that fails breaks the transport, whichever request of a connection it is of", async () => {
  await using server = serve((request) =>
    new URL(request.url).pathname === "/good"
      ? new Response(textBody(["go", "od"]))
      : new Response(textBody(["first piece", "second"], new Error("The source broke")))
  );
  for (const before of [0, 1, 3]) {
    using client = await RawClient.connect(server);
    for (let request = 0; request < before; request++) {
      await client.get("/good");
      assert.equal((await client.answer()).body, "good");
    }
    await client.get("/bad");
    const text = await client.rest();
    assert.ok(text.includes("first piece"), text);
    assert.ok(!text.includes("\r\n0\r\n"), "there is no last chunk");
  }
});

Deno.test("a body that is shorter or longer than its length breaks the transport", async () => {
  await using server = serve((request) =>
    new Response(textBody(["pie", "ces"]), {
      headers: { "Content-Length": new URL(request.url).pathname.slice(1) },
    })
  );
  for (const [length, sent] of [["7", "pieces"], ["5", "pie"]] as const) {
    using client = await RawClient.connect(server);
    await client.get(`/${length}`);
    const [, body] = (await client.rest()).split("\r\n\r\n");
    assert.equal(body, sent);
  }
});

Deno.test("over HTTP/1.0, where half a file looks whole, only files of a known length are sent", async () => {
  const events: string[] = [];
  const refused: RefusedRequest[] = [];
  await using server = serve((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/health") return new Response("fine");
    if (pathname === "/pieces") return new Response(textBody(["pie", "ces"]));
    const headers = new Headers({ "Content-Disposition": "attachment" });
    if (pathname === "/stream") return new Response(endless(events), { headers });
    headers.set("Content-Length", "8");
    const failure = pathname === "/broken" ? new Error("The disk broke") : undefined;
    return new Response(textBody(["file"], failure), { headers });
  }, { onRefusal: (one) => void refused.push(one) });
  const ask = async (path: string) => {
    using client = await RawClient.connect(server);
    await client.send(`GET ${path} HTTP/1.0\r\n\r\n`);
    return await client.rest();
  };
  assert.match(
    await ask("/health"),
    /^HTTP\/1\.1 200 OK\r\n.*content-length: 4\r\n.*\r\n\r\nfine$/s,
  );
  assert.match(await ask("/pieces"), /content-length: 6\r\n.*\r\n\r\npieces$/s);
  // A length tells that half of it is missing, broken or short.
  assert.match(await ask("/broken"), /content-length: 8\r\n.*\r\n\r\nfile$/s);
  assert.match(await ask("/short"), /content-length: 8\r\n.*\r\n\r\nfile$/s);
  for (const headers of [[], ["Connection: keep-alive"], ["Host: x", "TE: chunked"]]) {
    using client = await RawClient.connect(server);
    await client.send(["GET /stream HTTP/1.0", ...headers, "", ""].join("\r\n"));
    const { status, body } = await client.answer();
    assert.equal(status, 505);
    assert.match(body, /HTTP\/1\.0 cannot tell half a file from a whole one/);
    assert.equal(events.pop(), "cancelled");
    assert.equal(refused.pop()!.status, 505);
  }
});

Deno.test("the handler knows the client's address, its own and the version of each request", async () => {
  const clients: Client[] = [];
  await using server = serve((_, client) => {
    clients.push(client);
    return new Response();
  });
  using client = await RawClient.connect(server);
  await client.get("/");
  await client.answer();
  await client.send("GET / HTTP/1.0\r\n\r\n");
  await client.answer();
  const addresses = { remoteAddress: "127.0.0.1", localAddress: "127.0.0.1" };
  const giveChunks = "function";
  assert.deepEqual(
    clients.map((client) => ({ ...client, giveChunks: typeof client.giveChunks })),
    [
      { ...addresses, giveChunks, httpVersion: "1.1", viaProxy: false },
      { ...addresses, giveChunks, httpVersion: "1.0", viaProxy: false },
    ],
  );
});

Deno.test("the memory of chunks that are given away is freed once they are sent, that of others is not", async () => {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  await using server = serve((request, client) => {
    const given = new URL(request.url).pathname === "/given";
    if (given) client.giveChunks();
    const made = [1, 2, 3].map((byte) => new Uint8Array(100_000).fill(byte));
    if (given) made.splice(1, 0, new Uint8Array(200_000).fill(9).subarray(0, 100_000));
    chunks.push(...made);
    return new Response(ReadableStream.from(made));
  });
  for (const [path, bytes, freed] of [["given", 400_000, 3], ["kept", 300_000, 0]] as const) {
    chunks.length = 0;
    const answer = await fetch(`${server.origin}/${path}`);
    const body = await answer.bytes();
    assert.equal(body.length, bytes);
    assert.deepEqual([body[0], body.at(-1)], [1, 3]);
    await until(() => chunks.filter(({ buffer }) => buffer.detached).length === freed);
  }
});

Deno.test("a body is read as it comes, whole, and no faster than it is pulled", async () => {
  let pulled = 0;
  const go = Promise.withResolvers<void>();
  await using server = serve(async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/text") return new Response(await request.text());
    const reader = request.body!.getReader();
    pulled += (await reader.read()).value!.length;
    await go.promise;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return new Response(`${pulled}`);
      pulled += value.length;
    }
  });
  using client = await RawClient.connect(server);
  await client.send("POST /text HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  assert.equal((await client.answer()).body, "hello");
  await client.send(
    "POST /text HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
  );
  assert.equal((await client.answer()).body, "hello");

  const size = 64 * MIB;
  await client.send(`POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`);
  let sent = 0;
  const sending = (async () => {
    const piece = new Uint8Array(MIB);
    for (; sent < size; sent += MIB) await client.send(piece);
  })();
  await until(() => pulled > 0);
  // The kernel takes some megabytes, this process next to nothing.
  await standstill(() => sent);
  assert.ok(sent < size, "the client was held up");
  go.resolve();
  await sending;
  assert.equal((await client.answer()).body, `${size}`);
});

Deno.test("a body that nobody reads ends its connection, after an answer that can be read", async () => {
  await using server = serve(() => new Response("no, thank you", { status: 405 }));
  using client = await RawClient.connect(server);
  await client.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${8 * MIB}\r\n\r\n`);
  const { status, headers, body } = await client.answer();
  assert.deepEqual([status, headers.get("connection"), body], [405, "close", "no, thank you"]);
  await client.send(new Uint8Array(MIB)).catch(() => {});
  assert.equal(await client.rest(), "");
});

Deno.test("a client that waits to be told to send its body is told", async () => {
  await using server = serve(async (request) => new Response(await request.text()));
  using client = await RawClient.connect(server);
  await client.send(
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
  );
  assert.equal((await client.answer()).status, 100);
  await client.send("ok");
  assert.equal((await client.answer()).body, "ok");
});

Deno.test("an upgrade to HTTP/2 is not taken up", async () => {
  await using server = serve(echo);
  using client = await RawClient.connect(server);
  await client.get(
    "/a",
    "Upgrade: h2c",
    "Connection: Upgrade, HTTP2-Settings",
    "HTTP2-Settings: AAA",
  );
  assert.equal((await client.answer()).status, 200);
});

Deno.test("a handler that throws is told of, and its client gets no answer that looks like one", async () => {
  const errors: unknown[] = [];
  await using server = serve(() => {
    throw new Error("a mistake of ours");
  }, { onError: (error, request) => void errors.push(`${request}: ${(error as Error).message}`) });
  using client = await RawClient.connect(server);
  await client.get("/a?secret=1");
  assert.equal(await client.rest(), "");
  assert.deepEqual(errors, ["GET /a: a mistake of ours"]);
});

Deno.test("a port that is taken is an error that says so", async () => {
  await using server = serve(echo);
  assert.throws(() => serve(echo, { port: server.addr.port }), Deno.errors.AddrInUse);
});
