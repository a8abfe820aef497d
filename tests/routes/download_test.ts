import assert from "node:assert/strict";
import { AdmissionError, type RefusalReason } from "../../runs/admission_error.ts";
import { RunTimeoutError } from "../../runs/run_limits.ts";
import { TaskError } from "../../runs/running_task.ts";
import type { WholeFiles } from "../../runs/whole_files.ts";
import { NoRoomError } from "../../storage/store.ts";
import { fakeApp, problem } from "./fixture.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

Deno.test("a download has the headers of the contract and the run's bytes", async () => {
  const { app } = fakeApp();
  const response = await app.request("/exports/audit-log.csv?since=2026-01-01");
  assert.equal(response.status, 200);
  const { "export-id": id, ...headers } = Object.fromEntries(response.headers);
  assert.match(id!, UUID);
  assert.deepEqual(headers, {
    "cache-control": "private, no-store, no-transform",
    "content-disposition":
      `attachment; filename="audit-2026-01-01.csv"; filename*=UTF-8''audit-2026-01-01.csv`,
    "content-type": "text/csv; charset=utf-8",
    "vary": "Accept-Encoding",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
  });
  assert.equal(await response.text(), "the file");
});

Deno.test("the task holds bound params, the declared columns and the options", async () => {
  const { app, tasks } = fakeApp();
  await app.request(
    "/exports/audit-log.csv?actor=O%27Hara&_columns=amount,id&_dialect=excel&_bom=false&_header=false&_null=NULL",
  );
  assert.deepEqual(tasks, [{
    export: "audit-log",
    tables: [{
      source: { type: "sqlite", config: { path: "/srv/app.db" } },
      query: {
        text:
          "select id, amount from audit where day >= :since and (:actor is null or actor = :actor)",
        params: Object.assign(Object.create(null), { since: "1970-01-01", actor: "O'Hara" }),
        types: { since: "date", actor: "string" },
      },
      title: "Audit log",
      style: "plain",
      columns: Object.assign(Object.create(null), {
        amount: { title: "Amount", type: "decimal", format: "#,##0.00" },
      }),
      select: ["amount", "id"],
    }],
    format: "csv",
    options: {
      formulaGuard: true,
      dialect: "excel",
      bom: false,
      header: false,
      null: "NULL",
    },
    coding: "identity",
  }]);
});

Deno.test("HEAD has the same headers and runs no query", async () => {
  const { app, tasks } = fakeApp();
  const get = await app.request("/exports/audit-log.xlsx");
  const head = await app.request("/exports/audit-log.xlsx", { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(tasks.length, 1);
  const without = (response: Response) =>
    [...response.headers].filter(([name]) => name !== "export-id");
  assert.deepEqual(without(head), without(get));
  assert.equal(await head.text(), "");
});

Deno.test("HEAD of a bad request is a problem too", async () => {
  const { app, tasks } = fakeApp();
  const head = await app.request("/exports/audit-log.csv?since=soon", { method: "HEAD" });
  assert.equal(head.status, 400);
  assert.equal(tasks.length, 0);
});

Deno.test("every mistake of a request is named at once", async () => {
  const { app, tasks } = fakeApp();
  const response = await app.request(
    "/exports/audit-log.json?since=2026-02-30&colour=red&_bom=true&_fast=1&_delivery=later&_columns=a,,b",
  );
  const { status, type, body } = await problem(response);
  assert.equal(status, 400);
  assert.equal(type, "application/problem+json");
  assert.deepEqual(body.errors, [
    { name: "_bom", detail: "means nothing to the format json" },
    { name: "_fast", detail: "is no option; there are _columns, _delivery, _filename, _reason" },
    { name: "_delivery", detail: 'must be one of auto, direct, whole, not "later"' },
    { name: "_columns", detail: 'must be column names with commas between, not "a,,b"' },
    { name: "since", detail: 'expected a date such as 2026-01-31, not "2026-02-30"' },
    { name: "colour", detail: "unknown param; this export takes since and actor" },
  ]);
  assert.deepEqual(tasks, []);
});

Deno.test("an option that is given twice, or is no boolean, is refused", async () => {
  const { app } = fakeApp();
  const { body } = await problem(
    await app.request("/exports/audit-log.csv?_header=true&_header=false&_bom=yes&_dialect=pipe"),
  );
  assert.deepEqual(body.errors, [
    { name: "_header", detail: "is given more than once" },
    { name: "_bom", detail: 'must be true or false, not "yes"' },
    {
      name: "_dialect",
      detail: 'must be one of excel, excel-semicolon, rfc4180, postgres, tsv, not "pipe"',
    },
  ]);
});

Deno.test("what stands for null is nothing that a reader could split or run", async () => {
  const { app, tasks } = fakeApp();
  const asked = (text: string) =>
    app.request(`/exports/audit-log.csv?_null=${encodeURIComponent(text)}`);
  for (const text of ["", "NULL", "\\N", "n/a", "-", "a_b.c", "x".repeat(64)]) {
    assert.equal((await asked(text)).status, 200, text);
    assert.equal(tasks.at(-1)!.options.null, text);
  }
  const refused = ["x;=cmd|'/C calc'!A1;", "=1", "a,b", "a\tb", "a b", "a\n", "é", "x".repeat(65)];
  for (const text of refused) {
    const { status, body } = await problem(await asked(text));
    assert.equal(status, 400, text);
    assert.deepEqual(body.errors, [{
      name: "_null",
      detail: `must be at most 64 letters, digits and _ . / \\ -, not ${JSON.stringify(text)}`,
    }]);
  }
});

Deno.test("what is not there is 404, in words that help", async () => {
  const { app } = fakeApp();
  for (
    const [path, detail] of [
      ["/nothing", "There is nothing at /nothing"],
      ["/exports/secrets", 'There is no export "secrets"'],
      ["/exports/secrets.csv", 'There is no export "secrets"'],
      ["/exports/sheet-only.csv", 'The export sheet-only is not offered as "csv", but as xlsx'],
      [
        "/exports/audit-log.pdf",
        'The export audit-log is not offered as "pdf", but as csv, tsv, json, ndjson, xml, xlsx',
      ],
      ["/exports/__proto__.csv", 'There is no export "__proto__"'],
      ["/exports/audit-log,secrets.xlsx", 'There is no export "secrets"'],
      ["/exports/audit-log,audit-log.xlsx", "The export audit-log is named more than once"],
      ["/exports/audit-log,.xlsx", 'There is no export ""'],
      ["/exports/audit-log,people.csv", "A file of format csv holds one export"],
      ["/exports/audit-log,people", 'There is no export "audit-log,people"'],
    ]
  ) {
    const { status, body } = await problem(await app.request(path!));
    assert.deepEqual({ path, status, detail: body.detail }, { path, status: 404, detail });
  }
});

Deno.test("several exports are the tables of one workbook, each with the params that it declares", async () => {
  const { app, tasks } = fakeApp();
  const response = await app.request(
    "/exports/sheet-only,people,audit-log.xlsx?since=2026-01-01&actor=ann&team=ops",
  );
  assert.equal(response.status, 200);
  assert.equal(
    response.headers.get("content-disposition"),
    'attachment; filename="sheet-only-people-audit-2026-01-01.xlsx"; ' +
      "filename*=UTF-8''sheet-only-people-audit-2026-01-01.xlsx",
  );
  assert.equal(tasks[0]!.export, "sheet-only,people,audit-log");
  assert.deepEqual(
    tasks[0]!.tables.map(({ title, query }) => [title, { ...query.params }]),
    [
      ["sheet-only", {}],
      ["People", { since: "2026-01-01", team: "ops" }],
      ["Audit log", { since: "2026-01-01", actor: "ann" }],
    ],
  );
});

Deno.test("mistakes in the params of several exports are said once each, by name", async () => {
  const { app } = fakeApp();
  const { status, body } = await problem(
    await app.request("/exports/audit-log,people.xlsx?since=soon&colour=red&_columns=id"),
  );
  assert.equal(status, 400);
  assert.deepEqual(body.errors.map(({ name, detail }: Record<string, string>) => [name, detail]), [
    ["_columns", "is for one export, and not for several in one file"],
    ["since", 'expected a date such as 2026-01-31, not "soon"'],
    ["team", "missing; expected text of at most 10 characters, without NUL"],
    ["colour", "unknown param; there are since, actor and team"],
  ]);
});

Deno.test("a workbook's level is chosen by a request, from 1 to 9", async () => {
  const { app, tasks } = fakeApp();
  await app.request("/exports/sheet-only.xlsx?_level=9");
  assert.equal(tasks[0]!.options.deflateLevel, 9);
  for (const level of ["0", "10", "fast"]) {
    const { body } = await problem(await app.request(`/exports/sheet-only.xlsx?_level=${level}`));
    const detail = `must be a level from 1 to 9, not "${level}"`;
    assert.deepEqual(body.errors, [{ name: "_level", detail }]);
  }
  const { body } = await problem(await app.request("/exports/audit-log.csv?_level=2"));
  assert.deepEqual(body.errors, [{
    name: "_level",
    detail: "means nothing to the format csv",
  }]);
});

Deno.test("another method is 405 and says which there are", async () => {
  const { app } = fakeApp();
  for (const path of ["/exports", "/exports/audit-log.csv", "/healthz", "/readyz"]) {
    const response = await app.request(path, { method: "POST" });
    assert.equal(response.status, 405, path);
    assert.equal(response.headers.get("allow"), "GET, HEAD");
  }
});

Deno.test("a run that fails before its first byte is a problem with the right status", async () => {
  const task = (kind: "source" | "column" | "table" | "internal") =>
    new TaskError({ kind, message: `message of ${kind}`, detail: "stack" });
  const cases: [Error, number, string, string | null][] = [
    [
      task("source"),
      502,
      "The source of this export failed before its first row; its log says why",
      null,
    ],
    [
      new TaskError({ kind: "param", params: ["since"], message: "uuid", detail: "stack" }),
      400,
      "since: the source of this export does not take this value",
      null,
    ],
    [
      new TaskError({
        kind: "param",
        params: ["since", "actor"],
        message: "uuid",
        detail: "stack",
      }),
      400,
      "since: the source of this export does not take this value, or that of actor; " +
      "actor: the source of this export does not take this value, or that of since",
      null,
    ],
    [task("column"), 400, "_columns: message of column", null],
    [task("table"), 422, "message of table", null],
    [task("internal"), 500, "This server failed; its log says why", null],
    [new Error("a path /srv/app.db"), 500, "This server failed; its log says why", null],
    [new RunTimeoutError("x"), 504, "The source of this export did not answer in time", null],
    [
      new AdmissionError("full"),
      503,
      "As many exports are running as this server allows; try again shortly",
      "5",
    ],
    [new AdmissionError("draining"), 503, "This server is stopping; try again shortly", "5"],
  ];
  for (const [error, status, detail, retryAfter] of cases) {
    const { app } = fakeApp({ startRun: () => Promise.reject(error), random: () => 0 });
    const response = await app.request("/exports/audit-log.csv");
    assert.equal(response.headers.get("retry-after"), retryAfter);
    assert.match(response.headers.get("export-id")!, UUID);
    const { body, type } = await problem(response);
    assert.equal(type, "application/problem+json");
    assert.deepEqual({ status: body.status, detail: body.detail }, { status, detail });
  }
});

Deno.test("a refused run says in its status and its type whose limit it was", async () => {
  const cases: readonly (readonly [RefusalReason, status: number, type: string])[] = [
    ["tenant", 429, "tenant-limit"],
    ["address", 429, "address-limit"],
    ["full", 503, "queue-full"],
    ["timeout", 503, "queue-timeout"],
    ["draining", 503, "draining"],
    ["memory", 503, "short-of-memory"],
    ["descriptors", 503, "short-of-descriptors"],
    ["disk", 503, "short-of-disk"],
  ];
  for (const [reason, status, type] of cases) {
    const { app } = fakeApp({ startRun: () => Promise.reject(new AdmissionError(reason)) });
    const { body } = await problem(await app.request("/exports/audit-log.csv"));
    assert.deepEqual([body.status, body.type], [status, `urn:spillway:problem:${type}`]);
  }
  const { app } = fakeApp({ startRun: () => Promise.reject(new Error("ours")) });
  const { body } = await problem(await app.request("/exports/audit-log.csv"));
  assert.equal(body.type, "about:blank");
});

Deno.test("those that are refused at once are told to come back after 5 to 10 seconds, not at once", async () => {
  const retryAfter = async (drawn: number, error: Error) => {
    const { app } = fakeApp({ startRun: () => Promise.reject(error), random: () => drawn });
    return (await app.request("/exports/audit-log.csv")).headers.get("retry-after");
  };
  for (const [drawn, seconds] of [[0, "5"], [0.49, "7"], [0.99999, "10"]] as const) {
    assert.equal(await retryAfter(drawn, new AdmissionError("full")), seconds);
  }
  assert.equal(await retryAfter(0.99999, new NoRoomError("a", "quota")), "60");
});

Deno.test("what a source said is told to who may read it, and to nobody else", async () => {
  const failures = [
    new TaskError({ kind: "source", message: "no table t", reason: "relation t", detail: "stack" }),
    new TaskError({ kind: "param", params: ["since"], message: "no uuid", detail: "stack" }),
    new TaskError({ kind: "internal", message: "a path", detail: "stack" }),
  ];
  const causes = async (overrides: Parameters<typeof fakeApp>[0]) =>
    await Promise.all(failures.map(async (error) => {
      const { app } = fakeApp({ startRun: () => Promise.reject(error), ...overrides });
      return (await (await app.request("/exports/audit-log.csv")).json()).cause;
    }));
  assert.deepEqual(await causes({}), [undefined, undefined, undefined]);
  assert.deepEqual(await causes({ debug: () => false }), [undefined, undefined, undefined]);
  assert.deepEqual(await causes({ debug: () => true }), [
    "no table t (relation t)",
    "no uuid",
    undefined,
  ]);
});

Deno.test("an error of ours is 500, told to the log and not to the caller", async () => {
  const secret = () => Promise.reject(new Error("secret"));
  for (
    const path of ["/readyz", "/exports/audit-log.csv", "/exports/audit-log.csv?_delivery=whole"]
  ) {
    const { app, errors } = fakeApp({
      readiness: secret,
      startRun: secret,
      wholeFiles: { find: () => undefined, make: secret } as unknown as WholeFiles,
    });
    const response = await app.request(path);
    assert.equal(response.status, 500);
    assert.ok(!(await response.text()).includes("secret"));
    assert.deepEqual(errors.map((error) => (error as Error).message), ["secret"], path);
  }
});

Deno.test("a client that leaves before the first row is no error and no refusal", async () => {
  const client = new AbortController();
  const { app, errors, refusals } = fakeApp({
    startRun: (_id, _task, { signal } = {}) => {
      client.abort(new DOMException("The client left", "AbortError"));
      return Promise.reject(signal!.reason);
    },
  });
  await app.request("/exports/audit-log.csv", { signal: client.signal });
  assert.deepEqual([errors, refusals], [[], []]);
});

Deno.test("an answer that is no error of ours is none of the log's errors", async () => {
  const { app, errors } = fakeApp({ startRun: () => Promise.reject(new AdmissionError("full")) });
  assert.equal((await app.request("/exports/audit-log.csv")).status, 503);
  assert.deepEqual(errors, []);
});

Deno.test("text is compressed for who accepts it, a ZIP file never", async () => {
  const { app, tasks } = fakeApp();
  const ask = async (file: string, accept: string) => {
    const { headers } = await app.request(`/exports/audit-log.${file}`, {
      headers: { "Accept-Encoding": accept },
    });
    return [tasks.pop()!.coding, headers.get("content-encoding"), headers.get("vary")];
  };
  assert.deepEqual(await ask("csv", "gzip"), ["gzip", "gzip", "Accept-Encoding"]);
  assert.deepEqual(await ask("ndjson", "br"), ["identity", null, "Accept-Encoding"]);
  assert.deepEqual(await ask("xlsx", "gzip"), ["identity", null, null]);
});

Deno.test("the file is named by the request before the export", async () => {
  const { app } = fakeApp();
  const name = async (query: string) => {
    const response = await app.request(`/exports/audit-log.csv?${query}`);
    return response.headers.get("content-disposition");
  };
  assert.equal(
    await name("_filename=r%C3%A9sum%C3%A9%20%E2%82%AC"),
    `attachment; filename="resume _.csv"; filename*=UTF-8''r%C3%A9sum%C3%A9%20%E2%82%AC.csv`,
  );
  assert.equal(
    await name("_filename=Report.CSV"),
    `attachment; filename="Report.csv"; filename*=UTF-8''Report.csv`,
  );
  assert.equal(
    await name('_filename=..%2F..%2Fetc%2Fpasswd%0D%0AX-Evil:%20"1"'),
    `attachment; filename="-..-etc-passwd--X-Evil- -1-.csv"; ` +
      `filename*=UTF-8''-..-etc-passwd--X-Evil-%20-1-.csv`,
  );
});

Deno.test("a file's name with its extension is at most 240 bytes, in both ways of saying it", async () => {
  const { app } = fakeApp();
  // Chromium cancels a download whose name has more than 244. U+FDFA comes apart into 18 letters.
  for (const name of ["a".repeat(300), "두".repeat(100), "\ufdfa".repeat(100), "con.".repeat(90)]) {
    for (const format of ["csv", "ndjson", "xlsx"]) {
      const path = `/exports/audit-log.${format}?_filename=${encodeURIComponent(name)}`;
      const disposition = (await app.request(path)).headers.get("content-disposition")!;
      const [, ascii, extended] = /filename="([^"]+)"; filename\*=UTF-8''(\S+)$/.exec(disposition)!;
      for (const written of [ascii!, decodeURIComponent(extended!)]) {
        const bytes = new TextEncoder().encode(written).length;
        assert.ok(bytes > 100 && bytes <= 240, `${bytes} bytes of ${format}`);
        assert.ok(written.endsWith(`.${format}`), written);
      }
    }
  }
});

Deno.test("what a file system reads as a path does not come back in the ASCII name", async () => {
  const { app } = fakeApp();
  const response = await app.request("/exports/audit-log.csv?_filename=a%EF%BC%8F..%EF%BC%8Fb");
  const disposition = response.headers.get("content-disposition")!;
  assert.match(disposition, /filename="a_\.\._b\.csv"/);
});

Deno.test("a list is bound as one, and stands in the file's name", async () => {
  const { app, tasks } = fakeApp();
  const query = "ids=1&ids=9007199254740993".concat("&ids=5".repeat(300));
  const response = await app.request(`/exports/by-id.csv?${query}`);
  assert.deepEqual({ ...tasks[0]?.tables[0]?.query.params }, {
    ids: [1, 9007199254740993n, ...Array(300).fill(5)],
  });
  assert.deepEqual(tasks[0]?.tables[0]?.query.types, { ids: "integer[]" });
  assert.match(
    response.headers.get("content-disposition")!,
    /filename="by-1,9007199254740993,5,5,/,
  );
  await app.request(`/exports/by-id.xlsx?${query}`);
  await app.request("/exports/by-id.xlsx?ids=1,2");
  await app.request("/exports/by-id.xlsx?ids=");
  assert.deepEqual(tasks.map(({ options }) => options.about?.[1]?.value), [
    undefined,
    `1, 9007199254740993${", 5".repeat(18)} and 282 more`,
    "1, 2",
    "9007199254740993",
  ]);
});

Deno.test("more params and options than anybody needs are refused at once", async () => {
  const { app } = fakeApp();
  const query = Array.from({ length: 201 }, (_, index) => `p${index}=1`).join("&");
  const { status, body } = await problem(await app.request(`/exports/audit-log.csv?${query}`));
  assert.equal(status, 400);
  assert.equal(body.detail, "201 params and options are given, and at most 200 are read");
});

Deno.test("every answer from a file that is kept is told with who was sent what", async () => {
  const object = {
    key: "run-7",
    size: 8,
    sha256: "ab".repeat(32),
    etag: '"e"',
    createdAt: new Date(0),
    expiresAt: new Date(1),
    metadata: {},
  };
  const wholeFiles = {
    find: () => ({ object, replacedOther: false, truncated: [] }),
    read: () => Promise.resolve({ object, body: new Response("the").body! }),
  } as unknown as WholeFiles;
  const told: unknown[] = [];
  const { app } = fakeApp({ wholeFiles, onResent: (resent) => void told.push(resent) });
  const client = { remoteAddress: "192.0.2.1", localAddress: "127.0.0.1" };
  const ask = async (init: RequestInit) => {
    const path = "/exports/audit-log.csv?_delivery=whole&_reason=case%207";
    await (await app.request(path, init, { client })).body?.cancel();
  };
  await ask({ headers: { Range: "bytes=0-2" } });
  await ask({ headers: { Range: "bytes=0-2", "If-Range": '"e"' } });
  await ask({ headers: { Range: "bytes=9-" } });
  await ask({ headers: { Range: "lines=1" } });
  await ask({ method: "HEAD" });
  const common = {
    id: "run-7",
    principal: "anonymous",
    client: "192.0.2.1",
    reason: "case 7",
    export: "audit-log",
    format: "csv",
    sha256: "ab".repeat(32),
  };
  assert.deepEqual(told, [
    { ...common, method: "GET", status: 206, range: "bytes=0-2" },
    { ...common, method: "GET", status: 206, range: "bytes=0-2" },
    { ...common, method: "GET", status: 416, range: "bytes=9-" },
    { ...common, method: "GET", status: 200, range: "lines=1" },
    { ...common, method: "HEAD", status: 200 },
  ]);
});
