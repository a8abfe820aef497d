/** A configuration that is right. */

import { deepStrictEqual, doesNotMatch, match, ok, strictEqual, throws } from "node:assert/strict";
import { z } from "zod";
import type { Config } from "../../catalog/config.ts";
import { ConfigError, formatConfigError } from "../../catalog/issues.ts";
import type { LoadOptions } from "../../catalog/load.ts";
import { loadFormats } from "../../exporters/mod.ts";
import { loadDescriptors } from "../../sources/mod.ts";
import * as fixture from "./fixture.ts";

const formats = await loadFormats();
const sources = await loadDescriptors();
const { tsv: _, ...someFormats } = formats;

const OPTIONS = {
  sources: {
    sqlite: fixture.SQLITE,
    memory: { config: z.strictObject({ rows: z.int().default(3) }), paths: [] },
    module: { config: z.strictObject({}), language: { query: "none" }, paths: [] },
    http: {
      config: z.strictObject({}),
      language: {
        query: "optional",
        placeholders: (query) => [...query.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!),
      },
      paths: [],
    },
  },
  formats: someFormats,
} satisfies Partial<LoadOptions>;

function load(text: string, variables: Record<string, string> = {}): Config {
  return fixture.load(text, { ...OPTIONS, variables });
}

/** A configuration with one export, whose lines are given. */
function withExport(lines: string): Config["exports"] {
  const text = lines.trim().replaceAll("\n", "\n    ");
  return load(`sources: { app: { type: memory } }\nexports:\n  one:\n    ${text}\n`).exports;
}

/** What an export is for everybody alike by default. */
const OPEN = {
  masks: Object.create(null),
  reasonRequired: false,
  caps: {},
  truncate: false,
  join: true,
};

/** What a server is by default. */
const SERVER = {
  connections: 1024,
  hosts: [],
  cors: [],
  trustedProxies: [],
  headTimeout: 15_000,
  bodyTimeout: 30_000,
  idleTimeout: 75_000,
  stallTimeout: 120_000,
};

Deno.test("the sample of the documentation means what it says", () => {
  const config = load(`
server: { hostname: 127.0.0.1, port: 8000, drain_timeout: 25s }
sources:
  app: { type: sqlite, path: ./app.db }
exports:
  audit-log:
    title: Audit log
    source: app
    query: select id, occurred_at, actor, action, amount from audit where org_id = :org and occurred_at >= :since order by id
    params:
      org:   { type: integer }
      since: { type: date, default: 1970-01-01 }
    columns:
      occurred_at: { title: When, type: datetime, timezone: Asia/Seoul, format: yyyy-mm-dd hh:mm:ss }
      amount:      { title: Amount, type: decimal, format: "#,##0.00" }
    filename: "audit-{org}-{since}"
    formats: [csv, xlsx, ndjson]
limits: { concurrent: 32, first_row: 60s, source_idle: 60s, run: 60m }
access: {}
`);
  deepStrictEqual(config.server, {
    ...SERVER,
    hostname: "127.0.0.1",
    port: 8000,
    drainTimeout: 25_000,
  });
  deepStrictEqual(config.access, { anonymous: false, keys: [] });
  deepStrictEqual(config.limits, {
    concurrent: 32,
    perAddress: 64,
    queue: 64,
    queueTimeout: 5_000,
    runsPerWorker: 64,
    firstRow: 60_000,
    sourceIdle: 60_000,
    run: 3_600_000,
  });
  deepStrictEqual(
    config.sources,
    new Map([["app", { type: "sqlite", config: { path: "/etc/spillway/app.db" } }]]),
  );
  deepStrictEqual([...config.exports.keys()], ["audit-log"]);
  const { columns, ...definition } = config.exports.get("audit-log")!;
  deepStrictEqual(definition, {
    name: "audit-log",
    title: "Audit log",
    source: "app",
    query: "select id, occurred_at, actor, action, amount from audit " +
      "where org_id = :org and occurred_at >= :since order by id",
    params: new Map([
      ["org", { name: "org", type: "integer", required: true }],
      ["since", { name: "since", type: "date", required: false, default: "1970-01-01" }],
    ]),
    filename: ["audit-", { param: "org" }, "-", { param: "since" }],
    formats: ["csv", "xlsx", "ndjson"],
    formatSettings: { formula_guard: true, deflate_level: 2, shared_strings: true },
    style: "plain",
    about: false,
    ...OPEN,
  });
  deepStrictEqual({ ...columns }, {
    occurred_at: {
      title: "When",
      type: "datetime",
      timezone: "Asia/Seoul",
      format: "yyyy-mm-dd hh:mm:ss",
    },
    amount: { title: "Amount", type: "decimal", format: "#,##0.00" },
  });
});

Deno.test("columns are shown as they say, and a workbook tells what it is told to", () => {
  const { columns, style, properties, about } = withExport(`
source: app
query: select 1
style: table
about: true
properties: { title: Shop, creator: Ada, created: true }
columns:
  price: { type: decimal, currency: JPY, width: 12, align: right }
  share: { type: number, format: percent }
  note: { wrap: true, link: false }
  user: { type: integer, link: "https://app.example.com/users/{}" }
`).get("one")!;
  deepStrictEqual({ style, properties, about, columns: { ...columns } }, {
    style: "table",
    properties: { title: "Shop", creator: "Ada", created: true },
    about: true,
    columns: {
      price: { type: "decimal", format: "[$JPY] #,##0", width: 12, align: "right" },
      share: { type: "number", format: "0.00%" },
      note: { wrap: true, link: false },
      user: { type: "integer", link: "https://app.example.com/users/{}" },
    },
  });
});

Deno.test("what is not said has a default", () => {
  const config = load(`
server:
access:
limits:
sources: { app: { type: memory } }
exports:
  one: { source: app, query: select 1, params: , columns: }
`);
  deepStrictEqual(config, {
    server: { ...SERVER, hostname: "127.0.0.1", port: 8000, drainTimeout: 25_000 },
    access: { anonymous: false, keys: [] },
    sources: new Map([["app", { type: "memory", config: { rows: 3 } }]]),
    exports: new Map([["one", {
      name: "one",
      title: "one",
      source: "app",
      query: "select 1",
      params: new Map(),
      columns: Object.create(null),
      filename: ["one"],
      formats: ["csv", "json", "ndjson", "xml", "xlsx"],
      formatSettings: { formula_guard: true, deflate_level: 2, shared_strings: true },
      style: "plain",
      about: false,
      ...OPEN,
    }]]),
    limits: {
      concurrent: 32,
      perAddress: 64,
      queue: 64,
      queueTimeout: 5_000,
      runsPerWorker: 64,
      firstRow: 60_000,
      sourceIdle: 60_000,
      run: 3_600_000,
    },
    runs: {
      ledger: "memory",
      ledgerRequired: false,
      background: 4,
      maxQueued: 1000,
      retention: { files: 86_400_000, receipts: 7_776_000_000 },
      signingKeys: [],
    },
    schedules: new Map(),
  });
  deepStrictEqual(load("sources: {}\nexports: {}\n").exports, new Map());
});

Deno.test("the environment sets numbers where it stands plain, and text in quotes", () => {
  const text = `
server:
  port: \${PORT:-9000}
  drain_timeout: \${DRAIN:-1m}
sources:
  app: { type: sqlite, path: "\${DATABASE:-x.db}" }
exports: {}
`;
  const { server, sources } = load(text);
  deepStrictEqual(server, { ...SERVER, hostname: "127.0.0.1", port: 9000, drainTimeout: 60_000 });
  deepStrictEqual(sources.get("app")?.config, { path: "/etc/spillway/x.db" });
  const other = load(text, { PORT: "0", DRAIN: "0s", DATABASE: "/var/lib/a: b #c.db" });
  deepStrictEqual(other.server, { ...SERVER, hostname: "127.0.0.1", port: 0, drainTimeout: 0 });
  deepStrictEqual(other.sources.get("app")?.config, { path: "/var/lib/a: b #c.db" });
});

Deno.test("a server has names, proxies that it trusts, and a port for health and metrics", () => {
  const { server, limits } = load(`
server:
  public_url: https://Exports.example.com:8443/
  hosts: [exports, "::1"]
  trusted_proxies: [10.0.0.0/8, "fd00::/8", 192.0.2.1]
  admin: { port: 9090 }
  tls: { cert: server.pem, key: /etc/ssl/server.key }
  body_timeout: 5s
limits: { per_address: 3, per_tenant: 4, queue: 0, queue_timeout: 250ms }
sources: {}
exports: {}
`);
  strictEqual(server.publicUrl, "https://exports.example.com:8443");
  deepStrictEqual(server.hosts, ["exports", "::1"]);
  deepStrictEqual(server.trustedProxies, ["10.0.0.0/8", "fd00::/8", "192.0.2.1"]);
  deepStrictEqual(server.admin, { hostname: "127.0.0.1", port: 9090 });
  deepStrictEqual(server.tls, { cert: "/etc/spillway/server.pem", key: "/etc/ssl/server.key" });
  strictEqual(server.bodyTimeout, 5000);
  deepStrictEqual(
    [limits.perAddress, limits.perTenant, limits.queue, limits.queueTimeout],
    [3, 4, 0, 250],
  );
});

Deno.test("receipts are kept in a file, a database or memory, for as long as is said", () => {
  const runs = (text: string) => load(`runs: { ${text} }\nsources: {}\nexports: {}\n`).runs;
  strictEqual(runs("ledger: sqlite:data/runs.db").ledger, "sqlite:/etc/spillway/data/runs.db");
  strictEqual(runs("ledger: sqlite:/srv/runs.db").ledger, "sqlite:/srv/runs.db");
  strictEqual(runs('ledger: "postgres://a:b@c/d"').ledger, "postgres://a:b@c/d");
  deepStrictEqual(runs("retention: { receipts: 366d, files: 1h }").retention, {
    files: 3_600_000,
    receipts: 366 * 86_400_000,
  });
  for (const wrong of ["ledger: runs.db", "ledger: sqlite:", "retention: { files: 367d }"]) {
    throws(() => runs(wrong), ConfigError, wrong);
  }
});

Deno.test("webhooks have secrets and origins, and no issue has a word of a secret", () => {
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
  const webhooks = (text: string, variables: Record<string, string> = {}) =>
    load(`runs: { webhooks: { ${text} } }\nsources: {}\nexports: {}\n`, variables).runs.webhooks;
  deepStrictEqual(webhooks(`secret: ${secret}, allow: ["https://App.example.com/"]`), {
    secrets: [secret],
    allow: ["https://app.example.com"],
    allowPrivate: [],
    timeout: 15_000,
    maxAttempts: 8,
  });
  deepStrictEqual(
    webhooks(
      `secret: ["\${NEW}", ${other}], allow_private: ["http://[::1]:3000"], timeout: 2s, max_attempts: 3`,
      { NEW: secret },
    ),
    {
      secrets: [secret, other],
      allow: [],
      allowPrivate: ["http://[::1]:3000"],
      timeout: 2_000,
      maxAttempts: 3,
    },
  );
  const refused = (text: string, issue: string) =>
    throws(() => webhooks(text), (error: unknown) => {
      const message = (error as ConfigError).issues
        .map(({ path, message }) => `${path}: ${message}`).join();
      ok(message.includes(issue), message);
      ok(!message.includes("MfKQ9r8GKYq") && !message.includes("tooshort"), message);
      return true;
    });
  const shape = "whsec_ and 24 to 64 bytes in Base64, or a list of such secrets";
  refused("allow: [https://app.example.com]", `runs.webhooks.secret: missing; expected ${shape}`);
  for (const wrong of ["whsec_tooshort", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "[]", "5"]) {
    refused(`secret: ${wrong}, allow: [https://app.example.com]`, `expected ${shape}`);
  }
  refused(`secret: ${secret}`, "runs.webhooks.allow: missing");
  for (
    const wrong of ["app.example.com", "https://app.example.com/hook", "ftp://app.example.com"]
  ) {
    refused(`secret: ${secret}, allow: [${wrong}]`, "expected an origin");
  }
  refused(`secret: ${secret}, allow: [https://a.com], max_attempts: 21`, "from 1 to 20");
  refused(`secret: ${secret}, allow: [https://a.com], timeout: 61s`, "from 100ms to 60s");
});

Deno.test("a schedule has its params, options and reason as a query string has them", () => {
  const { schedules } = load(`
spool: { dir: /var/spool }
sources: {}
exports: {}
schedules:
  plain: { cron: "@daily", export: "invoices,people", format: xlsx }
  full:
    cron: 30 6 * * 1-5
    timezone: Europe/Berlin
    export: invoices
    format: csv
    params: { since: 2026-01-01, ids: [1, 2], paid: true }
    options: { dialect: excel, bom: false }
    reason: monthly
    notify: https://app.example.com/hook
    principal: jwt:user-7
    tenant: "42"
    scopes: [pii]
  key: { cron: "@hourly", export: invoices, format: csv, key: k7f3q2ab }
`);
  const [plain, full, key] = [...schedules.values()].map(({ slots: _, ...rest }) => rest);
  deepStrictEqual(plain, {
    name: "plain",
    cron: "@daily",
    timezone: "UTC",
    export: "invoices,people",
    format: "xlsx",
    pairs: [],
    owner: { kind: "anonymous" },
  });
  deepStrictEqual(full, {
    name: "full",
    cron: "30 6 * * 1-5",
    timezone: "Europe/Berlin",
    export: "invoices",
    format: "csv",
    pairs: [
      ["since", "2026-01-01"],
      ["ids", "1"],
      ["ids", "2"],
      ["paid", "true"],
      ["_dialect", "excel"],
      ["_bom", "false"],
      ["_reason", "monthly"],
    ],
    notify: "https://app.example.com/hook",
    owner: { kind: "principal", id: "jwt:user-7", tenant: "42", scopes: ["pii"] },
  });
  deepStrictEqual(key?.owner, { kind: "key", id: "k7f3q2ab" });
  const friday = schedules.get("full")!.slots.next(new Date("2026-01-02T05:30:00Z"));
  deepStrictEqual(friday, new Date("2026-01-05T05:30:00Z"));
});

Deno.test("receipts are signed with keys that stand there, in the environment or in files", () => {
  const x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
  const d = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
  const pem = "-----BEGIN PUBLIC KEY-----\n" +
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
  const keys = (list: string) =>
    load(`runs: { signing_keys: ${list} }\nsources: {}\nexports: {}\n`, {
      KEY: `{"kty":"OKP","crv":"Ed25519","x":"${x}","d":"${d}"}`,
      OLD: pem,
    }).runs.signingKeys;
  const key = { kty: "OKP", crv: "Ed25519", x, d };
  deepStrictEqual(keys('["${KEY}", "${OLD}", "file:old.pem", "file:/run/older.pem"]'), [
    { key },
    { key: { kty: "OKP", crv: "Ed25519", x } },
    { file: "/etc/spillway/old.pem" },
    { file: "/run/older.pem" },
  ]);
  deepStrictEqual(keys("[]"), []);
  for (
    const [list, said] of [
      ['["${OLD}"]', /signing_keys\[0\]: expected a private key, as the first one signs, not text/],
      ['["file:a.pem", s3cret]', /\[1\]: expected an Ed25519 key, as PEM .*, not text/],
      ["s3cret", /signing_keys: expected a list of keys, not text/],
    ] as const
  ) {
    throws(() => keys(list), (error) => {
      const text = formatConfigError(error as ConfigError, "spillway.yaml");
      match(text, said);
      doesNotMatch(text, /s3cret|MCowBQ|11qYAY/);
      return true;
    });
  }
});

Deno.test("origins whose pages may read answers are listed as browsers write them", () => {
  const cors = (list: string) =>
    load(`server: { cors: ${list} }\nsources: {}\nexports: {}`).server.cors;
  deepStrictEqual(
    cors('["https://App.Example.com/", "https://app.example.com:443", "http://localhost:5173"]'),
    ["https://app.example.com", "https://app.example.com", "http://localhost:5173"],
  );
  deepStrictEqual(load("sources: {}\nexports: {}").server.cors, []);
});

Deno.test("the audit log is a file, one that is rotated, or standard output", () => {
  const audit = (text: string) => load(`log: ${text}\nsources: {}\nexports: {}`).audit;
  strictEqual(audit("{}"), undefined);
  deepStrictEqual(audit("{ audit: stdout }"), { file: "stdout" });
  deepStrictEqual(audit("{ audit: audit.log }"), { file: "/etc/spillway/audit.log" });
  deepStrictEqual(audit("{ audit: { file: /srv/audit.log, max_bytes: 100MiB } }"), {
    file: "/srv/audit.log",
    rotation: { maxBytes: 104_857_600, keep: 10 },
  });
  deepStrictEqual(audit("{ audit: { file: a.log, max_bytes: 64KiB, keep: 2 } }"), {
    file: "/etc/spillway/a.log",
    rotation: { maxBytes: 65_536, keep: 2 },
  });
});

Deno.test("relative paths start at the folder of the file, absolute ones stay", () => {
  const config = load(`
sources:
  a: { type: sqlite, path: data/a.db }
  b: { type: sqlite, path: ../b.db }
  c: { type: sqlite, path: /srv/c.db }
exports: {}
`);
  deepStrictEqual([...config.sources.values()].map(({ config }) => config), [
    { path: "/etc/spillway/data/a.db" },
    { path: "/etc/b.db" },
    { path: "/srv/c.db" },
  ]);
});

Deno.test("access: { anonymous: true } opens the server beyond loopback", () => {
  const text =
    "server: { hostname: 0.0.0.0 }\naccess: { anonymous: true }\nsources: {}\nexports: {}";
  strictEqual(load(text).server.hostname, "0.0.0.0");
  for (const hostname of ["localhost", "127.0.0.2", "'::1'"]) {
    const local = load(`server: { hostname: ${hostname} }\nsources: {}\nexports: {}`);
    strictEqual(local.access.anonymous, false);
  }
});

Deno.test("columns are called anything", () => {
  const { columns } = withExport(`
source: app
query: select 1
columns:
  __proto__: { title: Prototype }
  constructor: { type: integer }
  1: { timezone: UTC }
  "a.b c": { format: "0.00" }
  empty:
`).get("one")!;
  strictEqual(Object.getPrototypeOf(columns), null);
  deepStrictEqual(Object.entries(columns), [
    ["1", { timezone: "UTC" }],
    ["__proto__", { title: "Prototype" }],
    ["constructor", { type: "integer" }],
    ["a.b c", { format: "0.00" }],
    ["empty", {}],
  ]);
});

Deno.test("params are read with the precise values of their type", () => {
  const { params } = withExport(`
source: app
query: select :i, :j, :n, :b, :s, :e, :t, :d, :o, :z, :li, :le, :lo
params:
  i: { type: integer, default: 9007199254740993, min: -9223372036854775808, max: 9223372036854775807 }
  j: { type: integer, default: -0, title: The J }
  n: { type: number, default: 12345678901234567890, min: -0.5 }
  b: { type: boolean, default: false }
  s: { type: string, default: "", max_length: 5 }
  e: { type: enum, values: [open, "off"], default: off }
  t: { type: datetime, default: 2026-01-02T12:00:00+09:00, min: 2026-01-01 }
  d: { type: date, required: false, min: 2026-01-01, max: 2026-12-31 }
  o: { type: string, required: true }
  z: { type: date, default: null }
  li: { type: "integer[]", default: [1, 9007199254740993], min: 1, max_items: 3 }
  le: { type: "enum[]", values: [a, b], default: [] }
  lo: { type: "datetime[]" }
`).get("one")!;
  deepStrictEqual([...params.values()], [
    {
      name: "i",
      type: "integer",
      required: false,
      min: -9223372036854775808n,
      max: 9223372036854775807n,
      default: 9007199254740993n,
    },
    { name: "j", type: "integer", required: false, title: "The J", default: 0 },
    { name: "n", type: "number", required: false, min: -0.5, default: 12345678901234567000 },
    { name: "b", type: "boolean", required: false, default: false },
    { name: "s", type: "string", required: false, maxLength: 5, default: "" },
    { name: "e", type: "enum", required: false, values: ["open", "off"], default: "off" },
    {
      name: "t",
      type: "datetime",
      required: false,
      min: "2026-01-01 00:00:00",
      default: "2026-01-02 03:00:00",
    },
    { name: "d", type: "date", required: false, min: "2026-01-01", max: "2026-12-31" },
    { name: "o", type: "string", required: true },
    { name: "z", type: "date", required: false },
    {
      name: "li",
      type: "integer[]",
      required: false,
      min: 1,
      maxItems: 3,
      default: [1, 9007199254740993n],
    },
    { name: "le", type: "enum[]", required: false, values: ["a", "b"], default: [] },
    { name: "lo", type: "datetime[]", required: true },
  ]);
});

Deno.test("the formula guard is switched by on and off, true and false, or is for spreadsheets", () => {
  const guards = {
    on: true,
    off: false,
    true: true,
    false: false,
    '"off"': false,
    spreadsheets: "spreadsheets",
  };
  for (const [word, expected] of Object.entries(guards)) {
    const exports = withExport(`source: app\nquery: select 1\nformula_guard: ${word}`);
    strictEqual(exports.get("one")?.formatSettings.formula_guard, expected, word);
  }
});

Deno.test("exports can share settings by an alias", () => {
  const { exports } = load(`
sources: { app: { type: memory } }
exports:
  a: { source: app, query: select 1, columns: &money { amount: { type: decimal } } }
  b: { source: app, query: select 2, columns: *money }
`);
  deepStrictEqual({ ...exports.get("b")?.columns }, { amount: { type: "decimal" } });
});

Deno.test("the registries of sources and formats can be given as they are", () => {
  const text = `
sources: { app: { type: sqlite, path: app.db } }
exports: { one: { source: app, query: select 1, formats: [ndjson, csv] } }
`;
  const config = fixture.load(text, { sources });
  deepStrictEqual(config.sources.get("app"), {
    type: "sqlite",
    config: { path: "/etc/spillway/app.db", max_row: 67_108_864 },
    snapshot: true,
  });
  deepStrictEqual(config.exports.get("one")?.formats, ["ndjson", "csv"]);
});

Deno.test("a spool is read with its sizes in bytes, and there is none unless it is named", () => {
  const spool = (settings: string) => load(`sources: {}\nexports: {}\n${settings}`).spool;
  strictEqual(spool(""), undefined);
  deepStrictEqual(spool("spool: { dir: ./spool }"), {
    dir: "/etc/spillway/spool",
    maxBytes: 1_073_741_824,
    minFree: 1_073_741_824,
    allowMemory: false,
    allowShared: false,
    spillAfter: 10_000,
    spillRate: 65_536,
    keep: 600_000,
    resumeWindow: 0,
  });
  deepStrictEqual(
    spool(
      "spool: { dir: /var/lib/spillway, max_bytes: 20GiB, min_free: 0B, allow_memory: true, " +
        "allow_shared: true, spill_after: 1s, spill_rate: 1MiB, keep: 24h, resume_window: 2m }",
    ),
    {
      dir: "/var/lib/spillway",
      maxBytes: 21_474_836_480,
      minFree: 0,
      allowMemory: true,
      allowShared: true,
      spillAfter: 1000,
      spillRate: 1_048_576,
      keep: 86_400_000,
      resumeWindow: 120_000,
    },
  );
});

Deno.test("a source without queries has exports without one, and params that nothing names", () => {
  const { exports } = load(`
sources: { reports: { type: module } }
exports: { one: { source: reports, params: { year: { type: integer } } } }
`);
  strictEqual(exports.get("one")?.query, "");
  deepStrictEqual([...exports.get("one")!.params.keys()], ["year"]);
});

Deno.test("where a query may be left out, it need not name every param, and has its own way to", () => {
  const { exports } = load(`
sources: { billing: { type: http } }
exports:
  all: { source: billing, params: { year: { type: integer } } }
  one: { source: billing, query: "/:id/{year}", params: { year: { type: integer }, page: { type: integer } } }
`);
  strictEqual(exports.get("all")?.query, "");
  strictEqual(exports.get("one")?.query, "/:id/{year}");
});

Deno.test("an export says who may have how much of it, and what is hidden", () => {
  const { masks, columns, caps, truncate, reasonRequired, params } = load(`
access: { mask_secret: 0123456789abcdef0123456789abcdef }
sources: { app: { type: memory } }
exports:
  one:
    source: app
    query: select :org, :team
    reason: required
    max_rows: 1000
    max_bytes: 1MiB
    max_duration: 5m
    truncate: true
    params:
      org: { type: integer, from: tenant }
      team: { type: "string[]", from: "claim:teams" }
    columns:
      email: { title: Mail, mask: partial, unless: pii }
      name: { mask: hash }
`).exports.get("one")!;
  deepStrictEqual({ ...masks }, {
    email: { mask: "partial", unless: "pii" },
    name: { mask: "hash" },
  });
  deepStrictEqual({ ...columns }, { email: { title: "Mail" }, name: {} });
  deepStrictEqual(caps, { maxRows: 1000, maxBytes: 1_048_576, maxDuration: 300_000 });
  deepStrictEqual([truncate, reasonRequired], [true, true]);
  deepStrictEqual([...params.values()], [
    { name: "org", type: "integer", required: true, from: { kind: "tenant" } },
    { name: "team", type: "string[]", required: true, from: { kind: "claim", name: "teams" } },
  ]);
});

Deno.test("who may use the server is read with its secrets", () => {
  const { access } = load(
    `
server: { hostname: 0.0.0.0 }
access:
  keys:
    - { id: k7f3q2, sha256: ${
      "ab".repeat(32)
    }, tenant: "42", exports: ["audit-*"], expires: 2027-01-01 }
  links: { secrets: { b: "\${B}", a: "\${A}" }, max_age: 2h }
sources: {}
exports: {}`,
    { A: "a".repeat(32), B: "b".repeat(32) },
  );
  deepStrictEqual(access.keys, [{
    id: "k7f3q2",
    sha256: "ab".repeat(32),
    tenant: "42",
    exports: ["audit-*"],
    scopes: [],
    expires: Date.UTC(2027, 0, 1),
    caps: {},
  }]);
  deepStrictEqual([...access.links!.secrets], [["b", "b".repeat(32)], ["a", "a".repeat(32)]]);
});

Deno.test("an export has a window of its own in which its download is resumed, and needs a spool", () => {
  const one = (key: string, spool = "") =>
    `sources: { app: { type: sqlite, path: a.db } }\n${spool}\n` +
    `exports: { one: { source: app, query: select 1${key} } }`;
  const window = (key: string) =>
    load(one(key, "spool: { dir: s }")).exports.get("one")!.resumeWindow;
  strictEqual(window(""), undefined);
  strictEqual(window(", resume_window: 0s"), 0);
  strictEqual(window(", resume_window: 2m"), 120_000);
  strictEqual(load(one(", resume_window: 0s")).exports.get("one")!.resumeWindow, 0);
  throws(() => load(one(", resume_window: 2m")), (error: ConfigError) => {
    const [{ path, message } = {}] = error.issues;
    strictEqual(path, "exports.one.resume_window");
    strictEqual(message, "needs a spool, where the file waits");
    return true;
  });
});

Deno.test("convert has defaults, and needs a spool", () => {
  const base = "sources: {}\nexports: {}\nspool: { dir: s }\n";
  deepStrictEqual(load(`${base}convert: {}`).convert, { maxBytes: 2 ** 30, maxCells: 100_000_000 });
  deepStrictEqual(load(`${base}convert: { max_bytes: 1MiB, formats: [csv] }`).convert, {
    maxBytes: 2 ** 20,
    maxCells: 100_000_000,
    formats: ["csv"],
  });
  strictEqual(load(base).convert, undefined);
  const issues = (text: string) => {
    try {
      load(text);
    } catch (error) {
      return (error as ConfigError).issues.map(({ path, message }) => `${path}: ${message}`);
    }
  };
  deepStrictEqual(issues("sources: {}\nexports: {}\nconvert: { formats: [xls] }"), [
    "convert: needs the section spool: an upload waits there until it is read",
    'convert.formats[0]: expected csv, tsv, ndjson, json or xlsx, not "xls"',
  ]);
});
