/** An HTTP upstream byte by byte: what proves that an answer is whole, and what is refused. */

import assert from "node:assert/strict";
import { httpDriver } from "../../../sources/http/driver.ts";
import type { ParamValue } from "../../../sources/source.ts";
import { SourceError } from "../../../sources/source.ts";
import type { Row } from "../../../table/table.ts";
import { type Settings, settings } from "./fixture.ts";
import { freePort } from "../../free_port.ts";

/** An upstream that answers as it is told, and keeps what it was asked. */
interface Upstream extends AsyncDisposable {
  readonly url: string;
  /** The requests so far: head and body. */
  readonly requests: string[];
}

/** Text, or milliseconds to wait; behind the last one the connection is closed. */
type Answer = readonly (string | Uint8Array | number)[];

function startUpstream(answer: Answer): Upstream {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const requests: string[] = [];
  const open = new Set<Deno.Conn>();
  const stopped = Promise.withResolvers<void>();

  async function serve(connection: Deno.Conn): Promise<void> {
    open.add(connection);
    try {
      let request = "";
      const buffer = new Uint8Array(4096);
      while (!isWhole(request)) {
        const count = await connection.read(buffer);
        if (count === null) return;
        request += new TextDecoder().decode(buffer.subarray(0, count));
      }
      requests.push(request);
      for (const piece of answer) {
        if (typeof piece === "number") {
          let timer: ReturnType<typeof setTimeout> | undefined;
          const late = new Promise((resolve) => timer = setTimeout(resolve, piece));
          await Promise.race([late, stopped.promise]);
          clearTimeout(timer);
        } else {
          const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
          for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
        }
      }
    } catch {
      // The source has left.
    } finally {
      if (open.delete(connection)) connection.close();
    }
  }

  const serving: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) serving.push(serve(connection));
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}/rows`,
    requests,
    async [Symbol.asyncDispose]() {
      stopped.resolve();
      listener.close();
      for (const connection of open) connection.close();
      open.clear();
      await accepting;
      await Promise.all(serving);
    },
  };
}

function isWhole(request: string): boolean {
  const end = request.indexOf("\r\n\r\n");
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(request)?.[1] ?? 0);
  return end >= 0 && new TextEncoder().encode(request.slice(end + 4)).length >= length;
}

/** The head of an answer. */
function head(...headers: readonly string[]): string {
  const type = headers.some((header) => /^content-type:/i.test(header))
    ? []
    : ["Content-Type: application/x-ndjson"];
  return ["HTTP/1.1 200 OK", ...type, ...headers, "", ""].join("\r\n");
}

/** A whole answer. */
function whole(text: string, ...headers: readonly string[]): Answer {
  const length = new TextEncoder().encode(text).length;
  return [head(`Content-Length: ${length}`, ...headers), text];
}

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

/** What comes of an answer: the rows, or the error. */
async function read(
  answer: Answer,
  changed: Settings = {},
  { text = "", params = {}, run = "" }: {
    readonly text?: string;
    readonly params?: Readonly<Record<string, ParamValue>>;
    readonly run?: string;
  } = {},
) {
  await using upstream = startUpstream(answer);
  const rows: Row[] = [];
  let error: unknown;
  try {
    const config = settings(upstream.url, changed);
    const options = run === "" ? {} : { run };
    const { batches } = await httpDriver.open(config, { text, params }, options);
    for await (const batch of batches) rows.push(...batch);
  } catch (thrown) {
    error = thrown;
  }
  return { rows, error, request: upstream.requests[0] ?? "", requests: upstream.requests.length };
}

async function errorOf(answer: Answer, changed: Settings = {}): Promise<SourceError> {
  const { error } = await read(answer, changed);
  assert(error instanceof SourceError, `not a SourceError: ${error}`);
  return error;
}

const ROWS = '{"n":1}\n{"n":2}\n';
const TYPE_JSON = "Content-Type: application/json";
const TYPE_CSV = "Content-Type: text/csv; charset=utf-8";

Deno.test("http: a length, a last chunk, a count or the end of an array prove that all came", async () => {
  const expected = [[1], [2]];
  const cases: (readonly [Answer, Settings?])[] = [
    [whole(ROWS)],
    [[head("Transfer-Encoding: chunked"), chunk('{"n":1}\n'), chunk('{"n":2}'), "0\r\n\r\n"]],
    // Closed by the server: only the text itself can prove it.
    [[head("Connection: close"), ROWS, "2\n"]],
    [[head("Connection: close").replace("1.1", "1.0"), ROWS, "2"]],
    [[head(TYPE_JSON, "Connection: close"), '[{"n":1}, {"n":2}]'], { format: "json" }],
    [[head("Connection: close"), ROWS, "2\n"], { require_count: true }],
  ];
  for (const [answer, changed] of cases) {
    const { rows, error } = await read(answer, changed);
    assert.equal(error, undefined, String(answer));
    assert.deepEqual(rows, expected);
  }
});

Deno.test("http: an answer that is cut off is an error, wherever it is cut", async () => {
  const broken = "Cannot read the query: the upstream broke off its answer";
  const unproven = "Cannot read the query: nothing shows that the upstream's answer is whole; it " +
    "takes a Content-Length, chunks, or a count of the rows at the end";
  const cases: (readonly [Answer, string, Settings?])[] = [
    // A length that is not reached, by a row or by the last line's end.
    [[head("Content-Length: 24"), ROWS], broken],
    [[head("Content-Length: 16"), ROWS.slice(0, -1)], broken],
    [[head("Content-Length: 24")], broken],
    // Chunks without the last one.
    [[head("Transfer-Encoding: chunked"), chunk(ROWS)], broken],
    [[head("Transfer-Encoding: chunked"), chunk(ROWS), "8\r\n{}"], broken],
    [[head("Transfer-Encoding: chunked"), chunk(ROWS), "0\r\n"], broken],
    // A connection that closes says nothing, over HTTP/1.0 and over HTTP/1.1.
    [[head(), ROWS], unproven],
    [[head().replace("1.1", "1.0"), ROWS], unproven],
    [[head(TYPE_CSV), "n\r\n1\r\n2\r\n"], unproven, { format: "csv" }],
    // An array without its end, in an answer of the right length.
    [
      whole('[{"n":1}, {"n":2}', TYPE_JSON),
      "Cannot read row 3: the array has no end",
      { format: "json" },
    ],
    [whole('[{"n":1}, {"n', TYPE_JSON), "Cannot read row 2: the array has no end", {
      format: "json",
    }],
    [whole('{"n":1}\n{"n":'), "Cannot read row 2: it is not JSON"],
    [whole('n\r\n1\r\n"2', TYPE_CSV), "Cannot read row 2: a quote is not closed", {
      format: "csv",
    }],
    // A count that is missing, or another one.
    [
      whole(ROWS),
      "Cannot read the query: the upstream's answer has no count of its rows at its end",
      { require_count: true },
    ],
    [whole(ROWS + "3\n"), "Cannot read row 3: the upstream counted 3 rows, and 2 came"],
    [whole(ROWS + '2\n{"n":3}\n'), "Cannot read row 3: it follows the count of the rows"],
    [
      whole('[{"n":1}] x', TYPE_JSON),
      "Cannot read row 2: expected nothing after the array",
      { format: "json" },
    ],
  ];
  for (const [answer, message, changed] of cases) {
    assert.equal((await errorOf(answer, changed)).message, message, String(answer));
  }
});

Deno.test("http: gzip is not asked for, and refused where it comes all the same", async () => {
  const gzip = new Uint8Array(
    await new Response(new Blob([ROWS]).stream().pipeThrough(new CompressionStream("gzip")))
      .arrayBuffer(),
  );
  for (const bytes of [gzip, gzip.subarray(0, gzip.length - 10)]) {
    const answer = [head("Content-Encoding: gzip", `Content-Length: ${bytes.length}`), bytes];
    const { error, request } = await read(answer);
    assert(error instanceof SourceError);
    assert.equal(
      error.message,
      "Cannot open source: the upstream encoded its body, which it was asked not to",
    );
    assert.match(request, /\r\naccept-encoding: identity\r\n/i);
  }
});

Deno.test("http: a redirect is not followed", async () => {
  await using elsewhere = startUpstream(whole(ROWS));
  for (const status of [301, 302, 303, 307, 308]) {
    const error = await errorOf([
      `HTTP/1.1 ${status} Elsewhere\r\nLocation: ${elsewhere.url}\r\nContent-Length: 0\r\n\r\n`,
    ]);
    assert.equal(error.message, `Cannot open source: the upstream answered with status ${status}`);
    assert.equal(error.connection, false);
  }
  assert.equal(elsewhere.requests.length, 0);
});

Deno.test("http: another status is an error, which only a gateway's is worth another try", async () => {
  for (
    const [status, connection] of [
      [204, false],
      [206, false],
      [401, false],
      [404, false],
      [
        500,
        false,
      ],
      [502, true],
      [503, true],
      [504, true],
    ] as const
  ) {
    const body = status === 204 ? "" : "the reason, for the log";
    const error = await errorOf([
      `HTTP/1.1 ${status} X\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    ]);
    assert.equal(error.message, `Cannot open source: the upstream answered with status ${status}`);
    assert.equal(error.connection, connection, String(status));
    assert.match(String((error.cause as Error).message), new RegExp(body));
  }
});

Deno.test("http: what an upstream repeats of our headers and our URL is no part of the reason", async () => {
  const headers = { "authorization": "Bearer s3cr3t-token-of-ours", "x-key": "k3y" };
  for (
    const [body, told] of [
      ["no access for Bearer s3cr3t-token-of-ours!", "no access for [redacted]!"],
      ['{"authorization":"s3cr3t-token-of-ours"}', '{"authorization":"[redacted]"}'],
      ["the key k3y is unknown", "the key [redacted] is unknown"],
      [`${"x".repeat(290)}s3cr3t-token-of-ours`, `${"x".repeat(290)}[redacted]`],
      ["no such row", "no such row"],
    ]
  ) {
    const error = await errorOf([
      `HTTP/1.1 401 X\r\nContent-Type: text/plain\r\nContent-Length: ${
        body!.length
      }\r\n\r\n${body}`,
    ], { headers });
    assert.equal((error.cause as Error).message, `HTTP 401: ${told}`);
  }
});

Deno.test("http: another type, another charset and a header that is absent are refused", async () => {
  for (
    const [type, format, reason] of [
      ["text/html", "ndjson", "did not answer with application/x-ndjson"],
      ["application/json", "ndjson", "did not answer with application/x-ndjson"],
      ["text/plain", "csv", "did not answer with text/csv"],
      ["text/json", "json", "did not answer with application/json"],
      ["application/x-ndjson; charset=iso-8859-1", "ndjson", "did not answer in UTF-8"],
      ["text/csv; header=absent", "csv", "has no header in its CSV"],
    ] as const
  ) {
    const error = await errorOf(whole(ROWS, `Content-Type: ${type}`), { format });
    assert.equal(error.message, `Cannot open source: the upstream ${reason}`);
  }
  for (const type of ["application/jsonl", 'Application/NDJSON; charset="UTF-8"']) {
    assert.deepEqual((await read(whole(ROWS, `Content-Type: ${type}`))).rows, [[1], [2]]);
  }
  const problem = whole('[{"n":1}]', "Content-Type: application/vnd.shop+json");
  assert.deepEqual((await read(problem, { format: "json" })).rows, [[1]]);
});

Deno.test("http: text that is not UTF-8 is an error; a character may be cut by a packet", async () => {
  const bytes = new TextEncoder().encode('{"n":"두🎉"}\n');
  for (let cut = 1; cut < bytes.length; cut++) {
    const { rows, error } = await read([
      head(`Content-Length: ${bytes.length}`),
      bytes.subarray(0, cut),
      2,
      bytes.subarray(cut),
    ]);
    assert.equal(error, undefined);
    assert.deepEqual(rows, [["두🎉"]]);
  }
  const error = await errorOf([head("Content-Length: 9"), '{"n":"', new Uint8Array([0xff]), '"}']);
  assert.equal(error.message, "Cannot read the query: the upstream's text is not UTF-8");
});

Deno.test("http: the request has the source's headers, the run's id and the params", async () => {
  const get = await read(whole(ROWS), { headers: { authorization: "Bearer hunter2" } }, {
    text: "/:org?since=:since",
    params: { org: "a b", since: "2026-01-02", state: "öpen&x=1", none: null },
    run: "4711",
  });
  assert.equal(get.error, undefined);
  const [line, ...lines] = get.request.split("\r\n");
  assert.equal(line, "GET /rows/a%20b?since=2026-01-02&state=%C3%B6pen%26x%3D1 HTTP/1.1");
  const headers = lines.map((line) => line.toLowerCase());
  for (
    const header of [
      "accept: application/x-ndjson",
      "accept-encoding: identity",
      "authorization: bearer hunter2",
      "spillway-run: 4711",
      "user-agent: spillway",
    ]
  ) assert(headers.includes(header), `${header} in ${get.request}`);

  const post = await read(whole(ROWS), { method: "POST" }, {
    text: "/:org",
    params: { org: 7, id: 9223372036854775807n, text: '"\n🎉', ok: true, none: null },
  });
  assert.match(post.request, /^POST \/rows\/7 HTTP\/1\.1\r\n/);
  assert.match(post.request, /\r\ncontent-type: application\/json\r\n/i);
  assert.equal(
    post.request.slice(post.request.indexOf("\r\n\r\n") + 4),
    '{"id":9223372036854775807,"text":"\\"\\n🎉","ok":true,"none":null}',
  );
});

Deno.test("http: an upstream that does not answer, or falls silent, is an error in time", async () => {
  const late = await errorOf([600_000], { timeout: 150 });
  assert.equal(late.message, "Cannot open source: the upstream gave no answer for 150 ms");
  const silent = await errorOf([head("Content-Length: 24"), ROWS, 600_000], { idle_timeout: 150 });
  assert.equal(silent.message, "Cannot read the query: the upstream sent nothing for 150 ms");
  // Empty lines are a sign of life: together they take longer than it may be silent, and each of them
  // so much less that it may be late.
  const alive = Array.from({ length: 35 }, () => [100, "\n"]).flat();
  const answer = [head("Content-Length: 51"), ROWS, ...alive];
  assert.deepEqual((await read(answer, { idle_timeout: 3000 })).rows, [[1], [2]]);
});

Deno.test("http: a row is bounded, in memory too", async () => {
  const reason = "it is longer than 100 characters (max_row)";
  const long = "x".repeat(200);
  for (
    const [format, type, text] of [
      ["ndjson", "application/x-ndjson", `{"n":"${long}"}\n`],
      // Without an end in sight.
      ["ndjson", "application/x-ndjson", `{"n":"${long}`],
      ["json", "application/json", `[{"n":"${long}`],
      ["csv", "text/csv", `n\r\n"${long}`],
    ] as const
  ) {
    const error = await errorOf([
      head(`Content-Type: ${type}`, "Content-Length: 100000"),
      text,
      60_000,
    ], { format, max_row: 100 });
    assert.equal(error.message, `Cannot read row 1: ${reason}`, text);
  }
});

Deno.test("http: rows that come slowly are not kept back", async () => {
  await using upstream = startUpstream([head("Content-Length: 24"), ROWS, 600_000]);
  const { batches } = await httpDriver.open(settings(upstream.url), { text: "", params: {} });
  const reader = batches.getReader();
  assert.deepEqual((await reader.read()).value, [[1], [2]]);
  await reader.cancel();
});

Deno.test("http: what fails never tells a header, the URL or a param", async () => {
  const port = freePort();
  const config = settings(`http://127.0.0.1:${port}/hunter1`, {
    headers: { authorization: "hunter2" },
  });
  const query = { text: "/:a", params: { a: "hunter3", b: "hunter4" } };
  const error = await httpDriver.open(config, query).then(() => undefined, (error) => error);
  assert(error instanceof SourceError);
  assert.equal(error.message, "Cannot open source: the upstream cannot be reached");
  assert.equal(error.connection, true);
  assert.doesNotMatch(Deno.inspect(error), /hunter/);

  await using upstream = startUpstream([head("Content-Length: 99"), ROWS]);
  const broken = await httpDriver.open(
    settings(upstream.url, { headers: { authorization: "hunter2" } }),
    { text: "/:a", params: { a: "hunter3" } },
  ).then(({ batches }) => Array.fromAsync(batches)).then(() => undefined, (error) => error);
  assert(broken instanceof SourceError);
  assert.doesNotMatch(Deno.inspect(broken), /hunter/);
});

Deno.test("http: a server that is no HTTP server is an error", async () => {
  for (const answer of [["SSH-2.0-x\r\n"], [], ["HTTP/1.1 200 OK\r\nContent-"]]) {
    assert.equal(
      (await errorOf(answer)).message,
      "Cannot open source: the upstream cannot be reached",
    );
  }
});
