/** Webhooks of whole servers: asked for with a run, sent at its end, over a restart. */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { until } from "../waiting.ts";
import { startIn, startServer, type TestServer } from "./fixture.ts";

const SPOOL = "{ dir: spool, max_bytes: 64MiB, min_free: 1MiB, allow_memory: true }";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

// deno-lint-ignore no-explicit-any
type Json = any;

/** A receiver on this machine. */
async function receive(port = 0) {
  const received: { readonly headers: Headers; readonly body: string }[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("error", () => {}).on("data", (chunk) => body += chunk).on("end", () => {
      received.push({ headers: new Headers(request.headers as Record<string, string>), body });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    received,
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function runsFor(port: number, more = ""): string {
  return `{ webhooks: { secret: ${SECRET}, allow_private: ["http://127.0.0.1:${port}"] }${more} }`;
}

async function post({ origin }: TestServer, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${origin}/runs`, {
    method: "POST",
    body: JSON.stringify(body),
    headers,
  });
  return { status: response.status, body: await response.json() as Json };
}

async function receiptOf({ origin }: TestServer, id: string): Promise<Json> {
  return await (await fetch(`${origin}/runs/${id}`)).json();
}

Deno.test("the end of a run is told to its receiver, signed, with its receipt", async () => {
  await using receiver = await receive();
  await using server = await startServer({ spool: SPOOL, runs: runsFor(receiver.port) });
  const notify = `http://127.0.0.1:${receiver.port}/in?for=exports`;
  const asked = await post(server, {
    export: "rows",
    format: "csv",
    params: { rows: 7 },
    reason: "audit",
    notify,
  });
  assert.equal(asked.status, 202);
  const { id } = asked.body;
  assert.deepEqual(asked.body.notify, { url: notify, state: "pending", attempts: [] });
  await until(async () => (await receiptOf(server, id)).notify.state === "delivered");
  const { notify: notified, ...receipt } = await receiptOf(server, id);
  assert.equal(notified.attempts.length, 1);
  assert.equal(notified.attempts[0].status, 204);
  const [{ headers, body }] = receiver.received as [typeof receiver.received[number]];
  assert.deepEqual(JSON.parse(body), receipt);
  assert.equal(receipt.state, "complete");
  assert.equal(receipt.rows, 7);
  assert.equal(headers.get("webhook-id"), id);
  const timestamp = headers.get("webhook-timestamp")!;
  assert.ok(Math.abs(Number(timestamp) - Date.parse(receipt.ended_at) / 1000) < 60);
  const key = Buffer.from(SECRET.slice("whsec_".length), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  assert.equal(headers.get("webhook-signature"), `v1,${signature}`);
  const { text } = await fetch(`${server.origin}/metrics`).then(async (response) => ({
    text: await response.text(),
  }));
  assert.match(text, /^spillway_webhook_attempts_total\{state="delivered"\} 1$/m);
});

Deno.test("a run that failed, and one that was cancelled, are told of too", async () => {
  await using receiver = await receive();
  await using server = await startServer({ spool: SPOOL, runs: runsFor(receiver.port) });
  const notify = `http://127.0.0.1:${receiver.port}/`;
  await post(server, { export: "missing", format: "csv", notify });
  const sorting = await post(server, { export: "sorts", format: "csv", notify });
  await until(async () => (await receiptOf(server, sorting.body.id)).state === "running");
  await (await fetch(`${server.origin}/runs/${sorting.body.id}`, { method: "DELETE" })).body
    ?.cancel();
  await until(() => receiver.received.length === 2);
  const states = receiver.received.map(({ body }) => JSON.parse(body).state).sort();
  assert.deepEqual(states, ["cancelled", "failed"]);
});

Deno.test("a receiver that does not answer holds up no run, and no end of the server", async () => {
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  {
    await using server = await startServer({ spool: SPOOL, runs: runsFor(port) });
    const notify = `http://127.0.0.1:${port}/`;
    const ids: string[] = [];
    for (let rows = 1; rows <= 20; rows++) {
      const { status, body } = await post(server, {
        export: "rows",
        format: "csv",
        params: { rows },
        notify,
      });
      assert.equal(status, 202);
      ids.push(body.id);
    }
    for (const id of ids) {
      await until(async () => (await receiptOf(server, id)).state === "complete");
    }
  }
  silent.close();
});

Deno.test("webhooks go where they are allowed, and nowhere else", async () => {
  await using server = await startServer({ spool: SPOOL, runs: runsFor(9) });
  await using without = await startServer({ spool: SPOOL });
  const ask = (notify: unknown, to = server) =>
    post(to, { export: "rows", format: "csv", notify }).then(({ status, body }) => [
      status,
      body.errors,
    ]);
  const refused = (detail: string) => [400, [{ name: "notify", detail }]];
  const elsewhere = (origin: string) => refused(`this server sends no webhooks to ${origin}`);
  const noUrl = refused("must be a URL such as https://app.example.com/hooks/exports");
  assert.deepEqual(await ask("http://127.0.0.1:10/"), elsewhere("http://127.0.0.1:10"));
  assert.deepEqual(await ask("https://127.0.0.1:9/"), elsewhere("https://127.0.0.1:9"));
  assert.deepEqual(
    await ask("http://127.0.0.1:9.example.com/"),
    noUrl,
  );
  assert.deepEqual(await ask("http://[::1]:9/"), elsewhere("http://[::1]:9"));
  for (const wrong of ["hooks", "ftp://127.0.0.1:9/", "http://a:b@127.0.0.1:9/", "http:///#a"]) {
    assert.deepEqual(await ask(wrong), noUrl, wrong);
  }
  assert.deepEqual(await ask(5), refused("must be a URL"));
  assert.deepEqual(
    await ask("http://127.0.0.1:9/", without),
    refused("this server sends no webhooks"),
  );
  // Other spellings of an address that is allowed are that address.
  assert.equal((await ask("http://2130706433:9/"))[0], 202);
});

Deno.test("requests that are told of elsewhere are not one", async () => {
  await using receiver = await receive();
  await using server = await startServer({ spool: SPOOL, runs: runsFor(receiver.port) });
  const body = { export: "sorts", format: "csv" };
  const notify = `http://127.0.0.1:${receiver.port}/`;
  const idOf = async (notify?: string, headers: Record<string, string> = {}) =>
    (await post(server, { ...body, ...(notify ? { notify } : {}) }, headers)).body.id as string;
  const [none, first, again, other] = [
    await idOf(),
    await idOf(notify),
    await idOf(notify),
    await idOf(`${notify}other`),
  ];
  assert.equal(first, again);
  assert.equal(new Set([none, first, other]).size, 3);
  const key = { "Idempotency-Key": "once" };
  const keyed = await idOf(`${notify}keyed`, key);
  assert.equal(await idOf(`${notify}keyed`, key), keyed);
  assert.equal((await post(server, { ...body, notify }, key)).status, 422);
  for (const id of [none, first, other, keyed]) {
    await (await fetch(`${server.origin}/runs/${id}`, { method: "DELETE" })).body?.cancel();
  }
});

Deno.test("what was not taken is sent by the next server", async () => {
  const folder = await Deno.makeTempDir({ prefix: "spillway-webhooks-" });
  try {
    const closed = await receive();
    const { port } = closed;
    await closed[Symbol.asyncDispose]();
    const runs = runsFor(port, ", ledger: 'sqlite:ledger.db'");
    let id: string;
    {
      await using server = await startIn(folder, { spool: SPOOL, runs });
      const notify = `http://127.0.0.1:${port}/`;
      ({ id } = (await post(server, { export: "rows", format: "csv", notify })).body);
      await until(async () => (await receiptOf(server, id)).notify.attempts.length === 1);
      const { state, attempts: [{ error }] } = (await receiptOf(server, id)).notify;
      assert.equal(state, "pending");
      assert.equal(error, "the connection was refused");
    }
    await using receiver = await receive(port);
    const now = () => new Date(Date.now() + 3_600_000);
    await using server = await startIn(folder, { spool: SPOOL, runs, now });
    await until(async () => (await receiptOf(server, id)).notify.state === "delivered");
    assert.deepEqual(
      (await receiptOf(server, id)).notify.attempts.map(({ status }: Json) => status),
      [undefined, 204],
    );
    assert.equal(receiver.received[0]!.headers.get("webhook-id"), id);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
