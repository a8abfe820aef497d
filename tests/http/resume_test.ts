/** Streamed downloads whose connections break, and clients that come back for the rest. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { until } from "../waiting.ts";
import { assertNothingHeld, IDENTITY, startDownload } from "./downloads.ts";
import { curl, isUnread, startServer, type TestServer } from "./fixture.ts";

const MB = 1_000_000;

/** Rows of 100 bytes for a file larger than the kernel's buffers: 30 MB, or a gigabyte. */
const ROWS = Deno.env.get("SPILLWAY_SOAK") === "1" ? 10_000_000 : 300_000;

const PATH = `/exports/rows.csv?rows=${ROWS}`;

function start(window = "10m", spool = ""): Promise<TestServer> {
  return startServer({
    spool: `{ dir: spool, max_bytes: 4GiB, min_free: 1MiB, allow_memory: true, ` +
      `resume_window: ${window}${spool} }`,
  });
}

const spoolOf = ({ folder }: TestServer) => `${folder}/spool`;

/** What a file has of rows: made here, as the exporter makes it. */
function expectedFile(rows: number): { readonly size: number; readonly sha256: string } {
  const hash = createHash("sha256");
  let size = 0;
  const add = (text: string) => {
    hash.update(text);
    size += text.length;
  };
  add("id,padding\r\n");
  let lines = "";
  for (let id = 1; id <= rows; id++) {
    lines += `${id},${`${id}`.padStart(90, "0")}\r\n`;
    if (id % 1000 === 0 || id === rows) {
      add(lines);
      lines = "";
    }
  }
  return { size, sha256: hash.digest("hex") };
}

/** Asks for the rest of a file; where that is not there yet, again. */
async function askRest(
  { origin }: TestServer,
  offset: number,
  headers: Readonly<Record<string, string>> = {},
  path = PATH,
): Promise<Response> {
  for (;;) {
    const response = await fetch(origin + path, {
      headers: { ...IDENTITY, Range: `bytes=${offset}-`, ...headers },
    });
    if (response.status !== 503) return response;
    assert.ok(Number(response.headers.get("Retry-After")) > 0);
    await response.body!.cancel();
  }
}

Deno.test("a client that breaks ten times has the whole file, of one query", async () => {
  await using server = await start();
  const expected = expectedFile(ROWS);
  const first = await startDownload(server, PATH);
  const { headers } = first.response;
  const id = headers.get("Export-Id")!;
  const etag = headers.get("ETag")!;
  assert.equal(etag, `"${id}"`);
  assert.equal(headers.get("Accept-Ranges"), "bytes");
  assert.equal(headers.get("Content-Length"), null);
  await first.leave();

  const hash = createHash("sha256");
  const part = (Math.ceil(expected.size / 11 / MB) + 1) * MB;
  let offset = 0;
  for (let breaks = 0; offset < expected.size; breaks++) {
    // What it took of the first answer is lost with its process.
    const response = await askRest(server, offset, { "If-Range": etag });
    assert.equal(response.status, 206);
    const last = expected.size - 1;
    assert.equal(response.headers.get("Content-Range"), `bytes ${offset}-${last}/${expected.size}`);
    assert.equal(response.headers.get("ETag"), etag);
    assert.equal(response.headers.get("Export-Id"), id);
    const reader = response.body!.getReader();
    for (let taken = 0; taken < part || breaks === 10;) {
      const { done, value } = await reader.read();
      if (done) break;
      const wanted = breaks === 10 ? value : value.subarray(0, part - taken);
      hash.update(wanted);
      taken += wanted.length;
      offset += wanted.length;
    }
    await reader.cancel();
    const receipt = await (await fetch(`${server.origin}/runs/${id}`)).json();
    // More than kernels take of it: not all is handed over.
    if (expected.size - offset > 16 * MB) assert.equal(receipt.state, "running");
  }
  assert.equal(hash.digest("hex"), expected.sha256);

  await until(() => server.reports.length > 0);
  const [report, ...others] = server.reports;
  assert.deepEqual(others, [], "one run, one query");
  assert.deepEqual([report!.id, report!.state, report!.rows], [id, "complete", ROWS]);
  assert.deepEqual([report!.bytes, report!.sha256], [expected.size, expected.sha256]);
  const receipt = await (await fetch(`${server.origin}/runs/${id}`)).json();
  assert.deepEqual([receipt.state, receipt.sha256], ["complete", expected.sha256]);
});

Deno.test("curl -C - goes on with a download that was cut off", async () => {
  await using server = await start();
  const file = `${server.folder}/cut.csv`;
  const url = server.origin + PATH;
  // It reads slowly, and is killed in the middle.
  const cut = new Deno.Command("curl", {
    args: ["--silent", "--limit-rate", "5M", "--output", file, url],
  }).spawn();
  await until(async () => (await Deno.stat(file).catch(() => undefined))?.size! > MB);
  cut.kill("SIGKILL");
  await cut.status;
  const { size } = await Deno.stat(file);
  // Without `--fail` it takes a 503, and so a slow machine, for a server without ranges (curl 7.88).
  const again = await curl("--fail", "--retry", "100", "-C", "-", "--output", file, url);
  assert.equal(again.code, 0);
  const expected = expectedFile(ROWS);
  assert.ok(size < expected.size);
  const hash = createHash("sha256").update(await Deno.readFile(file)).digest("hex");
  assert.equal(hash, expected.sha256);
  await until(() => server.reports.length > 0);
  assert.deepEqual(server.reports.map(({ state, rows }) => [state, rows]), [["complete", ROWS]]);
});

Deno.test("a client that lost the end of a file that was sent gets that too, and the digest of all", async () => {
  await using server = await start();
  // Far more than is kept of what was sent.
  const path = "/exports/rows.csv?rows=600000";
  const whole = await startDownload(server, path);
  const sha256 = await whole.finish();
  const etag = whole.response.headers.get("ETag")!;
  await until(() => server.reports.length === 1);
  const { bytes } = server.reports[0]!;
  const rest = await askRest(server, bytes - 1000, { "If-Range": etag }, path);
  assert.equal(rest.status, 206);
  const digest = Uint8Array.fromHex(sha256).toBase64();
  assert.equal(rest.headers.get("Repr-Digest"), `sha-256=:${digest}:`);
  assert.equal((await rest.bytes()).length, 1000);
  const beyond = await askRest(server, bytes, { "If-Range": etag }, path);
  assert.equal(beyond.status, 416);
  assert.equal(beyond.headers.get("Content-Range"), `bytes */${bytes}`);
  await beyond.body?.cancel();
  // Its first bytes are not kept: a file of its own.
  const fresh = await askRest(server, 1000, { "If-Range": etag }, path);
  assert.equal(fresh.status, 200);
  assert.notEqual(fresh.headers.get("ETag"), etag);
  await fresh.body!.cancel();
});

Deno.test("who goes on with a download that another connection has is its client, and breaks that off", async () => {
  await using server = await start();
  const first = await startDownload(server, PATH);
  const etag = first.response.headers.get("ETag")!;
  const rest = await askRest(server, first.bytes, { "If-Range": etag });
  assert.equal(rest.status, 206);
  const expected = expectedFile(ROWS);
  assert.equal((await rest.bytes()).length, expected.size - first.bytes);
  await assert.rejects(() => first.finish());
});

Deno.test("a download is gone on with by its own request alone", async () => {
  await using server = await start();
  const first = await startDownload(server, PATH);
  const etag = first.response.headers.get("ETag")!;
  const { bytes } = first;
  // curl would not know that another client has it.
  const others = [
    await askRest(server, bytes),
    await askRest(server, bytes, { "If-Range": etag }, `/exports/rows.csv?rows=${ROWS - 1}`),
    await askRest(server, bytes, { "If-Range": '"00000000-0000-0000-0000-000000000000"' }),
    await askRest(server, bytes, { "If-Range": `W/${etag}` }),
    await askRest(server, bytes, { "If-Range": "Fri, 27 Nov 2026 00:00:00 GMT" }),
  ];
  for (const { status, body } of others) {
    assert.equal(status, 200);
    await body!.cancel();
  }
  await first.leave();
  // Now there are several that it could mean.
  const unknown = await askRest(server, bytes);
  assert.equal(unknown.status, 200);
  await unknown.body!.cancel();
});

Deno.test("what nobody comes back for within the window is given back", async () => {
  await using server = await start("1ms");
  const download = await startDownload(server, PATH);
  const etag = download.response.headers.get("ETag")!;
  await download.leave();
  await until(() => server.reports.length === 1);
  assert.equal(server.reports[0]!.state, "cancelled");
  await assertNothingHeld(server, spoolOf(server));
  assert.ok(isUnread(server.database));
  const rest = await askRest(server, download.bytes, { "If-Range": etag });
  assert.equal(rest.status, 200);
  await rest.body!.cancel();
});

Deno.test("a run whose client has left is cancelled like any other", async () => {
  await using server = await start();
  for (const path of [PATH, "/exports/rows.csv?rows=1000000000"]) {
    const download = await startDownload(server, path);
    const id = download.response.headers.get("Export-Id")!;
    await download.leave();
    // Of the first one the file waits; the second run goes on.
    if (path === PATH) await until(() => server.engine.admission.taken === 0);
    const cancelled = await fetch(`${server.origin}/runs/${id}`, { method: "DELETE" });
    await cancelled.body?.cancel();
    await until(async () =>
      (await (await fetch(`${server.origin}/runs/${id}`)).json()).state === "cancelled"
    );
  }
  await assertNothingHeld(server, spoolOf(server));
  assert.ok(isUnread(server.database));
});

Deno.test("a client that reads the rest of a run that is cancelled is broken off", async () => {
  await using server = await start();
  const download = await startDownload(server, PATH);
  const id = download.response.headers.get("Export-Id")!;
  await download.leave();
  const rest = await askRest(server, 1000, { "If-Range": `"${id}"` });
  assert.equal(rest.status, 206);
  const cancelled = await fetch(`${server.origin}/runs/${id}`, { method: "DELETE" });
  assert.equal((await cancelled.json()).state, "cancelled");
  await assert.rejects(() => rest.bytes());
  await assertNothingHeld(server, spoolOf(server));
});

Deno.test("a curl that begins with the start of another file does not go on with its end", async () => {
  await using server = await start("1ms");
  const url = server.origin + PATH;
  const file = `${server.folder}/cut.csv`;
  const gone = await startDownload(server, PATH);
  await gone.leave();
  await until(() => server.reports.length === 1);
  await Deno.writeFile(file, new Uint8Array(gone.bytes));
  // What it has is gone; what it begins instead, and leaves at once, is another file.
  for (let attempt = 0; attempt < 3; attempt++) {
    assert.equal((await curl("-C", "-", "--output", file, url)).code, 33);
  }
  assert.equal((await Deno.stat(file)).size, gone.bytes);
});

Deno.test("a run that breaks after its client has left has failed, and cannot be gone on with", async () => {
  await using server = await start();
  // Far more than the kernel, the server and the worker take for a client that reads one chunk.
  const path = "/exports/breaks.csv?at=200000";
  const download = await startDownload(server, path);
  const etag = download.response.headers.get("ETag")!;
  await download.leave();
  await until(() => server.reports.length === 1);
  assert.equal(server.reports[0]!.state, "failed");
  const rest = await askRest(server, download.bytes, { "If-Range": etag }, path);
  assert.equal(rest.status, 200);
  await rest.body!.cancel();
  await assertNothingHeld(server, spoolOf(server));
});

Deno.test("where there is no room, a client that leaves is a cancel", async () => {
  // A file of which the disk does not take a byte: the download goes on all the same.
  await using server = await startServer({
    spool:
      "{ dir: spool, max_bytes: 1KiB, min_free: 1MiB, allow_memory: true, resume_window: 10m }",
  });
  const whole = await startDownload(server, PATH);
  assert.equal(await whole.finish(), expectedFile(ROWS).sha256);
  const download = await startDownload(server, PATH);
  await download.leave();
  await until(() => server.reports.length === 2);
  assert.deepEqual(server.reports.map(({ state }) => state), ["complete", "cancelled"]);
  await assertNothingHeld(server, spoolOf(server));
});

Deno.test("a file of which the rest may be asked for is not coded on its way", async () => {
  await using server = await start();
  const response = await fetch(`${server.origin}/exports/rows.csv`);
  assert.equal(response.headers.get("Content-Encoding"), null);
  assert.equal(response.headers.get("Vary"), null);
  await response.bytes();
});

Deno.test("without a window a streamed file has no tag and no ranges", async () => {
  await using server = await start("0ms");
  const response = await fetch(`${server.origin}/exports/rows.csv`, { headers: IDENTITY });
  assert.equal(response.headers.get("ETag"), null);
  assert.equal(response.headers.get("Accept-Ranges"), null);
  await response.bytes();
});

Deno.test("a small file with a window is sent in one piece, and holds nothing", async () => {
  await using server = await start();
  const response = await fetch(`${server.origin}/exports/rows.csv?rows=10`, { headers: IDENTITY });
  const { length } = await response.bytes();
  assert.equal(response.headers.get("Content-Length"), `${length}`);
  await assertNothingHeld(server, spoolOf(server));
});

Deno.test("a server that ends gives up the downloads that wait for their clients", async () => {
  let reports: TestServer["reports"];
  {
    await using server = await start();
    ({ reports } = server);
    const download = await startDownload(server, PATH);
    await download.leave();
    // The run has ended, and its file waits.
    await until(() => server.engine.admission.taken === 0);
  }
  assert.deepEqual(reports.map(({ state }) => state), ["failed"]);
});
