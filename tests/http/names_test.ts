/** Names, over real sockets: whatever `Host` says, a request reaches the path that it asks for, or none. */

import assert from "node:assert/strict";
import { RawClient } from "../server/http/raw_client.ts";
import { startServer } from "./fixture.ts";

Deno.test("no Host leads to another path, and a foreign one to none", async () => {
  await using server = await startServer();
  const paths = ["/", "/exports", "/exports/table.csv", "/healthz", "/readyz", "/metrics", "/x"];
  for (const path of paths) {
    for (
      const host of ["x/metrics?", "127.0.0.1/metrics?", "127.0.0.1/exports/table.csv?", "evil"]
    ) {
      using client = await RawClient.connect({ addr: server.addr });
      await client.send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      const { status, body } = await client.answer();
      assert.equal(status, 421, `${path} of ${host}`);
      assert.equal(JSON.parse(body).title, "Misdirected request");
    }
  }
  assert.deepEqual(server.reports, []);
});

Deno.test("a target in absolute form is for its own host, whatever Host says", async () => {
  await using server = await startServer();
  const ask = async (target: string) => {
    using client = await RawClient.connect({ addr: server.addr });
    await client.send(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    return (await client.answer()).status;
  };
  assert.equal(await ask("http://evil.example/exports"), 421);
  assert.equal(await ask(`http://127.0.0.1:${server.port}/exports`), 200);
});

Deno.test("the names that are configured are answered", async () => {
  await using server = await startServer({
    server: "{ port: 0, public_url: 'https://exports.example.com', hosts: [exports] }",
    access: "{ anonymous: true }",
  });
  for (
    const [host, status] of [["exports.example.com", 200], ["exports:80", 200], ["other", 421]]
  ) {
    using client = await RawClient.connect({ addr: server.addr });
    await client.send(`GET /exports/table.csv HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.equal((await client.answer()).status, status, `${host}`);
  }
});
