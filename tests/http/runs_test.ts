/** Runs over HTTP: receipts, lists, cancels and files that are made in the background. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { until } from "../waiting.ts";
import { isUnread, startIn, startServer, type TestServer } from "./fixture.ts";

const SPOOL = "{ dir: spool, max_bytes: 256MiB, min_free: 1MiB, allow_memory: true }";

// deno-lint-ignore no-explicit-any
type Json = any;

async function json(server: TestServer, path: string, init: RequestInit = {}): Promise<Json> {
  const response = await fetch(server.origin + path, init);
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** The receipt of a run, once it is in a state. */
async function receipt(server: TestServer, id: string, ...states: string[]): Promise<Json> {
  let body: Json;
  await until(async () => {
    ({ body } = await json(server, `/runs/${id}`));
    return states.includes(body.state);
  });
  return body;
}

function post(server: TestServer, body: unknown, headers: Record<string, string> = {}) {
  return json(server, "/runs", { method: "POST", body: JSON.stringify(body), headers });
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

Deno.test("a download leads to its receipt, which tells its rows, bytes and digest", async () => {
  await using server = await startServer();
  for (const coding of ["identity", "gzip"]) {
    const response = await fetch(`${server.origin}/exports/rows.csv?rows=500&_reason=audit`, {
      headers: { "Accept-Encoding": coding },
    });
    const bytes = await response.bytes();
    const id = response.headers.get("Export-Id")!;
    assert.equal(response.headers.get("Link"), `</runs/${id}>; rel="status"`);
    const { queued_at, started_at, ended_at, encoded, ...rest } = await receipt(
      server,
      id,
      "complete",
    );
    for (const time of [queued_at, started_at, ended_at]) {
      assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
    // What was sent is a coding of the file; the receipt is of the file.
    assert.equal(encoded?.coding, coding === "gzip" ? "gzip" : undefined);
    assert.ok(encoded === undefined || encoded.bytes < bytes.length);
    assert.deepEqual(rest, {
      id,
      state: "complete",
      attempt: 1,
      exports: ["rows"],
      format: "csv",
      params: { rows: "500" },
      options: {},
      delivery: "direct",
      principal: "anonymous",
      reason: "audit",
      rows: 500,
      bytes: bytes.length,
      sha256: sha256(bytes),
      warnings: [],
      masks: [],
      truncated: [],
      url: `/runs/${id}`,
    });
  }
});

/** A download as it stands on the wire. */
async function rawDownload(
  { port }: TestServer,
  path: string,
  headers: readonly string[],
): Promise<{ readonly head: string; readonly body: Uint8Array; readonly trailers: string }> {
  const socket = await Deno.connect({ hostname: "127.0.0.1", port });
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Connection: close",
    ...headers,
  ];
  await socket.write(new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n"));
  const bytes = await new Response(socket.readable).bytes();
  const text = new TextDecoder("latin1").decode(bytes);
  const start = text.indexOf("\r\n\r\n") + 4;
  const parts: Uint8Array[] = [];
  for (let at = start;;) {
    const end = text.indexOf("\r\n", at);
    const size = parseInt(text.slice(at, end), 16);
    if (size === 0) {
      const body = await new Blob(parts as BlobPart[]).bytes();
      return { head: text.slice(0, start), body, trailers: text.slice(end + 2) };
    }
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

Deno.test("a download ends with its digest and its rows, for clients that take trailers", async () => {
  await using server = await startServer();
  for (const rows of [3, 50_000]) {
    const path = `/exports/rows.csv?rows=${rows}`;
    const { head, body, trailers } = await rawDownload(server, path, ["TE: gzip, trailers"]);
    assert.match(head, /\r\ntrailer: Repr-Digest, Export-Rows\r\n/i);
    const digest = createHash("sha256").update(body).digest("base64");
    assert.equal(trailers, `Repr-Digest: sha-256=:${digest}:\r\nExport-Rows: ${rows}\r\n\r\n`);
    const [id] = /(?<=export-id: )[0-9a-f-]+/i.exec(head)!;
    assert.equal((await receipt(server, id, "complete")).sha256, sha256(body));
  }
  const without = await fetch(`${server.origin}/exports/rows.csv?rows=3`);
  assert.equal(without.headers.get("Trailer"), null);
  await without.bytes();
});

Deno.test("a download that breaks has failed, and one whose client leaves is cancelled", async () => {
  await using server = await startServer();
  const broken = await fetch(`${server.origin}/exports/breaks.csv?at=100000`);
  await assert.rejects(() => broken.bytes());
  const failed = await receipt(server, broken.headers.get("Export-Id")!, "failed");
  assert.deepEqual(failed.problem, {
    code: "source",
    detail: "The source of this export failed; the server's log says why",
  });
  assert.equal(failed.sha256, undefined);

  const refused = await fetch(`${server.origin}/exports/missing.csv`);
  await refused.body?.cancel();
  assert.equal(refused.status, 502);
  await receipt(server, refused.headers.get("Export-Id")!, "failed");

  const left = await fetch(`${server.origin}/exports/pages.csv?rows=1000000`);
  await left.body!.cancel();
  const cancelled = await receipt(server, left.headers.get("Export-Id")!, "cancelled");
  assert.equal(cancelled.problem, undefined);
});

Deno.test("runs are listed with the newest first, by state and export, page by page", async () => {
  await using server = await startServer();
  const ids: string[] = [];
  for (const path of ["rows.csv", "table.csv", "rows.json", "missing.csv"]) {
    const response = await fetch(`${server.origin}/exports/${path}`);
    await response.bytes();
    const id = response.headers.get("Export-Id")!;
    await receipt(server, id, "complete", "failed");
    ids.unshift(id);
  }
  const list = async (query: string) => {
    const { body } = await json(server, `/runs${query}`);
    return { ids: body.runs.map(({ id }: Json) => id), next: body.next };
  };
  assert.deepEqual((await list("")).ids, ids);
  assert.deepEqual((await list("?state=failed")).ids, [ids[0]]);
  assert.deepEqual((await list("?export=rows")).ids, [ids[1], ids[3]]);
  assert.deepEqual((await list("?since=2999-01-01")).ids, []);
  const first = await list("?limit=3");
  assert.deepEqual(first.ids, ids.slice(0, 3));
  assert.deepEqual(await list(`?limit=3&cursor=${first.next}`), { ids: [ids[3]], next: undefined });

  const wrong = await json(server, "/runs?state=done&limit=501&since=soon&colour=red&cursor=x");
  assert.equal(wrong.status, 400);
  assert.deepEqual(
    wrong.body.errors.map(({ name }: Json) => name).sort(),
    ["colour", "limit", "since", "state"],
  );
  assert.equal((await json(server, "/runs?cursor=x")).body.errors[0].name, "cursor");
});

Deno.test("a running download is cancelled down to the database; one that has ended is not", async () => {
  await using server = await startServer();
  const response = await fetch(`${server.origin}/exports/pages.csv?rows=1000000`);
  const id = response.headers.get("Export-Id")!;
  const { status, body } = await json(server, `/runs/${id}`, { method: "DELETE" });
  assert.deepEqual([status, body.state], [200, "cancelled"]);
  await assert.rejects(() => response.bytes());
  assert.ok(isUnread(server.database));
  assert.equal(server.engine.admission.taken, 0);
  assert.equal((await json(server, `/runs/${id}`, { method: "DELETE" })).status, 409);
  assert.equal((await json(server, "/runs/none", { method: "DELETE" })).status, 404);
});

Deno.test("a file is made in the background, and fetched whole, in ranges and by name", async () => {
  await using server = await startServer({ spool: SPOOL });
  const asked = { export: "rows", format: "csv", params: { rows: 5000 }, options: { bom: true } };
  const { status, headers, body } = await post(server, asked);
  assert.equal(status, 202);
  assert.equal(headers.get("Location"), `/runs/${body.id}`);
  assert.ok(["queued", "running", "publishing", "complete"].includes(body.state));
  const run = await receipt(server, body.id, "complete");
  assert.deepEqual(run.params, { rows: "5000" });
  assert.deepEqual(run.options, { bom: "true" });
  const { expires_at, ...file } = run.file;
  assert.deepEqual(file, {
    filename: "rows.csv",
    media_type: "text/csv; charset=utf-8",
    url: `/runs/${body.id}/file`,
  });
  assert.ok(Date.parse(expires_at) - Date.parse(run.ended_at) > 86_000_000);

  const whole = await fetch(server.origin + run.file.url);
  const bytes = await whole.bytes();
  assert.equal(sha256(bytes), run.sha256);
  assert.equal(bytes.length, run.bytes);
  assert.equal(
    whole.headers.get("Repr-Digest"),
    `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`,
  );
  assert.match(whole.headers.get("Content-Disposition")!, /filename="rows\.csv"/);
  const part = await fetch(server.origin + run.file.url, {
    headers: { "Range": "bytes=10-19", "If-Range": whole.headers.get("ETag")! },
  });
  assert.equal(part.status, 206);
  assert.deepEqual(await part.bytes(), bytes.subarray(10, 20));
  const head = await fetch(server.origin + run.file.url, { method: "HEAD" });
  assert.equal(head.headers.get("Content-Length"), `${bytes.length}`);
  const direct = await fetch(`${server.origin}/exports/rows.csv?rows=5000&_bom=true`);
  assert.deepEqual(await direct.bytes(), bytes);
  const id = direct.headers.get("Export-Id")!;
  await receipt(server, id, "complete");
  assert.equal((await json(server, `/runs/${id}/file`)).status, 404);
});

Deno.test("a download that prefers to be answered at once runs in the background", async () => {
  await using server = await startServer({ spool: SPOOL });
  const response = await fetch(`${server.origin}/exports/rows.csv?rows=10`, {
    headers: { Prefer: "respond-async, wait=10" },
  });
  const { id } = await response.json();
  assert.equal(response.status, 202);
  assert.equal(response.headers.get("Preference-Applied"), "respond-async");
  assert.equal((await receipt(server, id, "complete")).delivery, "background");
});

Deno.test("a file that is made first is that of its run as well", async () => {
  await using server = await startServer({ spool: SPOOL });
  const response = await fetch(`${server.origin}/exports/rows.csv?rows=10&_delivery=whole`);
  const bytes = await response.bytes();
  const id = response.headers.get("Export-Id")!;
  const run = await receipt(server, id, "complete");
  assert.deepEqual([run.delivery, run.sha256, run.rows], ["whole", sha256(bytes), 10]);
  assert.deepEqual(await (await fetch(`${server.origin}/runs/${id}/file`)).bytes(), bytes);
  // A newer file of the same request takes its place.
  const again = await fetch(`${server.origin}/exports/rows.csv?rows=10&_delivery=whole`);
  await again.bytes();
  await receipt(server, id, "expired");
  assert.equal((await json(server, `/runs/${id}/file`)).status, 410);
});

Deno.test("a request that is sent again with its key is one run; another one with it is refused", async () => {
  await using server = await startServer({ spool: SPOOL });
  const asked = { export: "rows", format: "csv", params: { rows: 7 } };
  const headers = { "Idempotency-Key": '"b5f0"' };
  const all = await Promise.all([1, 2, 3, 4].map(() => post(server, asked, headers)));
  assert.deepEqual(all.map(({ status }) => status), [202, 202, 202, 202]);
  assert.equal(new Set(all.map(({ body }) => body.id)).size, 1);
  await receipt(server, all[0].body.id, "complete");
  const later = await post(server, asked, { "Idempotency-Key": "b5f0" });
  assert.deepEqual([later.body.id, later.body.state], [all[0].body.id, "complete"]);
  const other = await post(server, { ...asked, params: { rows: 8 } }, headers);
  assert.equal(other.status, 422);
  assert.equal((await post(server, asked, { "Idempotency-Key": "a b" })).status, 400);
  assert.equal((await json(server, "/runs")).body.runs.length, 1);
});

Deno.test("an equal request joins the run that has not ended, and no other", async () => {
  await using server = await startServer({ spool: SPOOL });
  const sorts = { export: "sorts", format: "csv" };
  const [one, two, other] = await Promise.all([
    post(server, sorts),
    post(server, sorts),
    post(server, { ...sorts, format: "json" }),
  ]);
  assert.equal(one.body.id, two.body.id);
  assert.notEqual(one.body.id, other.body.id);
  await receipt(server, one.body.id, "running");
  await json(server, `/runs/${one.body.id}`, { method: "DELETE" });
  assert.equal((await receipt(server, one.body.id, "cancelled")).file.url, undefined);
  assert.equal((await json(server, `/runs/${one.body.id}/file`)).status, 409);
  const three = await post(server, sorts);
  assert.notEqual(three.body.id, one.body.id);
});

Deno.test("a second click on a file that is made first gets the same file, by the same run", async () => {
  await using server = await startServer({
    spool: SPOOL,
    limits: "{ concurrent: 1, queue: 10, queue_timeout: 60s }",
  });
  const { admission } = server.engine;
  // What is asked for now waits for the slot of this one.
  const sorts = new AbortController();
  const sorting = fetch(`${server.origin}/exports/sorts.csv`, { signal: sorts.signal });
  sorting.catch(() => {});
  await until(() => admission.taken === 1);
  const click = async () => {
    const url = `${server.origin}/exports/pages.csv?rows=2000&_delivery=whole`;
    const response = await fetch(url);
    return { id: response.headers.get("Export-Id"), bytes: await response.bytes() };
  };
  const first = click();
  await until(() => admission.waiting === 1);
  const second = click();
  await until(() => server.counts.open >= 3);
  await (await fetch(`${server.origin}/healthz`)).text();
  assert.equal(admission.waiting, 1);
  sorts.abort();
  const [one, two] = await Promise.all([first, second]);
  assert.deepEqual(one, two);
  assert.notEqual((await click()).id, one.id);
});

Deno.test("a run that waits is cancelled at once, and more than may wait are refused", async () => {
  await using server = await startServer({
    spool: SPOOL,
    runs: "{ background: 1, max_queued: 1 }",
  });
  const ask = (format: string) => post(server, { export: "sorts", format });
  const running = await ask("csv");
  await receipt(server, running.body.id, "running");
  const waiting = await ask("json");
  assert.equal(waiting.body.state, "queued");
  const refused = await ask("xml");
  assert.equal(refused.status, 503);
  assert.ok(refused.headers.has("Retry-After"));
  const cancelled = await json(server, `/runs/${waiting.body.id}`, { method: "DELETE" });
  assert.deepEqual([cancelled.status, cancelled.body.state], [200, "cancelled"]);
  const ended = await json(server, `/runs/${running.body.id}`, { method: "DELETE" });
  assert.equal(ended.body.state, "cancelled");
  assert.ok(isUnread(server.database));
});

for (const queue of [0, 1]) {
  Deno.test(`a run in the background is queued until it has a slot, where ${queue} may wait for one`, async () => {
    await using server = await startServer({
      spool: SPOOL,
      limits: `{ concurrent: 1, queue: ${queue}, queue_timeout: 1h }`,
    });
    const { admission } = server.engine;
    const left = new AbortController();
    const held = fetch(`${server.origin}/exports/sorts.csv`, { signal: left.signal });
    held.catch(() => {});
    await until(() => admission.taken === 1);
    const { body } = await post(server, { export: "table", format: "csv" });
    await until(() => queue === 0 ? admission.refused.full > 1 : admission.waiting === 1);
    assert.equal((await json(server, `/runs/${body.id}`)).body.state, "queued");
    left.abort();
    const { attempt, rows } = await receipt(server, body.id, "complete");
    assert.deepEqual([attempt, rows], [1, 1]);
  });
}

Deno.test("files and receipts of the background survive a restart, and runs that waited go on", async () => {
  const folder = await Deno.makeTempDir({ prefix: "spillway-http-" });
  const sections = {
    spool: SPOOL,
    runs: "{ ledger: 'sqlite:ledger.db', background: 1 }",
    server: "{ port: 0 }",
  };
  try {
    let kept: Json;
    let running: Json;
    let waiting: Json;
    {
      await using made = await startServer();
      await Deno.copyFile(made.database, `${folder}/app.db`);
    }
    {
      await using server = await startIn(folder, sections);
      const { body } = await post(server, { export: "rows", format: "csv" });
      kept = await receipt(server, body.id, "complete");
      running = (await post(server, { export: "sorts", format: "csv" })).body;
      await receipt(server, running.id, "running");
      waiting = (await post(server, { export: "table", format: "csv" })).body;
    }
    await using server = await startIn(folder, sections);
    assert.deepEqual(await receipt(server, kept.id, "complete"), kept);
    assert.equal(sha256(await (await fetch(server.origin + kept.file.url)).bytes()), kept.sha256);
    const again = await receipt(server, running.id, "running");
    assert.equal(again.attempt, 2);
    await json(server, `/runs/${running.id}`, { method: "DELETE" });
    const { attempt, rows } = await receipt(server, waiting.id, "complete");
    assert.deepEqual([attempt, rows], [1, 1]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a file that has expired is gone, and its receipt says so", async () => {
  let time = Date.now();
  await using server = await startServer({
    spool: SPOOL,
    runs: "{ retention: { files: 1h } }",
    now: () => new Date(time),
  });
  const { body } = await post(server, { export: "rows", format: "csv" });
  await receipt(server, body.id, "complete");
  time += 3_600_001;
  assert.equal((await json(server, `/runs/${body.id}/file`)).status, 410);
  await server.engine.wholeFiles!.expire();
  await receipt(server, body.id, "expired");
});

Deno.test("without a spool nothing runs in the background, and downloads are streamed", async () => {
  await using server = await startServer();
  assert.equal((await post(server, { export: "rows", format: "csv" })).status, 404);
  const response = await fetch(`${server.origin}/exports/rows.csv`, {
    headers: { Prefer: "respond-async" },
  });
  assert.equal(response.status, 200);
  await response.bytes();
});

Deno.test("a body that asks for no run is refused with every issue by name", async () => {
  await using server = await startServer({ spool: SPOOL });
  const { status, body } = await post(server, { export: 1, format: "csv", colour: "red" });
  assert.equal(status, 400);
  assert.deepEqual(body.errors.map(({ name }: Json) => name).sort(), ["colour", "export"]);
  assert.equal((await post(server, { export: "none", format: "csv" })).status, 404);
  assert.equal((await json(server, "/runs", { method: "PUT" })).status, 405);
});

/** Reads server-sent events until the stream ends. */
async function readEvents(response: Response): Promise<Json[]> {
  const text = await response.text();
  return text.split("\n\n").filter((part) => part.includes("data: ")).map((part) => ({
    id: /^id: (.*)$/m.exec(part)![1],
    ...JSON.parse(/^data: (.*)$/m.exec(part)![1]!),
  }));
}

Deno.test("the events of a run tell its progress to its end, and go on where a client was", async () => {
  await using server = await startServer({ spool: SPOOL });
  const { body } = await post(server, { export: "pages", format: "csv", params: { rows: 5000 } });
  const url = `${server.origin}/runs/${body.id}/events`;
  const response = await fetch(url);
  assert.equal(response.headers.get("Content-Type"), "text/event-stream");
  const events = await readEvents(response);
  const last = events.at(-1)!;
  assert.deepEqual([last.state, last.rows], ["complete", 5000]);
  assert.equal(last.bytes, (await receipt(server, body.id, "complete")).bytes);
  const rows = events.map(({ rows }) => rows);
  assert.deepEqual(rows, rows.toSorted((one, other) => one - other));

  const over = await fetch(url, { headers: { "Last-Event-ID": last.id } });
  assert.equal(over.status, 204);
  const again = await readEvents(
    await fetch(url, { headers: { "Last-Event-ID": "1-queued-0-0" } }),
  );
  assert.deepEqual(again.map(({ id }) => id), [last.id]);
});

Deno.test("more clients than may look at runs are refused, and one that leaves makes room", async () => {
  await using server = await startServer({
    spool: SPOOL,
    server: "{ port: 0, connections: 1000 }",
    limits: "{ per_address: 1000 }",
  });
  const { body } = await post(server, { export: "sorts", format: "csv" });
  const url = `${server.origin}/runs/${body.id}/events`;
  const streams = await Promise.all(Array.from({ length: 256 }, () => fetch(url)));
  const refused = await fetch(url);
  await refused.body?.cancel();
  assert.equal(refused.status, 503);
  assert.ok(refused.headers.has("Retry-After"));
  await streams.pop()!.body!.cancel();
  await until(async () => {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.status === 200;
  });
  await json(server, `/runs/${body.id}`, { method: "DELETE" });
  for (const stream of streams) {
    assert.equal((await readEvents(stream)).at(-1)?.state, "cancelled");
  }
});

/** Megabytes of a file whose client breaks: 1 GB of them in a soak. */
const MEGABYTES = Deno.env.get("SPILLWAY_SOAK") ? 1000 : 30;

Deno.test(`a file of ${MEGABYTES} MB arrives whole at a client that breaks ten times, with one query`, async () => {
  await using server = await startServer({
    spool: `{ dir: spool, max_bytes: 4GiB, min_free: 1MiB, allow_memory: true }`,
  });
  const params = { rows: MEGABYTES * 100 };
  const { body } = await post(server, { export: "pages", format: "csv", params });
  const run = await receipt(server, body.id, "complete");
  const hash = createHash("sha256");
  let done = 0;
  let etag: string | undefined;
  const breaks = Array.from({ length: 10 }, (_, index) => Math.floor(run.bytes * (index + 1) / 11));
  for (const end of [...breaks, Infinity]) {
    const response = await fetch(server.origin + run.file.url, {
      headers: etag === undefined ? {} : { "Range": `bytes=${done}-`, "If-Range": etag },
    });
    assert.equal(response.status, etag === undefined ? 200 : 206);
    etag ??= response.headers.get("ETag")!;
    for await (const chunk of response.body!) {
      hash.update(chunk);
      done += chunk.length;
      // The connection breaks: what was on its way is lost.
      if (done >= end) break;
    }
  }
  assert.deepEqual([hash.digest("hex"), done], [run.sha256, run.bytes]);
  assert.equal(server.reports.length, 1);
});
