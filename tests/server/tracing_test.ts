/** Traces, end to end: what a collector gets of a server in a process of its own, and what its upstream is told. */

import assert from "node:assert/strict";
import { emptyFolder, startServe } from "../commands/fixture.ts";
import { until } from "../waiting.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT_SPAN = "00f067aa0ba902b7";
const CLIENT = { traceparent: `00-${TRACE}-${CLIENT_SPAN}-01` };

/** A span, as OTLP's JSON has it. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
  readonly status: { readonly code: number; readonly message: string };
}

const SERVER_KIND = 2;
const ERROR_STATUS = 2;

/** Takes what is sent to it over OTLP/HTTP. */
function startCollector() {
  const texts: string[] = [];
  const spans: Span[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const text = await request.text();
      texts.push(text);
      if (new URL(request.url).pathname === "/v1/traces") {
        const { resourceSpans } = JSON.parse(text);
        for (const { scopeSpans } of resourceSpans) {
          for (const scope of scopeSpans) spans.push(...scope.spans);
        }
      }
      return Response.json({});
    },
  );
  return {
    texts,
    spans,
    /** What Deno is told. */
    environment: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
      OTEL_BSP_SCHEDULE_DELAY: "50",
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** An upstream that keeps the traces that it is told of, and a folder with a catalogue that asks it. */
async function setup() {
  const told: (string | null)[] = [];
  const upstream = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    told.push(request.headers.get("traceparent"));
    if (new URL(request.url).pathname === "/broken") return new Response(null, { status: 500 });
    const headers = { "content-type": "application/x-ndjson" };
    return new Response('{"id": 1}\n{"id": 2}\n', { headers });
  });
  const folder = await emptyFolder();
  await Deno.writeTextFile(
    `${folder.path}/spillway.yaml`,
    `
server: { port: 0, debug: false }
sources:
  app: { type: http, url: "http://127.0.0.1:${upstream.addr.port}/", headers: { x-key: canary-1 } }
exports:
  orders: { source: app, query: /orders, params: { org: { type: string, required: false } } }
  broken: { source: app, query: /broken }
`,
  );
  return {
    told,
    path: folder.path,
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** The attributes of a span, by key; a number is a double here, whatever it was. */
function attributesOf({ attributes }: Span): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, Object.values(value)[0]]),
  );
}

Deno.test("a request has a span in its client's trace, its run the parts under it, and the upstream is told", async () => {
  await using collector = startCollector();
  await using catalogue = await setup();
  const { environment, spans } = collector;
  await using server = await startServe([], { cwd: catalogue.path, environment });
  const answer = await fetch(`${server.origin}/exports/orders.csv?org=canary-2`, {
    headers: { ...CLIENT, "accept-encoding": "identity" },
  });
  assert.equal(await answer.text(), "id\r\n1\r\n2\r\n");
  const id = answer.headers.get("Export-Id");
  const tampered = `${server.origin}/exports/orders.csv?_exp=1&_kid=a&_sig=canary-3`;
  assert.equal((await fetch(tampered)).status, 401);
  // Answered before any of our code is asked.
  const socket = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await socket.write(
    new TextEncoder().encode(
      "GET /exports/orders.csv?_sig=canary-4 HTTP/1.1\r\nHost: localhost\r\n" +
        "Expect: canary-5\r\nConnection: close\r\n\r\n",
    ),
  );
  assert.match(await new Response(socket.readable).text(), /^HTTP\/1.1 417 /);
  assert.equal((await fetch(`${server.origin}/healthz`)).status, 200);
  const failed = await fetch(`${server.origin}/exports/broken.csv`, {
    headers: { traceparent: "00-not-valid-01" },
  });
  assert.equal(failed.status, 502);
  await failed.body?.cancel();
  await until(() => spans.length >= 10);
  server.signal("SIGTERM");
  assert.equal(await server.ended(), 0);

  const requests = spans.filter(({ kind }) => kind === SERVER_KIND);
  assert.deepEqual(
    requests.map((span) => [span.name, attributesOf(span)["http.response.status_code"]]),
    [
      ["GET /exports/:file", 200],
      // It came to no route.
      ["GET", 401],
      ["GET /exports/:file", 502],
    ],
  );
  const [complete, refused, broken] = requests;

  assert.equal(complete!.traceId, TRACE);
  assert.equal(complete!.parentSpanId, CLIENT_SPAN);
  assert.deepEqual(attributesOf(complete!), {
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "http.route": "/exports/:file",
    "url.path": "/exports/orders.csv",
    "url.scheme": "http",
    "client.address": "127.0.0.1",
  });
  const parts = spans.filter(({ parentSpanId }) => parentSpanId === complete!.spanId);
  assert.deepEqual(parts.map(({ name }) => name), [
    "queue",
    "open",
    "first row",
    "encode",
    "deliver",
  ]);
  const run = { "spillway.run": id, "spillway.export": "orders", "spillway.format": "csv" };
  for (const part of parts) {
    assert.equal(part.traceId, TRACE);
    const { name } = part;
    const {
      "spillway.source_ms": source,
      "spillway.encode_ms": encode,
      "spillway.client_ms": client,
      ...attributes
    } = attributesOf(part);
    assert.deepEqual(attributes, {
      ...run,
      ...(name === "encode" ? { "spillway.rows": 2 } : {}),
      ...(name === "deliver" ? { "spillway.bytes": 10, "spillway.state": "complete" } : {}),
    });
    assert.deepEqual(
      [source, encode, client].map((value) => typeof value),
      name === "encode"
        ? ["number", "number", "undefined"]
        : name === "deliver"
        ? ["undefined", "undefined", "number"]
        : ["undefined", "undefined", "undefined"],
    );
    assert.ok(BigInt(part.startTimeUnixNano) <= BigInt(part.endTimeUnixNano), name);
    assert.equal(part.status.code, 0);
  }
  const [queue, open, firstRow, encode] = parts;
  assert.equal(open!.startTimeUnixNano, queue!.endTimeUnixNano);
  assert.equal(firstRow!.startTimeUnixNano, open!.endTimeUnixNano);
  assert.equal(encode!.startTimeUnixNano, firstRow!.endTimeUnixNano);

  // What is not valid begins a trace of its own.
  assert.ok(refused!.parentSpanId === "" && broken!.parentSpanId === "");
  assert.notEqual(refused!.traceId, broken!.traceId);
  assert.equal(broken!.status.code, ERROR_STATUS);
  const under = spans.filter(({ parentSpanId }) => parentSpanId === broken!.spanId);
  assert.deepEqual(
    under.map((span) => [span.name, span.status, attributesOf(span)["error.type"]]),
    [
      ["queue", { code: 0, message: "" }, undefined],
      ["open", { code: ERROR_STATUS, message: "" }, "source"],
    ],
  );
  assert.equal(spans.length, 10);

  assert.deepEqual(catalogue.told, [
    `00-${TRACE}-${complete!.spanId}-01`,
    `00-${broken!.traceId}-${broken!.spanId}-01`,
  ]);
  assert.ok(collector.texts.every((text) => !text.includes("canary")));
});

Deno.test("without a collector no span is made, and the upstream is told of the client's own", async () => {
  await using catalogue = await setup();
  await using server = await startServe([], { cwd: catalogue.path });
  for (const headers of [CLIENT, {}, { traceparent: `00-${TRACE}-${"0".repeat(16)}-01` }]) {
    const answer = await fetch(`${server.origin}/exports/orders.csv`, { headers });
    assert.equal(await answer.text(), "id\r\n1\r\n2\r\n");
  }
  assert.deepEqual(catalogue.told, [CLIENT.traceparent, null, null]);
});
