/** Whose runs are whose: another's is not there, whatever is asked of it. */

import assert from "node:assert/strict";
import { until } from "../waiting.ts";
import {
  type AccessServer,
  type Credential,
  link,
  startAccessServer,
  token,
} from "./access_fixture.ts";

const BODY = JSON.stringify({ export: "orders", format: "csv" });

async function submit(
  server: AccessServer,
  credential: Credential,
  headers: Record<string, string> = {},
) {
  const { status, text } = await server.get("/runs", credential, {
    method: "POST",
    body: BODY,
    headers,
  });
  assert.equal(status, 202, text);
  return JSON.parse(text);
}

async function complete(server: AccessServer, credential: Credential, id: string) {
  await until(async () => {
    const { text } = await server.get(`/runs/${id}`, credential);
    return JSON.parse(text).state === "complete";
  });
}

Deno.test("a run is its principal's alone: another key, tenant or token finds nothing there", async () => {
  await using server = await startAccessServer();
  const { id } = await submit(server, "one");
  await complete(server, "one", id);
  const others: Credential[] = ["two", "plain", { Authorization: `Bearer ${await token()}` }];
  for (const other of others) {
    for (
      const [method, path] of [
        ["GET", `/runs/${id}`],
        ["DELETE", `/runs/${id}`],
        ["GET", `/runs/${id}/file`],
        ["GET", `/runs/${id}/events`],
      ] as const
    ) {
      const { status, text } = await server.get(path, other, { method });
      assert.equal(status, 404, `${method} ${path}`);
      assert.equal(JSON.parse(text).detail, `There is no run "${id}"`);
    }
    assert.deepEqual(JSON.parse((await server.get("/runs", other)).text), { runs: [] });
  }
  assert.equal((await server.get(`/runs/${id}`)).status, 401);
  assert.equal(
    (await server.get(`/runs/${id}/file`, "one")).text,
    "id,owner\r\n1,one\r\n2,one\r\n",
  );
});

Deno.test("an idempotency key is its principal's, and so is the run that an equal request joins", async () => {
  await using server = await startAccessServer();
  const headers = { "Idempotency-Key": "same" };
  const runs = await Promise.all([
    submit(server, "one", headers),
    submit(server, "two", headers),
    submit(server, "plain", headers),
    submit(server, "one"),
    submit(server, "two"),
  ]);
  assert.equal(new Set(runs.map(({ id }) => id)).size, 5);
  // Both may hold spaces.
  const bearer = async (org: string, sub: string) => ({
    Authorization: `Bearer ${await token({ org, sub, exports: ["*"] })}`,
  });
  const spaced = await Promise.all([
    submit(server, await bearer("one jwt:ann", "bob"), headers),
    submit(server, await bearer("one", "ann jwt:bob"), headers),
  ]);
  assert.deepEqual(spaced.map(({ principal }) => principal), ["jwt:bob", "jwt:ann jwt:bob"]);
  await complete(server, "two", runs[1].id);
  const { text } = await server.get(`/runs/${runs[1].id}/file`, "two");
  assert.equal(text, "id,owner\r\n3,two\r\n4,two\r\n");
});

Deno.test("a run asks for what its caller may have, and tells who that was and what was hidden", async () => {
  await using server = await startAccessServer();
  const post = (body: unknown, credential: Credential) =>
    server.get("/runs", credential, { method: "POST", body: JSON.stringify(body) });
  assert.equal((await post({ export: "people", format: "csv" }, "narrow")).status, 404);
  assert.equal((await post({ export: "orders", format: "xlsx" }, "narrow")).status, 403);
  assert.equal((await post({ export: "asked", format: "csv" }, "one")).status, 400);
  const asked = await post({ export: "asked", format: "csv", reason: "an audit" }, "one");
  const people = await post({ export: "people", format: "csv" }, "one");
  assert.equal(JSON.parse(asked.text).reason, "an audit");
  const { principal, credential, tenant, masks } = JSON.parse(people.text);
  assert.equal(principal, `key:${credential}`);
  assert.equal(tenant, "one");
  assert.deepEqual(masks, [
    { export: "people", column: "mail", mask: "partial" },
    { export: "people", column: "card", mask: "hash" },
    { export: "people", column: "born", mask: "redact" },
  ]);
});

Deno.test("a link is for its download alone, which is streamed whatever it prefers", async () => {
  await using server = await startAccessServer();
  const { status, headers } = await server.get(link("/exports/orders.csv", "one"), {}, {
    headers: { Prefer: "respond-async" },
  });
  assert.equal(status, 200);
  assert.equal((await server.get(`/runs/${headers.get("Export-Id")}`)).status, 401);
});

Deno.test("a delta goes on only with the same values of params that come from who asks", async () => {
  await using server = await startAccessServer({
    exports: `
  found:
    source: app
    query: >
      select id from orders where owner in (:regions) and (:after is null or id > :after)
    params:
      regions: { type: "string[]", from: "claim:regions" }
      after: { type: integer, from: "cursor:id" }
`,
  });
  const ask = async (regions: unknown, since?: string) => {
    const { status, headers, text } = await server.get(
      `/exports/found.csv${since === undefined ? "" : `?_since=${since}`}`,
      { Authorization: `Bearer ${await token({ regions, exports: "*" })}` },
    );
    return { status, text, id: headers.get("Export-Id")! };
  };
  const two = await ask(["two"]);
  assert.equal(two.text, "id\r\n3\r\n4\r\n");
  const receipt = async () =>
    JSON.parse(
      (await server.get(`/runs/${two.id}`, {
        Authorization: `Bearer ${await token()}`,
      })).text,
    );
  await until(async () => (await receipt()).handed_over_at !== undefined);
  assert.equal((await receipt()).identity, undefined);
  assert.equal((await ask("two", two.id)).text, "id\r\n");
  for (const regions of ["one", ["one", "two"], undefined]) {
    const { status, text } = await ask(regions, two.id);
    assert.equal(status, 400);
    assert.deepEqual(JSON.parse(text).errors, [{
      name: "_since",
      detail: "the run was with other values of params that come from who you are",
    }]);
  }
  const both = await ask(["two", "one"]);
  assert.equal(both.text, "id\r\n1\r\n2\r\n3\r\n4\r\n");
  await until(async () => (await ask(["one", "two"], both.id)).status === 200);
});
