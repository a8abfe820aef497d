/** The numbers of a server: what they say, how Prometheus reads them, and that they say what took the time. */

import assert from "node:assert/strict";
import { createMetrics } from "../../server/metrics.ts";
import { PYTHON, readerTest, runProgram } from "../clients/programs.ts";
import { emptyFolder, startServe } from "../commands/fixture.ts";
import { openDownload, readBytes } from "../http/fixture.ts";
import { scrape } from "../http/downloads.ts";
import { inTime, standstill } from "../waiting.ts";
import { endRun, everyMetric, textOf } from "./metrics_fixture.ts";

Deno.test("runs are counted by export, format, outcome and whether they were for a tenant", async () => {
  const metrics = createMetrics();
  endRun(metrics, {});
  endRun(metrics, {}, { tenant: "42" });
  endRun(metrics, {}, { tenant: "43" });
  endRun(metrics, { state: "failed" }, { tenant: "43" });
  endRun(metrics, { state: "cancelled" }, { export: "a,b" });
  endRun(metrics, { state: "cancelled" }, { export: "b,c" });
  const text = await textOf(metrics);
  assert.deepEqual(text.match(/^spillway_runs_total.*/gm), [
    'spillway_runs_total{export="audit-log",format="csv",state="complete",tenant_class="none"} 1',
    'spillway_runs_total{export="audit-log",format="csv",state="complete",tenant_class="tenant"} 2',
    'spillway_runs_total{export="audit-log",format="csv",state="failed",tenant_class="tenant"} 1',
    'spillway_runs_total{export="(several)",format="csv",state="cancelled",tenant_class="none"} 2',
  ]);
});

Deno.test("first bytes and whole runs are in histograms, phases and refusals in counters", async () => {
  const metrics = createMetrics();
  const times = { worker: 250, source: 2000, encode: 500, client: 1250 };
  endRun(metrics, { duration: 4000, firstByte: 20, times });
  endRun(metrics, { duration: 90_000, firstByte: 120_000, times }, { tenant: "42", waited: 3000 });
  endRun(metrics, { state: "failed", spilled: true }, { export: "audit-log,invoices" });
  for (const status of [401, 401, 503]) metrics.refused(status);
  const text = await textOf(metrics);
  const linesOf = (name: string) => text.match(new RegExp(`^${name}.*`, "gm"));
  assert.deepEqual(linesOf('spillway_first_byte_seconds_[a-z]+{export="audit-log"'), [
    'spillway_first_byte_seconds_bucket{export="audit-log",le="0.005"} 0',
    'spillway_first_byte_seconds_bucket{export="audit-log",le="0.01"} 0',
    'spillway_first_byte_seconds_bucket{export="audit-log",le="0.025"} 1',
    'spillway_first_byte_seconds_bucket{export="audit-log",le="0.05"} 1',
    'spillway_first_byte_seconds_bucket{export="audit-log",le="0.1"} 1',
    'spillway_first_byte_seconds_bucket{export="audit-log",le="0.25"} 1',
    'spillway_first_byte_seconds_bucket{export="audit-log",le="0.5"} 1',
    'spillway_first_byte_seconds_bucket{export="audit-log",le="1"} 1',
    'spillway_first_byte_seconds_bucket{export="audit-log",le="2.5"} 1',
    'spillway_first_byte_seconds_bucket{export="audit-log",le="5"} 1',
    'spillway_first_byte_seconds_bucket{export="audit-log",le="10"} 1',
    'spillway_first_byte_seconds_bucket{export="audit-log",le="30"} 1',
    'spillway_first_byte_seconds_bucket{export="audit-log",le="60"} 1',
    'spillway_first_byte_seconds_bucket{export="audit-log",le="+Inf"} 2',
    'spillway_first_byte_seconds_sum{export="audit-log"} 123.02',
    'spillway_first_byte_seconds_count{export="audit-log"} 2',
  ]);
  // Of the one that failed there is none.
  assert.deepEqual(linesOf("spillway_run_duration_seconds_(?:sum|count)"), [
    'spillway_run_duration_seconds_sum{export="audit-log"} 97',
    'spillway_run_duration_seconds_count{export="audit-log"} 2',
  ]);
  assert.deepEqual(linesOf('spillway_run_phase_seconds_total{export="audit-log"'), [
    'spillway_run_phase_seconds_total{export="audit-log",phase="queue"} 3',
    'spillway_run_phase_seconds_total{export="audit-log",phase="worker"} 0.5',
    'spillway_run_phase_seconds_total{export="audit-log",phase="source"} 4',
    'spillway_run_phase_seconds_total{export="audit-log",phase="encode"} 1',
    'spillway_run_phase_seconds_total{export="audit-log",phase="client"} 2.5',
  ]);
  assert.deepEqual(linesOf("spillway_requests_refused_total"), [
    'spillway_requests_refused_total{status="401"} 2',
    'spillway_requests_refused_total{status="503"} 1',
  ]);
});

readerTest(
  "Prometheus's parser reads all of them, and names and buckets are as it wants them",
  ["prometheus"],
  async () => {
    const script = new URL("./check_exposition.py", import.meta.url).pathname;
    const types = JSON.parse(await runProgram(PYTHON, [script], { input: await everyMetric() }));
    assert.deepEqual(
      Object.keys(types).filter((name) => types[name] === "histogram"),
      ["spillway_first_byte_seconds", "spillway_run_duration_seconds"],
    );
    assert.equal(types.spillway_runs, "counter");
  },
);

const sleep = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

Deno.test("what a run waits for is counted: its source until it answers, and a client that stops", async () => {
  /** Milliseconds that the test itself waits, for the upstream and for the client. */
  const HELD_MS = 1000;
  const PAGE = `{"id": 1, "page": "${"x".repeat(60_000)}"}\n`;
  const PAGES = 1000;
  let pages = 0;
  let held = 0;
  await using upstream = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const headers = { "content-type": "application/x-ndjson" };
      if (new URL(request.url).pathname === "/pages") {
        const body = new ReadableStream({
          pull(controller) {
            if (pages++ === PAGES) controller.close();
            else controller.enqueue(new TextEncoder().encode(PAGE));
          },
        }, { highWaterMark: 0 });
        return new Response(body, { headers });
      }
      const began = performance.now();
      await sleep(HELD_MS);
      held = performance.now() - began;
      return new Response('{"id": 1}\n', { headers });
    },
  );
  await using folder = await emptyFolder();
  await Deno.writeTextFile(
    `${folder.path}/spillway.yaml`,
    `
server: { port: 0 }
sources: { app: { type: http, url: "http://127.0.0.1:${upstream.addr.port}/" } }
exports:
  late: { source: app, query: /late }
  pages: { source: app, query: /pages }
`,
  );
  await using server = await startServe([], { cwd: folder.path });

  await (await fetch(`${server.origin}/exports/late.csv`)).text();
  const client = await openDownload(server, "/exports/pages.csv");
  await readBytes(client, 1000);
  await standstill(() => pages);
  const stopped = performance.now();
  await sleep(HELD_MS);
  const idle = performance.now() - stopped;
  const size = PAGES * 60_000;
  assert.ok(await readBytes(client, size) >= size);
  client.close();

  let numbers = await scrape(server);
  await inTime(
    (async () => {
      const count = 'run_duration_seconds_count{export="pages"}';
      while (numbers.get(count) !== 1) numbers = await scrape(server);
    })(),
    "the run to end",
  );
  const phase = (name: string, phase: string) =>
    1000 * numbers.get(`run_phase_seconds_total{export="${name}",phase="${phase}"}`)!;
  assert.ok(phase("late", "source") >= held);
  // The worker has some megabytes to go when its upstream is held up already.
  assert.ok(phase("pages", "client") >= idle / 2);
  for (const name of ["late", "pages"]) {
    const sum = 1000 * numbers.get(`run_duration_seconds_sum{export="${name}"}`)!;
    const phases = ["queue", "worker", "source", "encode", "client"].map((one) => phase(name, one));
    assert.ok(phases.every((milliseconds) => milliseconds >= 0));
    // What frames take on their way is in none of them.
    assert.ok(phases.reduce((all, one) => all + one) <= sum + 1);
  }
});
