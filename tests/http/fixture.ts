/** A whole server in this process, on a real socket and over a real database, and clients for it. */

import { DatabaseSync } from "node:sqlite";
import { loadConfig } from "../../catalog/load.ts";
import { createEngine, type Engine } from "../../commands/engine.ts";
import { exporters } from "../../exporters/mod.ts";
import { createApp } from "../../routes/app.ts";
import type { RunReport } from "../../runs/run.ts";
import type { GateLimits } from "../../server/gate.ts";
import { type HttpServer, serveHttp } from "../../server/http.ts";
import { sources } from "../../sources/mod.ts";

/**
 * Exports that need no table. `rows` gives as many rows of 100 bytes as it is asked for; `breaks`
 * overflows an integer at the row it is told; `sorts` keeps SQLite busy before its first row for as
 * long as any test could wait. `table` reads a real table, `missing` one that is not there.
 */
const EXPORTS = `
exports:
  rows:
    source: app
    query: |
      with recursive n(id) as (select 1 union all select id + 1 from n limit :rows)
      select id, printf('%090d', id) as padding from n
    params: { rows: { type: integer, default: 1000 } }
  breaks:
    source: app
    query: |
      with recursive n(id) as (select 1 union all select id + 1 from n limit :at + 1000)
      select id, printf('%090d', id) as padding,
        case when id = :at then abs(-9223372036854775807 - 1) else 0 end as fuse
      from n
    params: { at: { type: integer } }
  sorts:
    source: app
    query: |
      with recursive n(id) as (select 1 union all select id + 1 from n limit 1000000000)
      select id from n order by id * 7919 % 1000003
  table:
    source: app
    query: select * from item
  missing:
    source: app
    query: select * from no_such_table
`;

/** A server. */
export interface TestServer extends AsyncDisposable {
  readonly origin: string;
  readonly port: number;
  readonly engine: Engine;
  /** What its gate did. */
  readonly counts: HttpServer["counts"];
  /** Path of its database. */
  readonly database: string;
  /** What became of its runs, in the order in which they ended. */
  readonly reports: readonly RunReport[];
}

/** Starts a server; `limits` is YAML such as `{ concurrent: 2 }`. */
export async function startServer(
  limits = "{}",
  timeouts: GateLimits = {},
): Promise<TestServer> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-http-" });
  const database = `${folder}/app.db`;
  const made = new DatabaseSync(database);
  made.exec(
    "create table item (id integer primary key, name text); insert into item values (1, 'a')",
  );
  made.close();
  const yaml = `sources: { app: { type: sqlite, path: app.db } }\nlimits: ${limits}\n${EXPORTS}`;
  const config = loadConfig(yaml, {
    env: () => undefined,
    folder,
    sources,
    formats: Object.keys(exporters),
  });
  const reports: RunReport[] = [];
  const engine = createEngine(config, {
    slots: config.limits.concurrent,
    environment: Deno.env.toObject(),
    onEnd: (report) => void reports.push(report),
  });
  const app = createApp({
    catalog: config,
    exporters,
    startRun: engine.startRun,
    ready: () => engine.admission.state,
    onError: (error) => console.error(error),
  });
  const server = serveHttp(
    { hostname: "127.0.0.1", port: 0, ...timeouts },
    (request) => app.fetch(request),
  );
  const { port } = server.addr;
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    engine,
    get counts() {
      return server.counts;
    },
    database,
    reports,
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await engine[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** What curl made of a request. */
export interface CurlResult {
  /** curl's exit status: 0 whole, 18 HTTP/1.1 cut short, 92 an HTTP/2 stream reset. */
  readonly code: number;
  readonly body: Uint8Array;
}

/** Runs curl. */
export async function curl(...args: string[]): Promise<CurlResult> {
  const { code, stdout } = await new Deno.Command("curl", {
    args: ["--silent", "--max-time", "60", ...args],
    stderr: "null",
  }).output();
  return { code, body: stdout };
}

/** A client on a bare socket, which reads only what it is told to. */
export async function openDownload(server: TestServer, path: string): Promise<Deno.TcpConn> {
  const socket = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await socket.write(
    new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`),
  );
  return socket;
}

/** Reads at least so many bytes of a socket; fewer where it ends. */
export async function readBytes(socket: Deno.TcpConn, count: number): Promise<number> {
  const buffer = new Uint8Array(64 * 1024);
  let total = 0;
  while (total < count) {
    const read = await socket.read(buffer.subarray(0, Math.min(buffer.length, count - total)));
    if (read === null) break;
    total += read;
  }
  return total;
}
