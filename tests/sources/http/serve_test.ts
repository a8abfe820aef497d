/** An HTTP upstream behind the whole server. */

import assert from "node:assert/strict";
import { emptyFolder, startServe } from "../../commands/fixture.ts";

Deno.test("a param that would leave its place in the path is the caller's 400, and nothing is asked", async () => {
  const asked: string[] = [];
  await using upstream = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      asked.push(new URL(request.url).pathname);
      return new Response('{"id": 1}\n', {
        headers: { "content-type": "application/x-ndjson", "x-row-count": "1" },
      });
    },
  );
  await using folder = await emptyFolder();
  await Deno.writeTextFile(
    `${folder.path}/spillway.yaml`,
    `
server: { port: 0, debug: false }
sources: { app: { type: http, url: "http://127.0.0.1:${upstream.addr.port}/orgs/" } }
exports:
  orders: { source: app, query: "/:org/orders", params: { org: { type: string } } }
`,
  );
  await using server = await startServe([], { cwd: folder.path });
  for (const org of ["..;", "..;x=1", ".."]) {
    const answer = await fetch(
      `${server.origin}/exports/orders.ndjson?org=${encodeURIComponent(org)}`,
    );
    const problem = await answer.json();
    assert.equal(answer.status, 400, org);
    assert.match(JSON.stringify(problem), /"org"/);
  }
  assert.deepEqual(asked, []);
  const answer = await fetch(`${server.origin}/exports/orders.ndjson?org=a;b`);
  assert.equal(answer.status, 200, await answer.text());
  assert.deepEqual(asked, ["/orgs/a%3Bb/orders"]);
});
