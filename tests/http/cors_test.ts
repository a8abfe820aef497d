/** Pages of other origins, over real sockets: also what is refused before a route is asked, and a torn header. */

import assert from "node:assert/strict";
import { connectFrom, RawClient } from "../server/http/raw_client.ts";
import { startServer } from "./fixture.ts";

const GOOD = "https://good.example.com";

const SERVER = `{ port: 0, cors: ["${GOOD}"] }`;

Deno.test("a listed page is answered before and with its request, over one connection", async () => {
  await using server = await startServer({ server: SERVER });
  using client = await RawClient.connect(server);
  await client.send(
    "OPTIONS /exports/table.csv HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
      `Origin: ${GOOD}\r\nAccess-Control-Request-Method: GET\r\n` +
      "Access-Control-Request-Headers: range\r\n\r\n",
  );
  const before = await client.answer();
  assert.equal(before.status, 204);
  assert.equal(before.headers.get("access-control-allow-origin"), GOOD);
  await client.get("/exports/table.csv", `Origin: ${GOOD}`, "Sec-Fetch-Site: cross-site");
  assert.equal((await client.answer()).status, 403, "which a browser's fetch never sends");
  await client.get(
    ...["/exports/table.csv", `Origin: ${GOOD}`, "Sec-Fetch-Site: cross-site"] as const,
    "Sec-Fetch-Mode: cors",
  );
  const { status, headers } = await client.answer();
  // What a page of another origin asks is not this machine's own request.
  assert.equal(status, 401);
  assert.equal(headers.get("access-control-allow-origin"), GOOD);
  assert.equal(headers.get("access-control-allow-credentials"), undefined);
});

Deno.test("an Origin that is torn, or there twice, shares nothing", async () => {
  await using server = await startServer({ server: SERVER, access: "{ anonymous: true }" });
  const heads = [
    `Origin: ${GOOD}\r\nOrigin: https://evil.com`,
    `Origin: ${GOOD}\r\nOrigin: ${GOOD}`,
    `Origin: https://evil.com\r\n ${GOOD}`,
    `Origin: https://evil.com\n${GOOD}`,
    `Origin: https://evil.com\nOrigin: ${GOOD}`,
    `Origin: https://evil.com\r${GOOD}`,
    `Origin: ${GOOD}\0`,
    `Origin: ${GOOD}\u00a0`,
    `Origin : ${GOOD}`,
  ];
  for (const head of heads) {
    using client = await RawClient.connect(server);
    await client.send(
      `GET /exports/table.csv HTTP/1.1\r\nHost: 127.0.0.1\r\n${head}\r\nConnection: close\r\n\r\n`,
    );
    const answer = await client.rest();
    assert.match(answer, /^HTTP\/1\.1 (?:200|400) /, head);
    assert.doesNotMatch(answer, /access-control/i, JSON.stringify(head));
  }
});

Deno.test("a page reads that its reader has too many connections", async () => {
  await using server = await startServer({ server: SERVER, limits: "{ per_address: 1 }" });
  using first = await connectFrom("127.0.0.2", server);
  using second = await connectFrom("127.0.0.2", server);
  second.send(`GET /exports HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: ${GOOD}\r\n\r\n`);
  const answer = await second.rest;
  assert.match(answer, /^HTTP\/1\.1 429 /);
  assert.match(answer, new RegExp(`^access-control-allow-origin: ${GOOD}\r$`, "im"));
  first.send("GET /exports HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
  assert.match(await first.rest, /^HTTP\/1\.1 200 /);
});
