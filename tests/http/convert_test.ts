/** Uploads over real sockets: what comes back, what is refused and when, and what is left of them. */

import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { inTime, until } from "../waiting.ts";
import { sheetXml, workbookFile } from "../sources/upload/xlsx/workbook_file.ts";
import {
  CONVERTER,
  type ConvertServer,
  EXPORTER,
  startConverter,
  startConverterIn,
} from "./convert_fixture.ts";

const CSV = 'id;name;price\r\n1;Ann;1.50\r\n2;"Bob; Jr";20\r\n';

/** Sends a body. */
async function convert(
  { origin }: ConvertServer,
  path: string,
  body: BodyInit,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string }> {
  const response = await fetch(`${origin}/convert/${path}`, {
    method: "POST",
    body,
    headers: { ...CONVERTER, ...headers },
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** The problem that an answer is. */
async function problem(...args: Parameters<typeof convert>) {
  const { status, headers, text } = await convert(...args);
  assert.equal(headers.get("content-type"), "application/problem+json", text);
  const { detail, errors, position } = JSON.parse(text);
  return { status, detail, ...(errors ? { errors } : {}), ...(position ? { position } : {}) };
}

/** Waits until nothing is in the spool, and no room is taken. */
async function nothingLeft(server: ConvertServer): Promise<void> {
  await until(() => server.spooled().length === 0);
  await until(async () => {
    const scrape = await fetch(`${server.origin}/metrics`, { headers: CONVERTER });
    return /^spillway_spool_reserved_bytes 0$/m.test(await scrape.text());
  });
}

Deno.test("a table comes back as another format, from a body or a form", async () => {
  await using server = await startConverter();
  const rows = '{"id":1,"name":"Ann","price":1.50}\n{"id":2,"name":"Bob; Jr","price":20}\n';
  const raw = await convert(server, "ndjson", CSV, { "Content-Type": "text/csv" });
  assert.deepEqual([raw.status, raw.text], [200, rows]);
  assert.match(raw.headers.get("content-disposition")!, /filename="convert\.ndjson"/);

  const form = new FormData();
  form.append("header", "true");
  form.append(
    "file",
    new File([gzipSync(CSV)], "prices.2026.csv.gz", { type: "application/gzip" }),
  );
  form.append("_columns", "name,id");
  const sent = await convert(server, "csv?_header=false", form);
  assert.deepEqual([sent.status, sent.text], [200, "Ann,1\r\nBob; Jr,2\r\n"]);
  assert.match(sent.headers.get("content-disposition")!, /filename="prices\.2026\.csv"/);

  const typed = await convert(server, "json?header=true&_types=price:string,id:date", CSV);
  assert.equal(
    typed.text,
    '[\n{"id":"1","name":"Ann","price":"1.50"},\n{"id":"2","name":"Bob; Jr","price":"20"}\n]\n',
  );
  const workbook = await convert(server, "xlsx?_delivery=whole", CSV);
  assert(Number(workbook.headers.get("content-length")) > 0);
  assert(workbook.text.startsWith("PK"));
  await until(() => server.reports.length === 4);
  assert.deepEqual(
    server.reports[2]!.warnings.map(({ kind, column, count }) => [kind, column, count]),
    [["other-type", "id", 2]],
  );
  assert.deepEqual(server.reports.map(({ rows }) => rows), [2, 2, 2, 2]);
  await until(() => server.spooled().every((name) => !name.startsWith("upload-")));
});

Deno.test("a sheet of a workbook is chosen by name, number and range, also out of gzip", async () => {
  await using server = await startConverter();
  const cells = (...texts: string[]) =>
    `<row>${texts.map((text) => `<c t="str"><v>${text}</v></c>`).join("")}</row>`;
  const workbook = workbookFile({
    sheets: {
      One: sheetXml(cells("a", "b") + cells("1", "2")),
      Other: sheetXml(cells("x", "c", "d") + cells("y", "3", "4")),
    },
  });
  const rows = async (path: string, body: BodyInit = workbook as BodyInit) =>
    (await convert(server, path, body)).text;
  assert.equal(await rows("csv"), "a,b\r\n1,2\r\n");
  assert.equal(await rows("csv?sheet=Other&range=B:C"), "c,d\r\n3,4\r\n");
  assert.equal(await rows("csv?sheet=2", gzipSync(workbook)), "x,c,d\r\ny,3,4\r\n");
  await until(() => server.reports.length === 3);
  assert.deepEqual(
    server.reports.map(({ warnings }) => warnings.map(({ kind, column }) => [kind, column])),
    [[["sheet-skipped", "Other"]], [["sheet-skipped", "One"]], [["sheet-skipped", "One"]]],
  );
  const { status, errors } = await problem(server, "csv?sheet=Third", workbook as BodyInit);
  assert.deepEqual([status, errors[0].name], [400, "sheet"]);
  await nothingLeft(server);
});

Deno.test("a worker reads its upload, and no other file of the server", async () => {
  await using server = await startConverter();
  const body = `n,text\n${"1,xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n".repeat(400_000)}`;
  const response = await fetch(`${server.origin}/convert/csv`, {
    method: "POST",
    body,
    headers: CONVERTER,
  });
  const [name] = server.spooled();
  const [pid] = server.service.engine.pool.pids;
  const args = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
  const reads = args.filter((arg) => arg.startsWith("--allow-read=")).map((arg) => arg.slice(13));
  assert.deepEqual(
    reads.filter((path) => !/\/exporters\/xlsx\/\w+\.ts$/.test(path)).map((path) =>
      path.split("/").at(-1)
    ),
    [name],
  );
  assert(!args.some((arg) => arg.startsWith("--allow-write")));
  await response.body!.cancel();
  await until(() => server.service.engine.pool.size.workers === 0);
  await nothingLeft(server);
});

/** Sends the text of a request on a bare socket; what has come back by its end, or when the client left. */
async function exchange(
  { port }: ConvertServer,
  head: readonly string[],
  body = "",
): Promise<string> {
  const socket = await Deno.connect({ hostname: "127.0.0.1", port });
  const lines = [
    ...head,
    `Host: 127.0.0.1:${port}`,
    ...Object.entries(CONVERTER).map(([name, value]) =>
      head.some((line) => line.startsWith("Authorization")) ? "X-None: 1" : `${name}: ${value}`
    ),
  ];
  await socket.write(new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n${body}`));
  let text = "";
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(64 * 1024);
  const reading = (async () => {
    for (let count; (count = await socket.read(buffer)) !== null;) {
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
      if (text.startsWith("HTTP/1.1 100")) break;
    }
  })();
  await inTime(reading, "the answer");
  socket.close();
  return text;
}

Deno.test("a body is asked for only where it is wanted", async () => {
  await using server = await startConverter("{ max_bytes: 1KiB }");
  const head = (path: string, ...more: string[]) => [
    `POST /convert/${path} HTTP/1.1`,
    "Expect: 100-continue",
    "Connection: close",
    ...more,
  ];
  const wanted = await exchange(server, head("csv", "Content-Length: 5"));
  assert.equal(wanted, "HTTP/1.1 100 Continue\r\n\r\n");
  const cases: readonly (readonly [number, string, ...string[]])[] = [
    [401, "csv", "Content-Length: 5", "Authorization: Bearer nothing"],
    [403, "csv", "Content-Length: 5", `Authorization: ${EXPORTER.Authorization}`],
    [413, "csv", "Content-Length: 1025"],
    [415, "csv", "Content-Length: 5", "Content-Encoding: br"],
    [415, "csv", "Content-Length: 5", "Content-Type: image/png"],
    [400, "csv?separator=long", "Content-Length: 5"],
    [400, "csv?_level=10", "Content-Length: 5"],
    [404, "docx", "Content-Length: 5"],
  ];
  for (const [status, path, ...more] of cases) {
    const answer = await exchange(server, head(path, ...more));
    assert.equal(Number(answer.slice(9, 12)), status, `${path} ${more} ${answer}`);
  }
  // More than a tenant's half of the spool.
  await using other = await startConverter();
  const large = await exchange(other, head("csv", "Content-Length: 629145600"));
  assert.equal(Number(large.slice(9, 12)), 507, large);
  assert.equal((await fetch(`${server.origin}/convert/csv`, { headers: CONVERTER })).status, 405);
  await nothingLeft(server);
});

Deno.test("what is wrong with a file is told by its position, and nothing is left of it", async () => {
  await using server = await startConverter("{ max_bytes: 1MiB, max_cells: 100, formats: [csv] }");
  assert.deepEqual(await problem(server, "csv", "a,b\n1,2\n3,4,5\n"), {
    status: 422,
    detail: "Cannot read the upload, line 3: it has 3 fields, and there are 2 columns",
    position: { line: 3 },
  });
  assert.deepEqual(await problem(server, "csv", "x".repeat(2 ** 20 + 1)), {
    status: 413,
    detail: "A body has at most 1048576 bytes here",
  });
  // Its length is not told, and it is too long in the end.
  const endless = ReadableStream.from(
    Array.from({ length: 20 }, () => new Uint8Array(100_000).fill(97)),
  );
  assert.equal((await problem(server, "csv", endless as BodyInit)).status, 413);
  assert.deepEqual(await problem(server, "csv", `a\n${"1\n".repeat(101)}`), {
    status: 422,
    detail: "Cannot read the upload: it has more than the 100 cells that are read",
  });
  assert.deepEqual(await problem(server, "csv", "%PDF-1.7"), {
    status: 415,
    detail: "Cannot read the upload: it is a PDF",
  });
  assert.deepEqual(await problem(server, "csv", '{"a":1}\n'), {
    status: 415,
    detail: "Cannot read the upload: it is ndjson, which is not read here",
  });
  assert.deepEqual(
    await problem(server, "csv", gzipSync("a,b\n1,2\n").subarray(0, 20), {
      "Content-Type": "text/csv",
    }),
    { status: 422, detail: "Cannot read the upload: its gzip is broken or cut off" },
  );
  assert.deepEqual(await problem(server, "csv?_columns=c", "a,b\n1,2\n"), {
    status: 400,
    detail: '_columns: Cannot choose column "c": there is "a", "b"',
    errors: [{ name: "_columns", detail: 'Cannot choose column "c": there is "a", "b"' }],
  });
  const noColumn = 'Cannot read the upload: it has no column "c", but "a", "b"';
  assert.deepEqual(await problem(server, "csv?_types=c:date", "a,b\n1,2\n"), {
    status: 400,
    detail: `_types: ${noColumn}`,
    errors: [{ name: "_types", detail: noColumn }],
  });
  const { status, errors } = await problem(
    server,
    "csv?colour=red&_types=a:day&header=x",
    "a\n1\n",
  );
  assert.deepEqual([status, errors.map(({ name }: { name: string }) => name)], [
    400,
    ["colour", "_types", "header"],
  ]);
  await nothingLeft(server);
});

Deno.test("a form that is none, or has another number of files, is refused", async () => {
  await using server = await startConverter();
  const file = (name: string) => new File(["a\n1\n"], name);
  const none = new FormData();
  none.append("sheet", "2");
  const two = new FormData();
  two.append("one", file("a.csv"));
  two.append("two", file("b.csv"));
  const part = "--X\r\nContent-Disposition: form-data; name=f; filename=a.csv\r\n\r\na\r\n1\r\n";
  const type = { "Content-Type": "multipart/form-data; boundary=X" };
  const cases: readonly (readonly [string, BodyInit, Record<string, string>?])[] = [
    ["the form has no file", none],
    ["the form has more than one file", two],
    ["the form is cut off, or none", part, type],
    ["the form is cut off, or none", "hello", type],
    ["its Content-Type has no boundary", part, { "Content-Type": "multipart/form-data" }],
  ];
  for (const [detail, body, headers] of cases) {
    const answer = await problem(server, "csv", body, headers);
    assert.deepEqual([answer.status, answer.errors], [400, [{ name: "body", detail }]]);
  }
  assert.equal((await convert(server, "csv", `${part}--X--\r\n`, type)).text, "a\r\n1\r\n");
  await nothingLeft(server);
});

Deno.test("a file is converted in the background, and its receipt tells what was read", async () => {
  await using server = await startConverter();
  const send = async (body: string) => {
    const { status, headers, text } = await convert(server, "csv?_types=n:integer", body, {
      "Prefer": "respond-async",
    });
    assert.equal(status, 202, text);
    return headers.get("Location")!;
  };
  const get = (path: string) => fetch(`${server.origin}${path}`, { headers: CONVERTER });
  const ended = async (path: string) => {
    let receipt: Record<string, unknown> = {};
    await until(async () => {
      receipt = await (await get(path)).json();
      return !["queued", "running", "publishing"].includes(String(receipt.state));
    });
    return receipt;
  };

  const path = await send("n\n1\nx\n");
  const { state, rows, warnings, exports } = await ended(path);
  assert.deepEqual([state, rows, exports], ["complete", 2, ["/convert"]]);
  assert.deepEqual(warnings, [{ kind: "other-type", column: "n", count: 1 }]);
  assert.equal(await (await get(`${path}/file`)).text(), "n\r\n1\r\nx\r\n");

  const broken = await ended(await send('n\n"1" 2\n'));
  assert.equal(broken.state, "failed");

  await until(() => !server.spooled().some((file) => file.startsWith("upload-")));
});

Deno.test("an idempotency key is of one file that is read in one way, as its receipt tells", async () => {
  await using server = await startConverter();
  const headers = { "Prefer": "respond-async", "Idempotency-Key": "one" };
  const form = (content: string, name: string) => {
    const form = new FormData();
    form.append("separator", "semicolon");
    form.append("file", new File([content], name, { type: "text/csv" }));
    return form;
  };
  const send = (query: string, body: BodyInit) =>
    convert(server, `csv?header=true${query}`, body, headers);
  const first = await send("&_types=n:string", form("n;m\n1;2\n", "a.csv"));
  assert.equal(first.status, 202, first.text);
  const { id, params, options } = JSON.parse(first.text);
  assert.deepEqual({ params, options }, {
    params: { header: "true", separator: "semicolon", format: "csv" },
    options: { types: "n:string" },
  });
  const again = await send("&_types=n:string", form("n;m\n1;2\n", "a.csv"));
  assert.deepEqual([again.status, JSON.parse(again.text).id], [202, id]);

  const others: readonly (readonly [query: string, body: BodyInit])[] = [
    ["", form("n;m\n1;2\n", "a.csv")],
    ["&_types=n:integer", form("n;m\n1;2\n", "a.csv")],
    ["&_types=n:string&sheet=2", form("n;m\n1;2\n", "a.csv")],
    ["&_types=n:string&range=A:A", form("n;m\n1;2\n", "a.csv")],
    ["&_types=n:string&encoding=utf-8", form("n;m\n1;2\n", "a.csv")],
    ["&_types=n:string", form("n;m\n1;3\n", "a.csv")],
    ["&_types=n:string", form("n;m\n1;2\n", "b.csv")],
    ["&_types=n:string&separator=semicolon", "n;m\n1;2\n"],
  ];
  for (const [query, body] of others) {
    assert.equal((await send(query, body)).status, 422, query);
  }
  await until(() => !server.spooled().some((file) => file.startsWith("upload-")));
  let file = "";
  await until(async () => {
    const response = await fetch(`${server.origin}/runs/${id}/file`, { headers: CONVERTER });
    file = await response.text();
    return response.status === 200;
  });
  assert.equal(file, "n,m\r\n1,2\r\n");
});

Deno.test("conversions that have not ended with their server are interrupted, and their files gone", async () => {
  const folder = await Deno.makeTempDir({ prefix: "spillway-convert-" });
  const runs = "{ ledger: 'sqlite:ledger.db', background: 1 }";
  try {
    const ids: string[] = [];
    {
      await using server = await startConverterIn(folder, { runs });
      // One has its turn and waits for a slot, the other one waits for its turn.
      await server.service.engine.admission.acquire({ weight: 1_000_000 });
      for (let count = 0; count < 2; count++) {
        const { text } = await convert(server, "csv", CSV, { Prefer: "respond-async" });
        ids.push(JSON.parse(text).id);
      }
    }
    await using server = await startConverterIn(folder, { runs });
    for (const id of ids) {
      const response = await fetch(`${server.origin}/runs/${id}`, { headers: CONVERTER });
      const { state, problem } = await response.json();
      assert.deepEqual([state, problem], ["failed", {
        code: "interrupted",
        detail: "The server ended before the run did",
      }]);
    }
    await nothingLeft(server);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a conversion is streamed as one that cannot be gone on with, whatever the spool allows", async () => {
  await using server = await startConverter();
  const { status, headers } = await convert(server, "csv", CSV, { "Accept-Encoding": "gzip" });
  assert.equal(status, 200);
  const names = ["accept-ranges", "etag", "vary"];
  assert.deepEqual(names.map((name) => headers.get(name)), [null, null, "Accept-Encoding"]);
});

Deno.test("a client that leaves, with its body or with its file, leaves nothing behind", async () => {
  await using server = await startConverter();
  for (const type of ["text/csv", "multipart/form-data; boundary=X"]) {
    const socket = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    const head = [
      "POST /convert/csv HTTP/1.1",
      `Host: 127.0.0.1:${server.port}`,
      `Authorization: ${CONVERTER.Authorization}`,
      `Content-Type: ${type}`,
      "Content-Length: 100000",
    ];
    const part = type.startsWith("text")
      ? ""
      : "--X\r\nContent-Disposition: form-data; name=f; filename=a.csv\r\n\r\n";
    await socket.write(new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n${part}a,b\n1,2\n`));
    await until(() => server.spooled().length === 1);
    socket.close();
    await nothingLeft(server);
  }
  const body = `n,text\n${"1,xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n".repeat(400_000)}`;
  const response = await fetch(`${server.origin}/convert/csv`, {
    method: "POST",
    body,
    headers: CONVERTER,
  });
  await response.body!.cancel();
  await nothingLeft(server);
  await until(() => server.reports.length === 1);
  assert.equal(server.reports[0]!.state, "cancelled");
});

Deno.test("a file that is broken far down breaks the answer off", async () => {
  await using server = await startConverter();
  const body = `a,b\n${"1,2\n".repeat(2_000_000)}"x" y\n`;
  const response = await fetch(`${server.origin}/convert/csv`, {
    method: "POST",
    body,
    headers: CONVERTER,
  });
  assert.equal(response.status, 200);
  await assert.rejects(response.arrayBuffer());
  await until(() => server.reports.length === 1);
  assert.match(String(server.reports[0]!.error), /line 2000002: text follows a closing quote/);
  await nothingLeft(server);
});

Deno.test("an upload stays until its worker has let go of it, however soon its client leaves", async () => {
  await using server = await startConverter();
  const body = `n,text\n${"1,xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n".repeat(400_000)}`;
  const client = new AbortController();
  const answer = fetch(`${server.origin}/convert/xlsx?_delivery=whole`, {
    method: "POST",
    body,
    headers: CONVERTER,
    signal: client.signal,
  });
  answer.catch(() => {});
  const { pool } = server.service.engine;
  const isUpload = (name: string) => name.startsWith("upload-");
  const reads = (pid: number) =>
    [...Deno.readDirSync(`/proc/${pid}/fd`)].some(({ name }) => {
      try {
        return isUpload(Deno.readLinkSync(`/proc/${pid}/fd/${name}`).split("/").at(-1)!);
      } catch {
        return false; // It was closed meanwhile.
      }
    });
  await until(() => pool.pids.some(reads));
  const [pid] = pool.pids;
  // It hears of nothing any more, until it is killed for that.
  Deno.kill(pid!, "SIGSTOP");
  client.abort();
  await assert.rejects(answer);
  await until(() => {
    const files = server.spooled();
    if (isGone(pid!)) return true;
    assert(files.some(isUpload), "its upload is gone, and its worker lives");
    return false;
  });
  await nothingLeft(server);
});

/** Whether a process has ended, also where nobody has asked for its status yet. */
function isGone(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return true;
  }
}
