/** What an operator reads about a configuration that is wrong. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import type { LoadOptions } from "../../catalog/load.ts";
import { formatPath } from "../../catalog/issues.ts";
import { loadFormats } from "../../exporters/mod.ts";
import * as fixture from "./fixture.ts";

const { csv, xlsx } = await loadFormats();

const OPTIONS = {
  sources: {
    sqlite: {
      config: z.strictObject({
        path: z.string({ error: "the path of a file" }),
        timeout: z.int().min(0).optional(),
        mode: z.enum(["ro", "rw"]).optional(),
      }),
      paths: ["path"],
    },
    picky: {
      config: z.object({
        secret: z.string().refine(() => false, { error: (issue) => `bad: ${issue.input}` }),
      }),
      paths: [],
    },
  },
  formats: { csv, xlsx },
} satisfies Partial<LoadOptions>;

/** The text printed for a configuration of such sources and formats. */
function printed(
  text: string,
  variables: Record<string, string> = {},
  sources: LoadOptions["sources"] = OPTIONS.sources,
): string {
  return fixture.printed(text, { ...OPTIONS, sources, variables });
}

/** The same for one export of two columns, the lines after the first two being given. */
function printedFor(lines: string, variables: Record<string, string> = {}): string {
  const text = lines.trim().replaceAll("\n", "\n    ");
  return printed(
    `sources: { app: { type: sqlite, path: a.db } }\nexports:\n  one:\n    ${text}\n`,
    variables,
  );
}

Deno.test("all issues are printed at once, a line each, in the order of the file", () => {
  const text = `# Every line of this one is wrong.
server:
  hostname: 0.0.0.0
  port: 70000
  drain_timeout: 25
  link_secret: abc
sources:
  app: { type: sqlite, path: 5, pool: 3 }
  warehouse: { type: oracle }
  Shop: { type: sqlite }
exports:
  audit-log:
    title: ""
    source: ap
    query: select ':no' from audit where org_id = :org and day::date > :from
    params:
      org: { type: int, from: tennant }
      since: { type: date, default: 2026-02-30 }
      state: { type: enum, values: [open, closed], default: shut }
      _page: { type: integer, max_length: 5 }
    columns:
      occurred_at: { type: date, timezone: Asia/Seoul, height: 5 }
      amount: { type: money, timezone: Mars/Olympus }
    filename: "audit-{orgs}"
    formats: [csv, pdf, csv]
    deflate_level: 10
    title: Audit log
  audit.log: { source: app }
runs: { store: ./files }
limits: { concurrent: 0, memory: 0%, first_row: 60d, queues: 64 }
`;
  strictEqual(
    printed(text),
    `\
spillway.yaml:3: server.hostname: expected localhost or a loopback address while access is \
empty, as nobody could be let in: set access.keys (spillway key new prints one), access.jwt or \
access.links, or let everybody in with access: { anonymous: true }, not "0.0.0.0"
spillway.yaml:4: server.port: expected a port from 0 to 65535, not 70000
spillway.yaml:5: server.drain_timeout: expected a duration such as 250ms, 25s, 60m or 24h, \
at most 24d, not 25
spillway.yaml:6: server.link_secret: unknown key; the keys here are hostname, port, \
public_url, hosts, cors, trusted_proxies, admin, tls, connections, head_timeout, body_timeout, \
idle_timeout, stall_timeout, drain_timeout and debug
spillway.yaml:8: sources.app.path: expected the path of a file, not 5
spillway.yaml:8: sources.app.pool: unknown key
spillway.yaml:9: sources.warehouse.type: expected sqlite or picky, not "oracle"
spillway.yaml:10: sources.Shop: a name is small letters, digits, - and _, and begins with a \
letter or a digit
spillway.yaml:10: sources.Shop.path: missing; expected the path of a file
spillway.yaml:13: exports.audit-log.title: expected text that is not empty, not ""
spillway.yaml:14: exports.audit-log.source: expected the name of a source (app, warehouse or \
Shop), not "ap"
spillway.yaml:15: exports.audit-log.query: names :from, which is not declared in params
spillway.yaml:17: exports.audit-log.params.org.type: expected string, integer, number, boolean, \
date, datetime, enum or a list of one such as integer[], not "int"
spillway.yaml:17: exports.audit-log.params.org.from: expected tenant, principal or claim: with \
the name of a claim; or cursor: with the name of a column, not "tennant"
spillway.yaml:18: exports.audit-log.params.since: not used: the query does not name :since
spillway.yaml:18: exports.audit-log.params.since.default: expected a date such as 2026-01-31, \
not "2026-02-30"
spillway.yaml:19: exports.audit-log.params.state: not used: the query does not name :state
spillway.yaml:19: exports.audit-log.params.state.default: expected open or closed, not "shut"
spillway.yaml:20: exports.audit-log.params._page: the name of a param is small letters, digits \
and _, and begins with a letter
spillway.yaml:20: exports.audit-log.params._page: not used: the query does not name :_page
spillway.yaml:20: exports.audit-log.params._page.max_length: only for string, and the type is \
integer
spillway.yaml:22: exports.audit-log.columns.occurred_at.timezone: only for datetime, and the \
type is date
spillway.yaml:22: exports.audit-log.columns.occurred_at.height: unknown key; the keys here are \
title, type, timezone, format, currency, width, align, wrap, link, mask and unless
spillway.yaml:23: exports.audit-log.columns.amount.type: expected string, integer, number, \
decimal, boolean, date, datetime, time, duration, json or binary, not "money"
spillway.yaml:23: exports.audit-log.columns.amount.timezone: expected a time zone such as \
Asia/Seoul, not "Mars/Olympus"
spillway.yaml:24: exports.audit-log.filename: names {orgs}, which is not declared in params
spillway.yaml:25: exports.audit-log.formats[1]: expected csv or xlsx, not "pdf"
spillway.yaml:25: exports.audit-log.formats[2]: expected each format once, not "csv"
spillway.yaml:26: exports.audit-log.deflate_level: expected a level from 0 to 9, not 10
spillway.yaml:27: exports.audit-log.title: given twice, first on line 13
spillway.yaml:28: exports."audit.log": a name is small letters, digits, - and _, and begins with \
a letter or a digit
spillway.yaml:28: exports."audit.log".query: missing; expected text
spillway.yaml:29: runs.store: unknown key; the keys here are ledger, ledger_required, \
background, max_queued, retention, signing_keys and webhooks
spillway.yaml:30: limits.concurrent: expected a whole number from 1 to 1024, not 0
spillway.yaml:30: limits.memory: expected a size such as 512MiB, or a part such as 80%, not "0%"
spillway.yaml:30: limits.first_row: expected a duration such as 250ms, 25s, 60m or 24h, at least \
1ms and at most 24d, not "60d"
spillway.yaml:30: limits.queues: unknown key; the keys here are concurrent, per_tenant, \
per_address, queue, queue_timeout, runs_per_worker, exclusive, memory, first_row, source_idle and \
run
`,
  );
});

Deno.test("a file without its sections, or with something else in it, says what is missing", () => {
  const missing = `\
spillway.yaml: sources: missing; expected a mapping
spillway.yaml: exports: missing; expected a mapping
`;
  strictEqual(printed(""), missing);
  strictEqual(printed("server: {}"), missing);
  strictEqual(printed("\n- a\n"), "spillway.yaml:2: expected a mapping, not a list\n");
  strictEqual(printed("text"), 'spillway.yaml:1: expected a mapping, not "text"\n');
  strictEqual(
    printed("sources: []\nexports: 5\nserver: off"),
    `\
spillway.yaml:1: sources: expected a mapping, not an empty list
spillway.yaml:2: exports: expected a mapping, not 5
spillway.yaml:3: server: expected a mapping, not "off"
`,
  );
  strictEqual(
    printed("sources: { a: }\nexports: { a: , b: x }"),
    `\
spillway.yaml:1: sources.a: expected a mapping, not nothing
spillway.yaml:2: exports.a: expected a mapping, not nothing
spillway.yaml:2: exports.b: expected a mapping, not "x"
`,
  );
  strictEqual(
    printed("a: [1\nb: 2"),
    "spillway.yaml:2: not YAML: Flow sequence in block collection must be sufficiently indented " +
      "and end with a ]\n",
  );
});

Deno.test("a value of the environment is never printed, but what the file says for it", () => {
  const variables = { PORT: "hunter2", FLAG: "hunter3", NUMBER: "4711", NAME: "hunter5" };
  const text = `
server:
  port: \${PORT}
  hostname: "\${NAME}.example.com"
access:
  anonymous: \${FLAG:-false}
sources:
  app: { type: "\${NAME}" }
  two: { type: picky, secret: "\${NAME}" }
  three:
    type: sqlite
    path: \${NUMBER}
limits:
  concurrent: "\${NUMBER}"
  run: \${UNSET}
exports:
  one:
    source: "\${NAME}"
    query: "select :\${NAME}, :plain"
    filename: "{\${NAME}}"
    formats: ["\${NAME}"]
    params:
      plain: { type: enum, values: ["\${NAME}", b], default: c }
    columns:
      a: { type: "\${NAME}", timezone: "\${NAME}" }
  two: { source: app, query: "\${UNSET}", title: "\${}" }
`;
  const expected = `\
spillway.yaml:3: server.port: expected a port from 0 to 65535, not the value of "\${PORT}", which is text
spillway.yaml:6: access.anonymous: expected true or false, not the value of "\${FLAG:-false}", which is text
spillway.yaml:8: sources.app.type: expected sqlite or picky, not the value of "\${NAME}", which is text
spillway.yaml:9: sources.two.secret: expected a legal value, not the value of "\${NAME}", which is text
spillway.yaml:12: sources.three.path: expected the path of a file, not the value of "\${NUMBER}", which is a number
spillway.yaml:14: limits.concurrent: expected a whole number from 1 to 1024, not the value of "\${NUMBER}", which is text
spillway.yaml:15: limits.run: the environment variable UNSET is not set
spillway.yaml:18: exports.one.source: expected the name of a source (app, two or three), not the value of "\${NAME}", which is text
spillway.yaml:19: exports.one.query: names a param from the environment, which is not declared in params
spillway.yaml:20: exports.one.filename: names a param from the environment, which is not declared in params
spillway.yaml:21: exports.one.formats[0]: expected csv or xlsx, not the value of "\${NAME}", which is text
spillway.yaml:23: exports.one.params.plain.default: expected a legal enum, not "c"
spillway.yaml:25: exports.one.columns.a.type: expected string, integer, number, decimal, boolean, date, datetime, time, duration, json or binary, not the value of "\${NAME}", which is text
spillway.yaml:25: exports.one.columns.a.timezone: expected a time zone such as Asia/Seoul, not the value of "\${NAME}", which is text
spillway.yaml:26: exports.two.query: the environment variable UNSET is not set
spillway.yaml:26: exports.two.title: expected \${NAME} or \${NAME:-default}; a literal \${ is written $\${
`;
  strictEqual(printed(text, variables), expected);
  ok(!/hunter|4711/.test(expected));
});

Deno.test("a server beyond loopback is refused even where the environment names it", () => {
  strictEqual(
    printed(
      "server:\n  hostname: ${HOST}\nsources: {}\nexports: {}",
      { HOST: "exports.example.com" },
    ),
    "spillway.yaml:2: server.hostname: expected localhost or a loopback address while access is " +
      "empty, as nobody could be let in: set access.keys (spillway key new prints one), " +
      "access.jwt or access.links, or let everybody in with access: { anonymous: true }, not " +
      'the value of "${HOST}", which is text\n',
  );
});

/** Params that are wrong, and what is printed of them after their path. */
const PARAMS: Readonly<Record<string, string>> = {
  "{}":
    ".type: missing; expected string, integer, number, boolean, date, datetime, enum or a list " +
    "of one such as integer[]",
  "": ": expected a mapping, not nothing",
  "{ type: integer, default: 1.5 }":
    ".default: expected a whole number from -9223372036854775808 to 9223372036854775807, not 1.5",
  '{ type: integer, default: "5", max: 9 }':
    '.default: expected a whole number from -9223372036854775808 to 9, not "5"',
  "{ type: integer, default: 9223372036854775808 }":
    ".default: expected a whole number from -9223372036854775808 to 9223372036854775807, " +
    "not 9223372036854775808",
  "{ type: integer, min: 3, max: 2 }": ".max: less than min, so that no value is legal",
  "{ type: integer, min: 3, default: 2 }":
    ".default: expected a whole number from 3 to 9223372036854775807, not 2",
  "{ type: integer, min: one }": ".min: expected a whole number from -9223372036854775808 to " +
    '9223372036854775807, not "one"',
  "{ type: number, default: .inf }": ".default: expected a number such as 12.5, not Infinity",
  "{ type: number, max: .nan }": ".max: expected a number such as 12.5, not NaN",
  "{ type: boolean, default: yes }": '.default: expected true or false, not "yes"',
  "{ type: boolean, min: false }":
    ".min: only for integer, number, date or datetime, and the type is boolean",
  "{ type: string, default: 5 }":
    ".default: expected text of at most 1000 characters, without NUL, not 5",
  "{ type: string, default: abc, max_length: 2 }":
    '.default: expected text of at most 2 characters, without NUL, not "abc"',
  "{ type: string, max_length: 0 }": ".max_length: expected a whole number from 1 to 100000, not 0",
  "{ type: date, default: 2026 }": ".default: expected a date such as 2026-01-31, not 2026",
  "{ type: date, max: 2026-12-31, default: 2027-01-01 }":
    '.default: expected a date not after 2026-12-31, not "2027-01-01"',
  "{ type: datetime, default: now }":
    '.default: expected a date and time such as 2026-01-31T12:30:00Z, not "now"',
  "{ type: enum }": ".values: missing; expected the list of the enum's values",
  "{ type: enum, values: [] }": ".values: expected a list of at least one value, not an empty list",
  "{ type: enum, values: [1], default: a }": ".values[0]: expected text, not 1",
  "{ type: enum, values: [a, b, a] }": '.values[2]: expected each value once, not "a"',
  '{ type: enum, values: ["\\0"] }': '.values[0]: expected text without NUL, not "\\u0000"',
  "{ type: date, values: [a] }": ".values: only for enum, and the type is date",
  "{ type: date, required: yes }": '.required: expected true or false, not "yes"',
  "{ type: date, required: true, default: 2026-01-01 }":
    ".required: a param with a default is never missing; remove one of them",
  "{ type: date, title: }": ".title: expected text, not nothing",
  '{ type: "integer[]", default: 1 }':
    ".default: expected at most 1000 items with commas between, " +
    "each a whole number from -9223372036854775808 to 9223372036854775807, not 1",
  '{ type: "date[]", default: [2026-01-31, soon] }': ".default: expected at most 1000 items with " +
    "commas between, each a date such as 2026-01-31, not a list",
  '{ type: "string[]", max_items: 1, default: [a, b] }':
    ".default: expected at most 1 items with " +
    "commas between, each text of at most 1000 characters, without NUL, not a list",
  '{ type: "enum[]" }': ".values: missing; expected the list of the enum's values",
  '{ type: "boolean[]", max: true }':
    ".max: only for integer, number, date or datetime, and the type is boolean[]",
  '{ type: "integer[]", max_items: 0 }':
    ".max_items: expected a whole number from 1 to 10000, not 0",
  "{ type: integer, max_items: 5 }": ".max_items: only for lists, and the type is integer",
};

for (const [declaration, expected] of Object.entries(PARAMS)) {
  Deno.test(`a param is refused: ${declaration}`, () => {
    strictEqual(
      printedFor(`source: app\nquery: select :p\nparams:\n  p: ${declaration}`),
      `spillway.yaml:7: exports.one.params.p${expected}\n`,
    );
  });
}

/** Lines of an export that are wrong, and what is printed of them after the name of the file. */
const LINES: Readonly<Record<string, string>> = {
  "title: 5": "6: exports.one.title: expected text, not 5",
  "title: '  '": '6: exports.one.title: expected text that is not empty, not "  "',
  "formats: csv": '6: exports.one.formats: expected a list of formats, not "csv"',
  "formats: []":
    "6: exports.one.formats: expected a list of at least one format, not an empty list",
  "formats: [5]": "6: exports.one.formats[0]: expected text, not 5",
  "formula_guard: maybe":
    '6: exports.one.formula_guard: expected on, off or spreadsheets, not "maybe"',
  "deflate_level: 1.5": "6: exports.one.deflate_level: expected a level from 0 to 9, not 1.5",
  'filename: "a{b"':
    '6: exports.one.filename: expected a name with {param} for the value of a param, not "a{b"',
  'filename: "a/b"':
    '6: exports.one.filename: expected a name without /, \\, :, *, ?, ", <, >, | and control ' +
    'characters, not "a/b"',
  "params: [org]": "6: exports.one.params: expected a mapping, not a list",
  "columns: id": '6: exports.one.columns: expected a mapping, not "id"',
  "columns: { a: id }": '6: exports.one.columns.a: expected a mapping, not "id"',
  'columns: { "a.b": { type: x.y } }': '6: exports.one.columns."a.b".type: expected string, ' +
    "integer, number, decimal, boolean, date, datetime, time, duration, json or binary, " +
    'not "x.y"',
  "columns: { a: { timezone: 9 } }":
    "6: exports.one.columns.a.timezone: expected a time zone such as Asia/Seoul, not 9",
  "columns: { __proto__: { bogus: 1 } }": "6: exports.one.columns.__proto__.bogus: unknown key; " +
    "the keys here are title, type, timezone, format, currency, width, align, wrap, link, mask " +
    "and unless",
  "columns: { a: { format: '[Red' } }": "6: exports.one.columns.a.format: expected percent, or a " +
    'number format such as #,##0.00, not "[Red"',
  "columns: { a: { currency: EURO } }":
    '6: exports.one.columns.a.currency: expected the code of a currency, such as EUR, not "EURO"',
  "columns: { a: { currency: EUR, format: '0.00' } }":
    "6: exports.one.columns.a.currency: a currency is a format; remove one of them",
  "columns: { a: { type: string, currency: EUR } }":
    "6: exports.one.columns.a.currency: only for " +
    "integer, number or decimal, and the type is string",
  "columns: { a: { type: date, format: percent } }": "6: exports.one.columns.a.format: only for " +
    "integer, number or decimal, and the type is date",
  "columns: { a: { width: 256 } }":
    "6: exports.one.columns.a.width: expected a width in characters from 1 to 255, not 256",
  "columns: { a: { align: middle } }":
    '6: exports.one.columns.a.align: expected left, center or right, not "middle"',
  "columns: { a: { wrap: 1 } }": "6: exports.one.columns.a.wrap: expected true or false, not 1",
  "columns: { a: { link: 'javascript:{}' } }": "6: exports.one.columns.a.link: expected true, or " +
    'a URL with {} for the cell, such as https://app.example.com/users/{}, not "javascript:{}"',
  "columns: { a: { link: 'https://{}/x' } }": "6: exports.one.columns.a.link: expected true, or " +
    'a URL with {} for the cell, such as https://app.example.com/users/{}, not "https://{}/x"',
  "columns: { a: { type: integer, link: true } }":
    "6: exports.one.columns.a.link: only for string, and the type is integer",
  "style: striped": '6: exports.one.style: expected plain or table, not "striped"',
  "about: please": '6: exports.one.about: expected true or false, not "please"',
  "properties: { author: x }": "6: exports.one.properties.author: unknown key; the keys here are " +
    "title, subject, creator, company and created",
  "properties: { created: 2026 }":
    "6: exports.one.properties.created: expected true or false, not 2026",
  "__proto__: { title: x }": "6: exports.one.__proto__: unknown key; the keys here are title, " +
    "source, query, params, columns, filename, formats, reason, max_rows, max_bytes, " +
    "max_duration, truncate, join, resume_window, formula_guard, deflate_level, shared_strings, style, properties " +
    "and about",
  "columns: { a: { mask: blur, unless: p i } }":
    '6: exports.one.columns.a.mask: expected partial, redact or hash, not "blur"\n' +
    "spillway.yaml:6: exports.one.columns.a.unless: expected the name of a scope, without spaces, " +
    'not "p i"',
  "columns: { a: { unless: pii } }":
    "6: exports.one.columns.a.unless: only with a mask; say which one",
  "columns: { a: { mask: hash } }":
    "6: exports.one.columns.a.mask: hash needs access.mask_secret, which it is keyed with",
  "reason: why": '6: exports.one.reason: expected required, not "why"',
  "max_rows: 0":
    "6: exports.one.max_rows: expected a whole number from 1 to 9007199254740991, not 0",
};

for (const [line, expected] of Object.entries(LINES)) {
  Deno.test(`an export is refused: ${line}`, () => {
    strictEqual(
      printedFor(`source: app\nquery: select 1\n${line}`),
      `spillway.yaml:${expected}\n`,
    );
  });
}

Deno.test("an export or a source called __proto__ is refused, not lost", () => {
  strictEqual(
    printed("sources: {}\nexports: { __proto__: { source: a, query: select 1 } }"),
    `\
spillway.yaml:2: exports.__proto__: a name is small letters, digits, - and _, and begins with a \
letter or a digit
spillway.yaml:2: exports.__proto__.source: expected the name of a source, not "a"
`,
  );
  strictEqual(
    printed("sources: { a: { type: __proto__ }, b: { type: toString } }\nexports: {}"),
    `\
spillway.yaml:1: sources.a.type: expected sqlite or picky, not "__proto__"
spillway.yaml:1: sources.b.type: expected sqlite or picky, not "toString"
`,
  );
});

Deno.test("a schema without messages of its own is understood all the same", () => {
  strictEqual(
    printed("sources: { a: { type: sqlite, path: x, timeout: 1.5, mode: x } }\nexports: {}"),
    `\
spillway.yaml:1: sources.a.timeout: expected a whole number, not 1.5
spillway.yaml:1: sources.a.mode: expected ro or rw, not "x"
`,
  );
  strictEqual(
    printed("sources: { a: { type: sqlite, path: x, timeout: -1 } }\nexports: {}"),
    "spillway.yaml:1: sources.a.timeout: expected a legal value, not -1\n",
  );
});

Deno.test("an issue in what an alias repeats is told for every place, with the line of the anchor", () => {
  strictEqual(
    printed(`
sources: { app: { type: sqlite, path: a.db } }
exports:
  a: { source: app, query: select 1, columns: &c { x: { type: y } } }
  b: { source: app, query: select 1, columns: *c }
`).replaceAll(/expected .*/g, "…"),
    `\
spillway.yaml:4: exports.a.columns.x.type: …
spillway.yaml:4: exports.b.columns.x.type: …
`,
  );
});

Deno.test("whatever is done to a file, the answer is a configuration or its issues", () => {
  const lines = `server: { port: 8000 }
sources:
  app: &app { type: sqlite, path: "./${"${NAME}"}.db" }
exports:
  one:
    source: app
    query: select ':a', b from c where d = :e
    params:
      e: { type: enum, values: [f, g], default: f }
    columns:
      b: { type: datetime, timezone: UTC }
    formats: [csv, xlsx]
    filename: "x-{e}"
limits: { concurrent: 3, run: 5m }
`.split("\n");
  const piece = fc.constantFrom(
    ...["", "-", "*app", "&app", "!!x", "{", "}", "[", "]", "'", '"', "  ", "\t", ": ", "#", "|"],
    ...["${NAME}", "${", "$${", "? ", "---", "__proto__", "null", "9".repeat(30), "[[[[", "~:"],
  );
  const damage = fc.record({
    line: fc.nat(lines.length - 1),
    start: fc.nat(60),
    deleted: fc.nat(8),
    piece,
  });
  let loaded = 0;
  fc.assert(
    fc.property(fc.array(damage, { maxLength: 3 }), (damages) => {
      const damaged = [...lines];
      for (const { line, start, deleted, piece } of damages) {
        const whole = damaged[line]!;
        damaged[line] = whole.slice(0, start) + piece + whole.slice(start + deleted);
      }
      const text = printed(damaged.join("\n"), { NAME: "s3cr3t" });
      if (text === "") loaded++;
      else ok(/^(?:spillway\.yaml(?::\d+)?: \S.*\n)+$/.test(text), text);
      ok(!text.includes("s3cr3t"), text);
    }),
    { numRuns: 1000 },
  );
  ok(loaded > 0);
});

Deno.test("the error itself counts the issues and holds them as data", () => {
  const error = fixture.errorOf("sources: {}\nexports: {}\njobs: {}\n");
  strictEqual(error?.message, "Cannot use the configuration: 1 mistake");
  deepStrictEqual(error.issues, [{
    path: "jobs",
    message:
      "unknown key; the keys here are server, access, sources, exports, limits, spool, runs, " +
      "schedules, convert and log",
    line: 3,
  }]);
});

Deno.test("a path is written as people do", () => {
  strictEqual(formatPath([]), "");
  strictEqual(formatPath(["exports", "audit-log", "formats", 1]), "exports.audit-log.formats[1]");
  strictEqual(formatPath(["columns", "a\nb", "", 'c"']), 'columns."a\\nb".""."c\\""');
});

Deno.test("whether an export has a query is its source's to say", () => {
  const text = `
sources: { app: { type: sqlite, path: a.db }, reports: { type: module }, billing: { type: http } }
exports:
  one: { source: app }
  two: { source: reports, query: select 1, params: { a: { type: integer } } }
  three: { source: billing, query: "select :b", params: { a: { type: integer } } }
`;
  const sources: LoadOptions["sources"] = {
    ...OPTIONS.sources,
    module: { config: z.strictObject({}), language: { query: "none" }, paths: [] },
    http: { config: z.strictObject({}), language: { query: "optional" }, paths: [] },
  };
  strictEqual(
    printed(text, {}, sources),
    `spillway.yaml:4: exports.one.query: missing; expected text
spillway.yaml:5: exports.two.query: not used: a source of type module takes no query
spillway.yaml:6: exports.three.query: names :b, which is not declared in params
`,
  );
});

Deno.test("names, proxies and the port of health and metrics are checked one by one", () => {
  const text = `server:
  public_url: https://exports.example.com/base
  hosts: [exports, "10.0.0.1:8000", "::1"]
  trusted_proxies: [10.0.0.0/8, 10.0.0.0/33, "fd00::/8", proxy]
  admin: { hostname: 127.0.0.1 }
  tls: { cert: server.pem }
limits: { per_address: 0 }
sources: {}
exports: {}
`;
  strictEqual(
    printed(text),
    `\
spillway.yaml:2: server.public_url: expected a URL without a path, such as \
https://exports.example.com, not "https://exports.example.com/base"
spillway.yaml:3: server.hosts[1]: expected a host name or an address, without a port, not \
"10.0.0.1:8000"
spillway.yaml:4: server.trusted_proxies[1]: expected an address, or a network such as \
10.0.0.0/8, not "10.0.0.0/33"
spillway.yaml:4: server.trusted_proxies[3]: expected an address, or a network such as \
10.0.0.0/8, not "proxy"
spillway.yaml:5: server.admin.port: missing; expected a port from 0 to 65535
spillway.yaml:6: server.tls.key: missing; expected text
spillway.yaml:7: limits.per_address: expected a whole number from 1 to 65535, not 0
`,
  );
});

Deno.test("an origin is a whole one, and nothing that stands for several", () => {
  const origins = [
    "*",
    "null",
    "https://*.example.com",
    "https://.*\\\\.example\\\\.com",
    "app.example.com",
  ]
    .concat(
      "https://app.example.com/path",
      "https://u@app.example.com",
      "ftp://app.example.com",
      "",
    );
  const text = `server: { cors: ${JSON.stringify(origins)} }\nsources: {}\nexports: {}\n`;
  const lines = printed(text).trimEnd().split("\n");
  strictEqual(lines.length, origins.length);
  strictEqual(
    lines[0],
    "spillway.yaml:1: server.cors[0]: expected an origin such as https://app.example.com, without " +
      'a path and without *, not "*"',
  );
});

Deno.test("an audit log that is rotated has a size and a file", () => {
  const issues = (log: string) => printed(`log: ${log}\nsources: {}\nexports: {}\n`);
  strictEqual(
    issues("{ audit: { file: stdout, max_bytes: 1KiB, keep: 0, size: 5 } }"),
    `\
spillway.yaml:1: log.audit.file: expected a path; standard output has no size, write audit: stdout, \
not "stdout"
spillway.yaml:1: log.audit.max_bytes: expected a size of at least 64KiB, such as 100MiB, not "1KiB"
spillway.yaml:1: log.audit.keep: expected a whole number from 1 to 1000, not 0
spillway.yaml:1: log.audit.size: unknown key; the keys here are file, max_bytes and keep
`,
  );
  for (const value of ["", "[a]", "5", '" "']) {
    ok(
      issues(`{ audit: ${value} }`).startsWith(
        "spillway.yaml:1: log.audit: expected a path, stdout, or a mapping of file, max_bytes and keep",
      ),
      value,
    );
  }
});

Deno.test("a param from the identity has no default, and need not be given", () => {
  const text = `
sources: { app: { type: sqlite, path: a.db } }
exports:
  one:
    source: app
    query: select :org, :team
    params:
      org: { type: integer, from: tenant, required: false, default: 1 }
      team: { type: string, from: "claim:" }
`;
  strictEqual(
    printed(text),
    `\
spillway.yaml:8: exports.one.params.org.required: not for a param from the identity, which always \
has a value
spillway.yaml:8: exports.one.params.org.default: not for a param from the identity, which always \
has a value
spillway.yaml:9: exports.one.params.team.from: expected tenant, principal or claim: with the name \
of a claim; or cursor: with the name of a column, not "claim:"
`,
  );
});

Deno.test("what was access.public is said to be anonymous", () => {
  strictEqual(
    printed("access: { public: true }\nsources: {}\nexports: {}"),
    "spillway.yaml:1: access.public: this is called anonymous; write access: { anonymous: true }\n",
  );
});

Deno.test("no secret of access is printed, wherever it stands", () => {
  const canary = "c4n4ry-9f2e";
  const text = `
access:
  mask_secret: ${canary}
  keys:
    - { id: ${canary}, sha256: ${canary} }
    - { id: k7f3q2, sha256: "\${HASH}" }
  links: { secrets: { a: ${canary}, 7${canary}: "\${SECRET}" } }
sources: {}
exports: {}
`;
  const text2 = printed(text, { HASH: canary, SECRET: canary });
  strictEqual(
    text2,
    `\
spillway.yaml:3: access.mask_secret: expected a secret of at least 32 bytes, such as openssl rand \
-base64 32 prints, not text
spillway.yaml:5: access.keys[0].id: expected an id of 6 to 8 small letters and digits, as \`spillway \
key new\` makes it, not text
spillway.yaml:5: access.keys[0].sha256: expected the SHA-256 of a key, in 64 hexadecimal digits, \
not text
spillway.yaml:6: access.keys[1].sha256: expected the SHA-256 of a key, in 64 hexadecimal digits, \
not text
spillway.yaml:7: access.links.secrets: the name of a secret is a letter, then letters, digits, - \
and _
spillway.yaml:7: access.links.secrets.a: expected a secret of at least 32 bytes, such as openssl \
rand -base64 32 prints, not text
`,
  );
  ok(!text2.includes(canary));
});

Deno.test("schedules say when, what and as whom, and every issue is told", () => {
  const text = `spool: { dir: /var/spool }
sources: { app: { type: sqlite, path: a.db } }
exports: { one: { source: app, query: select 1 } }
schedules:
  Nightly: { cron: "0 6 * * *", export: one, format: csv }
  soon: { cron: soon, export: one, format: csv }
  never: { cron: "0 0 31 2 *", export: one, format: csv }
  mars: { cron: "0 6 * * *", timezone: Mars/Olympus, export: one, format: csv, params: { a: { b: c } } }
  both: { cron: "0 6 * * *", export: one, format: csv, key: k7f3q2ab, principal: "jwt:user-7" }
  half: { cron: "0 6 * * *", export: one, format: csv, tenant: "42", at: 6 }
  less: { cron: "0 6 * * *" }
`;
  const when = "expected minute, hour, day, month and day of the week, such as 30 6 * * 1-5, not";
  strictEqual(
    printed(text),
    `spillway.yaml:5: schedules.Nightly: a name is small letters, digits, - and _, and begins with \
a letter or a digit
spillway.yaml:6: schedules.soon.cron: ${when} "soon"
spillway.yaml:7: schedules.never.cron: ${when} "0 0 31 2 *"
spillway.yaml:8: schedules.mars.timezone: expected a time zone such as Europe/Berlin, not "Mars/Olympus"
spillway.yaml:8: schedules.mars.params.a: expected text, a number, true or false, or a list of them, not a mapping
spillway.yaml:9: schedules.both.key: a schedule runs with a key, or as a principal; not both
spillway.yaml:10: schedules.half: tenant and scopes are those of a principal, which is missing
spillway.yaml:10: schedules.half.at: unknown key; the keys here are cron, timezone, export, format, \
params, options, reason, notify, key, principal, tenant and scopes
spillway.yaml:11: schedules.less.export: missing; expected text
spillway.yaml:11: schedules.less.format: missing; expected text
`,
  );
  ok(
    printed(text.replace("spool: { dir: /var/spool }", ""))
      .includes("schedules: needs a spool, where its files are kept"),
  );
});
