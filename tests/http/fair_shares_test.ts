/** Who gets slots when there are too few: tenants in turns, up to their limits, and none that has left. */

import assert from "node:assert/strict";
import { newKey } from "../../access/keys.ts";
import { loadConfig } from "../../catalog/load.ts";
import { loadFormats } from "../../exporters/mod.ts";
import { startService } from "../../server/service.ts";
import { loadDescriptors } from "../../sources/mod.ts";
import { until } from "../waiting.ts";

const formats = await loadFormats();
const sources = await loadDescriptors();

const KEYS = { one: newKey(), two: newKey() };

/** A web service that answers when it is told to, and who asked it so far. */
function slowUpstream() {
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const tenant = new URL(request.url).pathname.slice(1);
    asked.push(tenant);
    await new Promise<void>((resolve) => answers.push(resolve));
    return new Response(`${JSON.stringify({ tenant })}\n`, {
      headers: { "content-type": "application/x-ndjson" },
    });
  });
  return {
    port: server.addr.port,
    asked,
    /** Answers those that asked first. */
    answer(count = 1) {
      answers.splice(0, count).forEach((answer) => answer());
    },
    async [Symbol.asyncDispose]() {
      answers.forEach((answer) => answer());
      await server.shutdown();
    },
  };
}

/** A server over it, whose runs weigh 1.5 each. */
async function startServer(limits: string) {
  const upstream = slowUpstream();
  const config = loadConfig(
    `
server: { port: 0 }
access:
  keys:
    - { id: ${KEYS.one.id}, sha256: "${KEYS.one.sha256}", tenant: one }
    - { id: ${KEYS.two.id}, sha256: "${KEYS.two.sha256}", tenant: two }
limits: ${limits}
sources: { app: { type: http, url: "http://127.0.0.1:${upstream.port}", format: ndjson } }
exports:
  rows:
    source: app
    query: /:tenant
    params: { tenant: { type: string, from: tenant } }
`,
    { env: () => undefined, folder: "/", formats, sources },
  );
  let runs = 0;
  const service = await startService(config, {
    environment: Deno.env.toObject(),
    observers: [{ ended: () => void runs++ }],
  });
  const { admission } = service.engine;
  const origin = `http://127.0.0.1:${service.http.addr.port}`;
  return {
    upstream,
    service,
    admission,
    origin,
    /** Runs that have ended. */
    get runs() {
      return runs;
    },
    /** Asks for the rows of a tenant. */
    async ask(tenant: keyof typeof KEYS, signal?: AbortSignal) {
      const response = await fetch(`${origin}/exports/rows.csv`, {
        headers: { "X-Api-Key": KEYS[tenant].key },
        ...(signal ? { signal } : {}),
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    },
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
    },
  };
}

/** What a problem says. */
function problemOf(
  { status, headers, text }: {
    readonly status: number;
    readonly headers: Headers;
    readonly text: string;
  },
) {
  assert.match(headers.get("retry-after")!, /^([5-9]|10)$/);
  return { status, type: JSON.parse(text).type.replace("urn:spillway:problem:", "") };
}

Deno.test("a tenant alone has every slot; when another one comes, both have them in turns", async () => {
  await using server = await startServer("{ concurrent: 2, queue_timeout: 1h }");
  const { upstream, admission } = server;
  const answers = [];
  for (let run = 0; run < 6; run++) answers.push(server.ask("one"));
  await until(() => upstream.asked.length === 2 && admission.waiting === 4);
  for (let run = 0; run < 3; run++) answers.push(server.ask("two"));
  await until(() => admission.waiting === 7);
  for (let ended = 1; ended <= 9; ended++) {
    upstream.answer();
    await until(() => server.runs === ended && upstream.asked.length === Math.min(9, ended + 2));
  }
  assert.deepEqual(upstream.asked.join(" "), "one one two one two one two one one");
  for (const [index, answer] of (await Promise.all(answers)).entries()) {
    assert.equal(answer.text, `tenant\r\n${index < 6 ? "one" : "two"}\r\n`);
  }
});

Deno.test("a tenant above its limit is 429, where another one still has a slot; no worker is asked", async () => {
  await using server = await startServer("{ concurrent: 8, per_tenant: 3 }");
  const { upstream, service } = server;
  const answers = [server.ask("one"), server.ask("one")];
  await until(() => upstream.asked.length === 2);
  const { pids } = service.engine.pool;
  const refused = await server.ask("one");
  assert.deepEqual(problemOf(refused), { status: 429, type: "tenant-limit" });
  assert.deepEqual(service.engine.pool.pids, pids);
  answers.push(server.ask("two"));
  await until(() => upstream.asked.length === 3);
  upstream.answer(3);
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  assert.deepEqual([statuses, upstream.asked], [[200, 200, 200], ["one", "one", "two"]]);
  await until(() => server.runs === 3);
});

Deno.test("a client above its limit is 429, whoever it says that it is", async () => {
  await using server = await startServer("{ concurrent: 8, per_address: 3 }");
  const { upstream } = server;
  const answers = [server.ask("one"), server.ask("two")];
  await until(() => upstream.asked.length === 2);
  assert.deepEqual(problemOf(await server.ask("two")), { status: 429, type: "address-limit" });
  upstream.answer(2);
  await Promise.all(answers);
});

Deno.test("while the queue is full, runs are 503, and health and numbers are answered", async () => {
  await using server = await startServer("{ concurrent: 1, queue: 1, queue_timeout: 1h }");
  const { upstream, admission, origin } = server;
  const running = server.ask("one");
  await until(() => upstream.asked.length === 1);
  const waiting = server.ask("one");
  await until(() => admission.waiting === 1);
  assert.deepEqual(problemOf(await server.ask("one")), { status: 503, type: "queue-full" });
  assert.equal((await (await fetch(`${origin}/healthz`)).json()).status, "ok");
  const ready = await fetch(`${origin}/readyz`);
  assert.equal((await ready.json()).checks.slots, "full");
  const numbers = await (await fetch(`${origin}/metrics`)).text();
  assert.match(numbers, /^spillway_queue_length 1$/m);
  assert.match(numbers, /^spillway_units_taken 1\.5$/m);
  assert.match(numbers, /^spillway_runs_refused_total\{reason="full"\} 1$/m);
  assert.match(numbers, /^spillway_shedding_step\{resource="descriptors"\} 0$/m);
  upstream.answer();
  assert.equal((await running).status, 200);
  await until(() => upstream.asked.length === 2);
  upstream.answer();
  assert.equal((await waiting).status, 200);
  const later = await (await fetch(`${origin}/metrics`)).text();
  assert.match(later, /^spillway_queued_runs_total 1$/m);
  assert.ok(Number(/^spillway_queue_wait_seconds_total (.*)$/m.exec(later)?.[1]) > 0);
});

Deno.test("a run that waits for too long is 503, and never reaches its source", async () => {
  await using server = await startServer("{ concurrent: 1, queue_timeout: 50ms }");
  const { upstream } = server;
  const running = server.ask("one");
  await until(() => upstream.asked.length === 1);
  assert.deepEqual(problemOf(await server.ask("two")), { status: 503, type: "queue-timeout" });
  upstream.answer();
  assert.equal((await running).status, 200);
  await until(() => server.runs === 1);
  assert.deepEqual(upstream.asked, ["one"]);
});

Deno.test("a client that leaves the queue is gone at once, and its place is another's", async () => {
  await using server = await startServer("{ concurrent: 1, queue: 1, queue_timeout: 1h }");
  const { upstream, admission } = server;
  const running = server.ask("one");
  await until(() => upstream.asked.length === 1);
  const client = new AbortController();
  const left = assert.rejects(server.ask("one", client.signal));
  await until(() => admission.waiting === 1);
  client.abort();
  await left;
  await until(() => admission.waiting === 0);
  const waiting = server.ask("two");
  await until(() => admission.waiting === 1);
  upstream.answer();
  await until(() => upstream.asked.length === 2);
  upstream.answer();
  assert.deepEqual([(await running).status, (await waiting).status], [200, 200]);
  assert.deepEqual(upstream.asked, ["one", "two"]);
  assert.equal(admission.refused.full, 0);
});

Deno.test("a server that stops refuses what waits, and what runs is sent to its end", async () => {
  await using server = await startServer("{ concurrent: 1, queue_timeout: 1h }");
  const { upstream, admission, service } = server;
  const running = server.ask("one");
  await until(() => upstream.asked.length === 1);
  const waiting = server.ask("two");
  await until(() => admission.waiting === 1);
  const drained = service.drain();
  assert.deepEqual(problemOf(await waiting), { status: 503, type: "draining" });
  upstream.answer();
  assert.equal((await running).status, 200);
  await drained;
  assert.deepEqual(upstream.asked, ["one"]);
});
