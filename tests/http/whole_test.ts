/** `_delivery=whole` over real sockets: the file is finished, counted and digested before its first byte. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { readerTest, runProgram } from "../clients/programs.ts";
import { until } from "../waiting.ts";
import { type FileSystem, systemFiles } from "../../storage/disk/file_system.ts";
import { type FaultCode, faultyFiles } from "../storage/disk/faulty_files.ts";
import {
  assertNothingHeld,
  digestOf,
  namedFiles,
  openFiles,
  scrape,
  startDownload,
} from "./downloads.ts";
import { isUnread, startIn, startServer, type TestServer } from "./fixture.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

const SPOOL = "{ dir: spool, min_free: 64MiB }";

/** The folder that a server spools in. */
const spoolOf = ({ folder }: TestServer) => `${folder}/spool`;

const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

async function get(
  { origin }: TestServer,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<Answer> {
  const response = await fetch(`${origin}${path}`, { method, headers });
  return {
    status: response.status,
    headers: response.headers,
    body: new Uint8Array(await response.arrayBuffer()),
  };
}

const ROWS = "/exports/rows.csv?rows=20000&_delivery=whole";

Deno.test("a whole file says its length, its tag and its digest, and they are right", async () => {
  await using server = await startServer({ spool: SPOOL });
  const { status, headers, body } = await get(server, ROWS, { "Accept-Encoding": "zstd, gzip" });
  assert.equal(status, 200);
  assert.equal(new TextDecoder().decode(body.subarray(0, 16)), "id,padding\r\n1,00");
  assert.equal(new TextDecoder().decode(body.subarray(-7)), "20000\r\n");
  assert.equal(headers.get("content-length"), `${body.length}`);
  assert.equal(headers.get("transfer-encoding"), null);
  assert.equal(headers.get("content-encoding"), null);
  assert.equal(headers.get("accept-ranges"), "bytes");
  assert.equal(headers.get("etag"), `"${sha256(body).toString("hex")}"`);
  assert.equal(headers.get("repr-digest"), `sha-256=:${sha256(body).toString("base64")}:`);
  assert.equal(headers.get("content-type"), "text/csv; charset=utf-8");
  assert.match(headers.get("content-disposition")!, /^attachment; filename="rows\.csv"/);
  assert.match(headers.get("export-id")!, /^[0-9a-f-]{36}$/);
  assert.equal(server.reports[0]!.id, headers.get("export-id"));
  // As it is streamed, it is the same file.
  const { body: streamed } = await get(server, "/exports/rows.csv?rows=20000");
  assert.deepEqual(streamed, body);
});

Deno.test("HEAD says what is known: of a file that is kept all of it, and no query is run", async () => {
  await using server = await startServer({ spool: SPOOL });
  const before = await get(server, ROWS, {}, "HEAD");
  assert.equal(before.status, 200);
  assert.equal(before.headers.get("accept-ranges"), "bytes");
  for (const name of ["content-length", "etag", "repr-digest"]) {
    assert.equal(before.headers.get(name), null, name);
  }
  assert.equal(server.reports.length, 0);

  const made = await get(server, ROWS);
  const after = await get(server, ROWS, {}, "HEAD");
  for (const name of ["content-length", "etag", "repr-digest", "export-id"]) {
    assert.equal(after.headers.get(name), made.headers.get(name), name);
  }
  assert.equal(after.body.length, 0);
  assert.equal(server.reports.length, 1);
});

Deno.test("ranges and conditions are answered as RFC 9110 says", async () => {
  await using server = await startServer({ spool: SPOOL });
  const { headers, body } = await get(server, ROWS);
  const size = body.length;
  const etag = headers.get("etag")!;
  const ask = (more: Record<string, string>) => get(server, ROWS, { "If-Range": etag, ...more });

  const middle = await ask({ Range: "bytes=100-199" });
  assert.equal(middle.status, 206);
  assert.equal(middle.headers.get("content-range"), `bytes 100-199/${size}`);
  assert.equal(middle.headers.get("content-length"), "100");
  assert.equal(middle.headers.get("etag"), etag);
  assert.equal(middle.headers.get("repr-digest"), headers.get("repr-digest"), "of the whole file");
  assert.deepEqual(middle.body, body.slice(100, 200));

  const end = await ask({ Range: "bytes=-7" });
  assert.equal(end.status, 206);
  assert.equal(end.headers.get("content-range"), `bytes ${size - 7}-${size - 1}/${size}`);
  assert.equal(new TextDecoder().decode(end.body), "20000\r\n");

  const beyond = await ask({ Range: `bytes=${size}-` });
  assert.equal(beyond.status, 416);
  assert.equal(beyond.headers.get("content-range"), `bytes */${size}`);
  assert.equal(beyond.body.length, 0);
  assert.equal(server.reports.length, 1, "the kept file was all that was needed");

  const known = await get(server, ROWS, { "If-None-Match": etag });
  assert.equal(known.status, 304);
  assert.equal(known.body.length, 0);
  const other = await get(server, ROWS, { "If-Match": '"another"' });
  assert.equal(other.status, 412);
  assert.equal(other.body.length, 0);
  await assertKept(server, 1);
});

Deno.test("conditions hold for HEAD as they do for GET", async () => {
  await using server = await startServer({ spool: SPOOL });
  const etag = (await get(server, ROWS)).headers.get("etag")!;
  const head = (more: Record<string, string>) => get(server, ROWS, more, "HEAD");
  for (const tag of [etag, `W/${etag}`, "*", `"other", ${etag}`]) {
    const known = await head({ "If-None-Match": tag });
    assert.equal(known.status, 304, tag);
    assert.equal(known.headers.get("etag"), etag);
    assert.equal(known.headers.get("content-length"), null);
  }
  assert.equal((await head({ "If-None-Match": '"other"' })).status, 200);
  assert.equal((await head({ "If-Match": '"other"' })).status, 412);
  assert.equal((await head({ "If-Match": etag })).status, 200);
  const range = await head({ "Range": "bytes=0-9", "If-Range": etag });
  assert.equal(range.status, 200, "a range is for GET alone");
  assert.equal(server.reports.length, 1);
});

/** So many files are kept, and nothing else is held: no slot, descriptor, byte or reservation. */
async function assertKept(server: TestServer, ...counts: number[]): Promise<void> {
  await until(() => server.engine.admission.taken === 0 && openFiles(spoolOf(server)).length === 0);
  const named = namedFiles(spoolOf(server));
  assert.ok(counts.includes(named.length), `${named.length} files: ${named}`);
  assert.deepEqual(named.filter((path) => path.endsWith(".part")), []);
  const sizes = named.map((path) => Deno.statSync(path).size);
  const numbers = await scrape(server);
  const sum = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);
  assert.equal(numbers.get("spool_bytes"), sum(sizes));
  // A disk gives whole blocks.
  const blocks = sizes.map((size) => Math.ceil(size / 4096) * 4096);
  assert.equal(numbers.get("spool_reserved_bytes"), sum(blocks));
}

Deno.test("the kept file is for who has a part of it; anybody else gets the rows of now", async () => {
  await using server = await startServer({ spool: SPOOL });
  const first = await get(server, ROWS);
  const etag = first.headers.get("etag")!;
  const range = { Range: "bytes=1000-" };
  const resumed = await get(server, ROWS, { ...range, "If-Range": etag });
  assert.equal(resumed.status, 206);
  assert.equal(resumed.headers.get("export-id"), first.headers.get("export-id"));
  assert.equal(server.reports.length, 1);

  const wrong = await get(server, ROWS, { ...range, "If-Range": '"of yesterday"' });
  assert.equal(wrong.status, 200);
  assert.deepEqual(wrong.body, first.body);
  assert.equal(server.reports.length, 2);
  assert.notEqual(wrong.headers.get("export-id"), first.headers.get("export-id"));

  const unconditional = await get(server, ROWS, range);
  assert.equal(unconditional.status, 206);
  assert.deepEqual(unconditional.body, first.body.slice(1000));
  assert.equal(server.reports.length, 2, "it means the file that is kept");
  const plain = await get(server, ROWS);
  assert.equal(plain.status, 200);
  assert.equal(server.reports.length, 3);
  await assertKept(server, 1);
});

Deno.test("a download that is resumed at a thousand offsets is the same file each time", async () => {
  await using server = await startServer({ spool: SPOOL });
  const path = "/exports/rows.csv?rows=10000&_delivery=whole";
  const { headers, body } = await get(server, path);
  const etag = headers.get("etag")!;
  const digest = sha256(body).toString("hex");
  for (let turn = 0; turn < 1000; turn++) {
    // Both ends of the file, and anywhere between.
    const offset = turn < 10
      ? turn
      : turn < 20
      ? body.length - turn + 9
      : Math.floor(Math.random() * body.length);
    const rest = await get(server, path, { Range: `bytes=${offset}-`, "If-Range": etag });
    assert.equal(rest.status, 206);
    assert.equal(sha256(body.subarray(0, offset), rest.body).toString("hex"), digest, `${offset}`);
  }
  assert.equal(server.reports.length, 1, "no query was run for any of them");
  assert.ok(server.counts.open <= 2, "over connections that are kept alive");
  await assertKept(server, 1);
});

for (const format of ["csv", "xlsx", "json"]) {
  Deno.test(`${format}: an error after 50,000 rows is a 502 with a problem, and nothing is left`, async () => {
    await using server = await startServer({
      server: "{ port: 0, debug: false }",
      spool: SPOOL,
    });
    const { status, headers, body } = await get(
      server,
      `/exports/breaks.${format}?at=50000&_delivery=whole`,
    );
    assert.equal(status, 502);
    assert.equal(headers.get("content-type"), "application/problem+json");
    assert.equal(headers.get("etag"), null);
    const text = new TextDecoder().decode(body);
    assert.equal(JSON.parse(text).status, 502);
    assert.ok(!/overflow|select|spool/.test(text), text);
    assert.match(server.reports[0]!.error!.message, /integer overflow/);
    await assertNothingHeld(server, spoolOf(server));
  });
}

Deno.test("a client may leave while its file is made, and all comes back", async () => {
  await using server = await startServer({ spool: SPOOL, limits: "{ concurrent: 1 }" });
  for (let turn = 0; turn < 3; turn++) {
    const leaving = new AbortController();
    const answer = fetch(`${server.origin}/exports/pages.csv?rows=1000000&_delivery=whole`, {
      signal: leaving.signal,
    });
    await until(async () => (await scrape(server)).get("spool_bytes")! > turn * 20 * MIB);
    assert.equal(isUnread(server.database), false);
    leaving.abort();
    await assert.rejects(answer);
    await assertNothingHeld(server, spoolOf(server));
    assert.equal(isUnread(server.database), true);
    assert.equal(server.reports[turn]!.state, "cancelled");
  }
});

Deno.test("a client may leave while its file is sent, and come back for the rest", async () => {
  await using server = await startServer({ spool: SPOOL });
  const path = "/exports/pages.csv?rows=3000&_delivery=whole";
  const leaving = new AbortController();
  const response = await fetch(`${server.origin}${path}`, { signal: leaving.signal });
  const reader = response.body!.getReader();
  const parts: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < 5 * MIB) {
    const { value } = await reader.read();
    parts.push(value!);
    bytes += value!.length;
  }
  leaving.abort();
  await until(() => openFiles(spoolOf(server)).length === 0);
  const etag = response.headers.get("etag")!;
  const rest = await get(server, path, { Range: `bytes=${bytes}-`, "If-Range": etag });
  assert.equal(rest.status, 206);
  assert.equal(`"${sha256(...parts, rest.body).toString("hex")}"`, etag);
  assert.equal(server.reports.length, 1);
});

Deno.test("a file is kept for as long as the configuration says, then made anew", async () => {
  let time = Date.parse("2026-01-02T03:04:05Z");
  await using server = await startServer({
    spool: "{ dir: spool, min_free: 64MiB, keep: 1h }",
    now: () => new Date(time),
  });
  const first = await get(server, ROWS);
  const resume = { Range: "bytes=5-", "If-Range": first.headers.get("etag")! };
  time += 3_599_999;
  assert.equal((await get(server, ROWS, resume)).status, 206);
  assert.equal(server.reports.length, 1);
  time += 1;
  const head = await get(server, ROWS, {}, "HEAD");
  assert.equal(head.headers.get("etag"), null);
  // The same rows make the same bytes, so that what the client has is still a part of them.
  const anew = await get(server, ROWS, resume);
  assert.equal(anew.status, 206);
  assert.equal(server.reports.length, 2);
  const other = await get(server, "/exports/rows.csv?rows=20001&_delivery=whole", resume);
  assert.equal(other.status, 200, "other rows make another file, of which it has no part");
  time += 3_600_000;
  await server.engine.wholeFiles!.expire();
  await assertKept(server, 0);
});

Deno.test("a file that takes longer to make than it is kept can be sent", async () => {
  let time = Date.parse("2026-01-02T03:04:05Z");
  let writes = 0;
  const files: FileSystem = {
    ...systemFiles,
    async open(path, mode) {
      const file = await systemFiles.open(path, mode);
      return {
        ...file,
        write(from) {
          // The first of its writes takes longer than a file is kept.
          if (writes++ === 0) time += 3_600_001;
          return file.write(from);
        },
      };
    },
  };
  await using server = await startServer({
    spool: "{ dir: spool, min_free: 64MiB, keep: 1h }",
    files,
    now: () => new Date(time),
  });
  const path = "/exports/rows.csv?rows=20000";
  const { status, body } = await get(server, `${path}&_delivery=whole`);
  assert.equal(status, 200);
  assert.ok(writes > 1, "there was more to make after that");
  assert.equal(sha256(body).toString("hex"), await digestOf(server, path));
});

Deno.test("whole files of many at once are each their own", async () => {
  await using server = await startServer({ spool: SPOOL });
  await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(async (client) => {
    const path = `/exports/rows.csv?rows=${client * 3000}`;
    const [whole, direct] = await Promise.all([
      get(server, `${path}&_delivery=whole`),
      digestOf(server, path),
    ]);
    assert.equal(sha256(whole.body).toString("hex"), direct);
  }));
  // Equal requests at once: each gets the file of its own run, and the last one is kept.
  const answers = await Promise.all(Array.from({ length: 10 }, () => get(server, ROWS)));
  assert.deepEqual(answers.map(({ status }) => status), Array(10).fill(200));
  assert.equal(new Set(answers.map(({ headers }) => headers.get("export-id"))).size, 10);
  assert.equal(new Set(answers.map(({ headers }) => headers.get("etag"))).size, 1);
  await assertKept(server, 9);
});

Deno.test("without a spool, _delivery=whole is a 400 by name, and HEAD of it too", async () => {
  await using server = await startServer();
  const { status, body } = await get(server, ROWS);
  assert.equal(status, 400);
  assert.deepEqual(JSON.parse(new TextDecoder().decode(body)).errors, [{
    name: "_delivery",
    detail: "_delivery=whole needs a spool, which this server has not",
  }]);
  assert.equal((await get(server, ROWS, {}, "HEAD")).status, 400);
  assert.equal((await get(server, ROWS.replace("whole", "direct"))).status, 200);
});

readerTest("a whole workbook opens in openpyxl, resumed in its middle", ["openpyxl"], async () => {
  await using server = await startServer({ spool: SPOOL });
  const path = "/exports/rows.xlsx?rows=2500&_delivery=whole";
  const { headers, body } = await get(server, path);
  const half = body.length >> 1;
  const rest = await get(server, path, {
    Range: `bytes=${half}-`,
    "If-Range": headers.get("etag")!,
  });
  const file = `${server.folder}/joined.xlsx`;
  await Deno.writeFile(file, body.subarray(0, half));
  await Deno.writeFile(file, rest.body, { append: true });
  const script = "import sys, openpyxl; sheet = openpyxl.load_workbook(sys.argv[1]).active; " +
    "print(sheet.max_row, sheet['A2501'].value, len(sheet['B2501'].value))";
  assert.equal(await runProgram("/usr/bin/python3", ["-c", script, file]), "2501 2500 90\n");
});

const CODES: readonly FaultCode[] = ["ENOSPC", "EIO"];

for (const code of CODES) {
  Deno.test(`the disk fails each call of a whole file in turn with ${code}: 200 or 503, nothing leaks`, async () => {
    const path = "/exports/pages.csv?rows=100&_delivery=whole";
    const statuses: number[] = [];
    let digest: string | undefined;
    for (let at = 1;; at++) {
      const files = faultyFiles();
      await using server = await startServer({
        spool: SPOOL,
        limits: "{ concurrent: 1 }",
        files,
      });
      digest ??= await digestOf(server, "/exports/pages.csv?rows=100");
      const closed = files.openFiles.length;
      files.setFaults([{ at, code }]);
      let broken = false;
      const answer = await get(server, path).catch(() => {
        broken = true;
        return undefined;
      });
      const { failed } = files;
      const failedCall = files.failedCalls[0];
      files.setFaults([]);
      if (answer) {
        statuses.push(answer.status);
        assert.ok(answer.status === 200 || answer.status === 503, `${answer.status} at ${at}`);
        if (answer.status === 200) {
          assert.equal(sha256(answer.body).toString("hex"), digest);
        } else {
          assert.match(answer.headers.get("retry-after")!, /^([3-5]\d|60)$/);
        }
      }
      // A file that was published, and then cannot be read, has its status already.
      if (broken) assert.equal(failedCall, "read");
      await until(() => files.openFiles.length === closed);
      // What could not be removed at the time is removed with what expires.
      await server.engine.wholeFiles!.expire();
      // One that was finished, and could not be opened then, is kept.
      await assertKept(server, ...(answer?.status === 503 ? [0, 1] : [1]));
      if (failed === 0) break;
      assert.equal(failed, 1);
      assert.ok(at < 100);
    }
    assert.ok(statuses.length > 8, `${statuses}`);
    assert.equal(statuses.at(-1), 200);
    assert.ok(statuses.includes(503));
  });
}

Deno.test("a range without a tag is of the file that the client has a part of, or not answered", async () => {
  await using server = await startServer({ spool: SPOOL });
  const path = "/exports/table.csv?_delivery=whole";
  const range = { Range: "bytes=4-" };
  const text = ({ body }: Answer) => new TextDecoder().decode(body);

  // curl and wget name no tag. Nothing is kept: a part of new rows could be joined to old ones.
  const nothingKept = await get(server, path, range);
  assert.equal(nothingKept.status, 200);
  assert.equal(text(nothingKept), "id,name\r\n1,a\r\n");

  const database = new DatabaseSync(server.database);
  database.exec("insert into item values (2, 'b')");
  database.close();
  const resumed = await get(server, path, range);
  assert.equal(resumed.status, 206);
  assert.equal(text(resumed), "ame\r\n1,a\r\n");
  assert.equal(server.reports.length, 1, "of the kept file, without another run");

  // Somebody else has the new rows: which of the two files the first client has a part of, nobody knows.
  assert.equal(text(await get(server, path)), "id,name\r\n1,a\r\n2,b\r\n");
  const unknown = await get(server, path, range);
  assert.equal(unknown.status, 200);
  assert.equal(text(unknown), "id,name\r\n1,a\r\n2,b\r\n");
});

Deno.test("a download is resumed after the server was started again, without another run", async () => {
  const folder = await Deno.makeTempDir({ prefix: "spillway-restart-" });
  new DatabaseSync(`${folder}/app.db`).close();
  try {
    let whole: Answer;
    {
      await using server = await startIn(folder, { spool: SPOOL });
      whole = await get(server, ROWS);
      assert.equal(whole.status, 200);
    }
    await using server = await startIn(folder, { spool: SPOOL });
    const range = { Range: "bytes=5-" };
    // curl names no tag, a browser does.
    for (const headers of [range, { ...range, "If-Range": whole.headers.get("etag")! }]) {
      const resumed = await get(server, ROWS, headers);
      assert.equal(resumed.status, 206);
      assert.deepEqual(resumed.body, whole.body.subarray(5));
      assert.equal(resumed.headers.get("export-id"), whole.headers.get("export-id"));
    }
    assert.deepEqual(server.reports, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("kept files make room for newer ones, and leave some of the quota to clients that are slow", async () => {
  await using server = await startServer({
    limits: "{ concurrent: 1 }",
    spool: "{ dir: spool, max_bytes: 64MiB, min_free: 64MiB, spill_after: 300ms }",
  });
  // 20 MB each, of which three quarters of 64 MiB are room for two.
  const path = (file: number) => `/exports/pages.csv?rows=${2000 + file}&_delivery=whole`;
  const etags: string[] = [];
  for (let file = 0; file < 4; file++) {
    const { status, headers } = await get(server, path(file));
    assert.equal(status, 200, `file ${file}`);
    etags.push(headers.get("etag")!);
  }
  const kept = await Promise.all(etags.map(async (etag, file) => {
    const { headers } = await get(server, path(file), {}, "HEAD");
    return headers.get("etag") === etag;
  }));
  assert.deepEqual(kept, [false, false, true, true]);
  await assertKept(server, 2);

  // What spills may have all the rest, and what is kept as well.
  const slow = await startDownload(server, "/exports/pages.csv?rows=5500");
  await until(async () => (await scrape(server)).get("spool_bytes")! > 25 * MIB);
  await until(() => server.engine.admission.taken === 0);
  assert.equal(await slow.finish(), await digestOf(server, "/exports/pages.csv?rows=5500"));
  assert.equal((await scrape(server)).get('spool_refused_total{reason="quota"}'), 0);
});

Deno.test("a spool that was removed is made again, or the server is not ready", async () => {
  await using server = await startServer({ spool: SPOOL });
  const spool = spoolOf(server);
  const ready = async () => {
    const response = await fetch(`${server.origin}/readyz`);
    return [response.status, await response.json()];
  };
  const checks = {
    slots: "ready",
    memory: "ready",
    descriptors: "ready",
    workers: "ready",
    spool: "ready",
    ledger: "ready",
    connections: "ready",
  };
  // Its workers start meanwhile.
  await until(async () => (await ready())[0] === 200);
  const first = await get(server, ROWS);
  for (const { name, isDirectory } of Deno.readDirSync(spool)) {
    if (isDirectory) Deno.removeSync(`${spool}/${name}`, { recursive: true });
  }
  // What was kept is gone, and is made anew.
  const resumed = await get(server, ROWS, {
    Range: "bytes=5-",
    "If-Range": first.headers.get("etag")!,
  });
  assert.equal(resumed.status, 206);
  assert.deepEqual(resumed.body, first.body.subarray(5));
  assert.deepEqual(await ready(), [200, { status: "ready", checks }]);

  Deno.removeSync(spool, { recursive: true });
  assert.deepEqual(await ready(), [503, {
    status: "failing",
    checks: { ...checks, spool: "failing" },
  }]);
  assert.equal((await get(server, "/exports/rows.csv")).status, 200, "it can do without");
  Deno.mkdirSync(spool);
});
