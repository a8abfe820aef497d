/** TLS on the sockets of this server: what holds for plain ones holds for these. */

import assert from "node:assert/strict";
import { createSecureContext } from "node:tls";
import type { HttpOptions } from "../../../server/http/mod.ts";
import type { Handler } from "../../../server/http/exchange.ts";
import { makeCertificates, OPENSSL } from "../../sources/certificates.ts";
import { standstill, until } from "../../waiting.ts";
import { RawClient } from "./raw_client.ts";
import { endless, MIB, serve, textBody } from "./serving.ts";

const folder = Deno.makeTempDirSync({ prefix: "spillway-tls-" });
if (OPENSSL) makeCertificates(folder, { server: "IP:127.0.0.1" });
const read = (name: string) => OPENSSL ? Deno.readTextFileSync(`${folder}/${name}`) : "";
const CA = read("ca.pem");
const CERTIFICATE = { cert: read("server.pem"), key: read("server.key") };
await Deno.remove(folder, { recursive: true });

/** A test that needs a certificate. */
function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !OPENSSL, fn });
}

function serveTls(handler: Handler, options: Partial<HttpOptions> = {}) {
  const context = createSecureContext({ ...CERTIFICATE, minVersion: "TLSv1.2" });
  return serve(handler, { tls: () => context, ...options });
}

test("requests and answers are the same over TLS, be they small, large or many", async () => {
  const large = "x".repeat(300_000);
  await using server = serveTls(async (request, { remoteAddress }) => {
    const { origin, pathname } = new URL(request.url);
    if (pathname === "/large") return new Response(textBody([large, "y", large]));
    const said = `${origin} ${remoteAddress} ${await request.text()}`;
    return new Response(said, { headers: { "X-Latin": "caf\u00e9" } });
  });
  using client = await RawClient.connect(server, CA);
  await client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  const { headers, body } = await client.answer();
  assert.equal(body, `https://127.0.0.1:${server.addr.port} 127.0.0.1 hello`);
  assert.equal(headers.get("x-latin"), "caf\u00e9");
  for (let request = 0; request < 3; request++) await client.get("/large");
  for (let request = 0; request < 3; request++) {
    assert.equal((await client.answer()).body, `${large}y${large}`);
  }
  await client.get("/large", "Connection: close");
  assert.match(await client.rest(), /^0\r\n\r\n$/m);
});

test("a body that fails breaks the transport over TLS too", async () => {
  await using server = serveTls(() => new Response(textBody(["one", "two"], new Error("broken"))));
  using client = await RawClient.connect(server, CA);
  await client.get("/");
  const rest = await client.rest();
  assert.match(rest, /\r\n3\r\none\r\n3\r\ntwo\r\n$/);
});

test("a client of TLS that leaves in the middle of a body cancels it", async () => {
  const events: string[] = [];
  await using server = serveTls(() => new Response(endless(events)));
  for (const bytes of [0, 100, 10 * MIB]) {
    const client = await RawClient.connect(server, CA);
    await client.get("/");
    await client.skip(bytes);
    client[Symbol.dispose]();
    await until(() => events.length === 1);
    assert.deepEqual(events.splice(0), ["cancelled"]);
  }
  await until(() => server.counts.open === 0);
});

test("a client of TLS that stalls is closed", async () => {
  const events: string[] = [];
  await using server = serveTls(() => new Response(endless(events)), { stallTimeout: 300 });
  using client = await RawClient.connect(server, CA);
  await client.get("/");
  await until(() => events.length === 1);
  assert.equal(server.counts.stalled, 1);
  await until(() => server.counts.open === 0);
});

test("an upload over TLS is read no faster than it is pulled", async () => {
  let pulled = 0;
  const go = Promise.withResolvers<void>();
  await using server = serveTls(async (request) => {
    for await (const piece of request.body!) {
      pulled += piece.length;
      await go.promise;
    }
    return new Response(`${pulled}`);
  });
  using client = await RawClient.connect(server, CA);
  const size = 64 * MIB;
  await client.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`);
  let sent = 0;
  const sending = (async () => {
    const piece = new Uint8Array(MIB);
    for (; sent < size; sent += MIB) await client.send(piece);
  })();
  await until(() => pulled > 0);
  await standstill(() => sent);
  assert.ok(sent < size, "the client was held up");
  go.resolve();
  await sending;
  assert.equal((await client.answer()).body, `${size}`);
});

test("what is no handshake, and one that does not get on, is closed, and others are answered", async () => {
  await using server = serveTls(() => new Response("ok"), { headTimeout: 2000 });
  using plain = await RawClient.connect(server);
  await plain.get("/");
  // An alert of TLS (RFC 8446, 6) and the end, and nothing of HTTP.
  assert.doesNotMatch(await plain.rest(), /HTTP/);
  assert.equal(server.counts.handshake, 1);
  using silent = await RawClient.connect(server);
  using half = await RawClient.connect(server);
  // The begin of a record of 512 bytes, of which no more comes.
  await half.send(Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01));
  assert.deepEqual([await silent.rest(), await half.rest()], ["", ""]);
  assert.equal(server.counts.headless, 2);
  await until(() => server.counts.open === 0);
  using client = await RawClient.connect(server, CA);
  await client.get("/");
  assert.equal((await client.answer()).body, "ok");
  // Half a head, over TLS that is there, is told so.
  await client.send("GET / HTTP/1.1\r\nHost:");
  assert.equal((await client.answer()).status, 408);
});

test("another certificate is for the next connection, and those that are open go on", async () => {
  const other = Deno.makeTempDirSync({ prefix: "spillway-tls-" });
  makeCertificates(other, { server: "IP:127.0.0.1" });
  const read = (name: string) => Deno.readTextFileSync(`${other}/${name}`);
  const contexts = [CERTIFICATE, { cert: read("server.pem"), key: read("server.key") }]
    .map(createSecureContext);
  const otherCa = read("ca.pem");
  await Deno.remove(other, { recursive: true });
  await using server = serveTls(() => new Response("ok"), { tls: () => contexts[0]! });
  using before = await RawClient.connect(server, CA);
  await before.get("/");
  await before.answer();
  contexts.shift();
  using after = await RawClient.connect(server, otherCa);
  for (const client of [before, after]) {
    await client.get("/");
    assert.equal((await client.answer()).body, "ok");
  }
  using refusing = await RawClient.connect(server, CA);
  await assert.rejects(refusing.get("/").then(() => refusing.answer()));
});
