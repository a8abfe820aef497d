/** A server of two tenants over real sockets, their keys, tokens and links, and the rows that are theirs. */

import { DatabaseSync } from "node:sqlite";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { newKey } from "../../access/keys.ts";
import { signLink } from "../../access/links.ts";
import { loadConfig } from "../../catalog/load.ts";
import { type Service, type ServiceOptions, startService } from "../../server/service.ts";
import { loadFormats } from "../../exporters/mod.ts";
import type { ObservedRun, RunReport } from "../../runs/observer.ts";
import { loadDescriptors } from "../../sources/mod.ts";

const formats = await loadFormats();
const sources = await loadDescriptors();

/** What links are signed with. */
export const SECRET = "0123456789abcdef0123456789abcdef";

/** Keys: of each tenant, of one with limits, of one with every scope, of the tools, and one that has ended. */
export const KEYS = {
  one: newKey(),
  two: newKey(),
  narrow: newKey(),
  plain: newKey(),
  tools: newKey(),
  ended: newKey(),
};

/** The rows of each tenant, as CSV has them. */
export const ROWS = {
  one: "id,owner\r\n1,one\r\n2,one\r\n",
  two: "id,owner\r\n3,two\r\n4,two\r\n",
};

const SIGNER = await generateKeyPair("RS256", { extractable: true });

/** The key set of the issuer. */
export const KEY_SET = {
  keys: [{ ...await exportJWK(SIGNER.publicKey), kid: "rsa", alg: "RS256", use: "sig" }],
};

/** The key that tokens are signed with. */
export const { privateKey: PRIVATE_KEY, publicKey: PUBLIC_KEY } = SIGNER;

const seconds = () => Math.floor(Date.now() / 1000);

/** The claims of a token of the first tenant that is taken. */
export function claims(more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    iss: "https://id.example.com/",
    aud: "spillway",
    sub: "ann",
    org: "one",
    exp: seconds() + 600,
    ...more,
  };
}

/** A token with these claims. */
export function token(more: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT(claims(more)).setProtectedHeader({ alg: "RS256", kid: "rsa" })
    .sign(PRIVATE_KEY);
}

/** A link of a tenant, for an hour. */
export function link(
  path: string,
  tenant: string,
  query: readonly (readonly [string, string])[] = [],
  expires = seconds() + 3600,
): string {
  return signLink({ path, query, expires, tenant }, "a", SECRET);
}

/** The configuration; `exports` besides those of the fixture are a test's. */
function configuration(exports: string, access: string, server: string): string {
  const key = (name: keyof typeof KEYS, more: string) =>
    `    - { id: ${KEYS[name].id}, sha256: "${KEYS[name].sha256}", ${more} }`;
  return `
server: { port: 0, debug: false, ${server} }
access:
  mask_secret: ${SECRET}
  keys:
${key("one", "tenant: one")}
${key("two", "tenant: two")}
${key("narrow", 'tenant: one, exports: ["orders", "big-*"], formats: [csv], max_rows: 3')}
${key("plain", "tenant: one, scopes: [pii]")}
${key("tools", "scopes: [metrics], exports: [none]")}
${key("ended", "tenant: one, expires: 2020-01-01")}
  jwt:
    issuer: https://id.example.com/
    audience: spillway
    jwks: https://id.example.com/jwks.json
    tenant: org
    exports: exports
  links: { secrets: { b: "${SECRET}b", a: "${SECRET}" }, max_age: 2h }
${access}
spool: { dir: spool, min_free: 64MiB, allow_memory: true, allow_shared: true }
sources: { app: { type: sqlite, path: app.db } }
exports:
  orders:
    source: app
    query: select id, owner from orders where owner = :org order by id
    params: { org: { type: string, from: tenant } }
  people:
    source: app
    query: select id, mail, card, born, name from people order by name
    about: true
    columns:
      mail: { title: E-mail, mask: partial, unless: pii }
      card: { mask: hash, unless: pii }
      born: { type: date, mask: redact }
  teams:
    source: app
    query: select :team as team, :who as who
    params:
      team: { type: integer, from: "claim:team" }
      who: { type: string, from: principal }
  asked:
    source: app
    query: select 1 as n
    reason: required
  big-rows:
    source: app
    query: |
      with recursive n(id) as (select 1 union all select id + 1 from n limit :rows)
      select id from n
    params: { rows: { type: integer, default: 1000 } }
  big-late:
    source: app
    query: |
      with recursive n(id) as (select 1 union all select id + 1 from n limit 200000)
      select id from n
    max_rows: 100000
  big-cut:
    source: app
    query: |
      with recursive n(id) as (select 1 union all select id + 1 from n limit :rows)
      select id from n
    params: { rows: { type: integer, default: 1000 } }
    max_rows: 1000
    truncate: true
  big-file:
    source: app
    query: |
      with recursive n(id) as (select 1 union all select id + 1 from n limit :rows)
      select id, hex(randomblob(500)) as padding from n
    params: { rows: { type: integer, default: 100000 } }
    max_bytes: 1MiB
  slow:
    source: app
    query: |
      with recursive n(id) as (select 1 union all select id + 1 from n limit 1000000000)
      select id from n order by id * 7919 % 1000003
    max_duration: 1s
${exports}`;
}

/** A server. */
export interface AccessServer extends AsyncDisposable {
  readonly origin: string;
  readonly service: Service;
  /** What became of its runs. */
  readonly reports: readonly RunReport[];
  /** The same runs, as they were asked for. */
  readonly runs: readonly ObservedRun[];
  /** Milliseconds for which answers were held back. */
  readonly waits: readonly number[];
  /** Asks with a key, or with what else shows who one is. */
  get(path: string, credential?: Credential, init?: RequestInit): Promise<Answer>;
}

/** A key by its name, headers, or nothing. */
export type Credential = keyof typeof KEYS | Readonly<Record<string, string>>;

/** An answer, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** What a test may change. */
export interface AccessServerOptions extends Pick<ServiceOptions, "access"> {
  /** More exports, as YAML. */
  readonly exports?: string;
  /** More of `access`, as YAML. */
  readonly more?: string;
  /** More keys of `server`, as YAML. */
  readonly server?: string;
}

/** Starts a server. */
export async function startAccessServer(
  { exports = "", more = "", server = "", access = {} }: AccessServerOptions = {},
): Promise<AccessServer> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-access-" });
  await Deno.mkdir(`${folder}/spool`);
  const database = new DatabaseSync(`${folder}/app.db`);
  database.exec(`
    create table orders (id integer primary key, owner text);
    insert into orders values (1, 'one'), (2, 'one'), (3, 'two'), (4, 'two');
    create table people (id integer, mail text, card integer, born text, name text);
    insert into people values
      (1, 'ann@example.com', 4111111111111111, '1990-01-02', 'Ann'),
      (2, null, 4111111111111111, null, 'Bob');
  `);
  database.close();
  const config = loadConfig(configuration(exports, more, server), {
    env: () => undefined,
    folder,
    sources,
    formats,
  });
  const reports: RunReport[] = [];
  const runs: ObservedRun[] = [];
  const waits: number[] = [];
  const service = await startService(config, {
    environment: Deno.env.toObject(),
    observers: [{
      ended(report, run) {
        if (run.task.describe) return;
        reports.push(report);
        runs.push(run);
      },
    }],
    wait: (milliseconds) => {
      waits.push(milliseconds);
      return Promise.resolve();
    },
    access: { jwks: { fetch: () => Promise.resolve(Response.json(KEY_SET)) }, ...access },
  });
  const origin = `http://127.0.0.1:${service.http.addr.port}`;
  return {
    origin,
    service,
    reports,
    runs,
    waits,
    async get(path, credential = {}, init = {}) {
      const headers = typeof credential === "string"
        ? { "X-Api-Key": KEYS[credential].key }
        : credential;
      const response = await fetch(path.startsWith("http") ? path : origin + path, {
        ...init,
        headers: { ...headers, ...init.headers as Record<string, string> },
      });
      const { status, headers: sent } = response;
      return { status, headers: sent, text: await response.text() };
    },
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
