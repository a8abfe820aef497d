/** A whole server in this process, on a real socket and over a real database, and clients for it. */

import { DatabaseSync } from "node:sqlite";
import { loadConfig } from "../../catalog/load.ts";
import type { Engine } from "../../server/engine.ts";
import { type ServiceOptions, startService } from "../../server/service.ts";
import { loadFormats } from "../../exporters/mod.ts";
import type { ObservedRun, RunReport } from "../../runs/observer.ts";
import type { HttpServer } from "../../server/http/mod.ts";
import { loadDescriptors } from "../../sources/mod.ts";
import type { FileSystem } from "../../storage/disk/file_system.ts";

const formats = await loadFormats();
const sources = await loadDescriptors();

/**
 * Exports that need no table. `rows` gives as many rows of 100 bytes as it is asked for, `pages` of
 * 10,000, which come five times as fast a byte and are not deflated in a workbook, so that a file larger
 * than the kernel's buffers is soon made; `breaks` overflows an integer at the row it is told; `sorts`
 * keeps SQLite busy before its first row for as long as any test could wait. `table` reads a real table,
 * `missing` one that is not there.
 */
const EXPORTS = `
exports:
  rows:
    source: app
    query: |
      with recursive n(id) as (select 1 union all select id + 1 from n limit :rows)
      select id, printf('%090d', id) as padding from n
    params: { rows: { type: integer, default: 1000 } }
  pages:
    source: app
    query: |
      with recursive n(id) as (select 1 union all select id + 1 from n limit :rows)
      select id, printf('%09990d', id) as padding from n
    params: { rows: { type: integer, default: 1000 } }
    deflate_level: 0
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
  readonly addr: Deno.NetAddr;
  readonly engine: Engine;
  /** What became of its connections. */
  readonly counts: HttpServer["counts"];
  /** Where its database and its configuration's relative paths are. */
  readonly folder: string;
  /** Path of its database. */
  readonly database: string;
  /** Its runs and what became of them, in the order in which they ended. */
  readonly reports: readonly (ObservedRun & RunReport)[];
}

/** Sections of the configuration that a test may write, as YAML. */
export interface Sections {
  readonly limits?: string;
  readonly server?: string;
  readonly access?: string;
  readonly spool?: string;
  readonly runs?: string;
  /** What is known of the logs. @default nothing */
  readonly log?: ServiceOptions["log"];
  /** The file system of the spool. @default the system's */
  readonly files?: FileSystem;
  /** The clock by which whole files expire. @default the system's */
  readonly now?: () => Date;
}

/** Starts a server. */
export async function startServer(sections: Sections = {}): Promise<TestServer> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-http-" });
  const database = `${folder}/app.db`;
  const made = new DatabaseSync(database);
  made.exec(
    "create table item (id integer primary key, name text); insert into item values (1, 'a')",
  );
  made.close();
  const running = await startIn(folder, sections);
  return {
    ...running,
    get counts() {
      return running.counts;
    },
    [Symbol.asyncDispose]: async () => {
      await running[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Starts a server in the folder of one that has ended, or has not begun; the folder stays. */
export async function startIn(folder: string, sections: Sections = {}): Promise<TestServer> {
  const database = `${folder}/app.db`;
  const { server = "{ port: 0 }", access = "{}", limits = "{}", runs = "{}", spool } = sections;
  const yaml = `
server: ${server}
access: ${access}
limits: ${limits}
runs: ${runs}
${spool === undefined ? "" : `spool: ${spool}`}
sources: { app: { type: sqlite, path: app.db } }
${EXPORTS}`;
  const config = loadConfig(yaml, {
    env: () => undefined,
    folder,
    sources,
    formats,
  });
  if (config.spool) await Deno.mkdir(config.spool.dir, { recursive: true });
  const reports: (ObservedRun & RunReport)[] = [];
  const service = await startService(config, {
    environment: Deno.env.toObject(),
    observers: [{
      ended: (report, run) => {
        if (!run.task.describe) reports.push({ ...run, ...report });
      },
    }],
    ...(sections.log ? { log: sections.log } : {}),
    ...(sections.files ? { files: sections.files } : {}),
    ...(sections.now ? { now: sections.now } : {}),
  });
  const { addr } = service.http;
  const { port } = addr;
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    addr,
    engine: service.engine,
    get counts() {
      return service.http.counts;
    },
    folder,
    database,
    reports,
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
}

/** Whether nobody reads a database: a reader's lock would refuse an exclusive one. */
export function isUnread(path: string): boolean {
  const database = new DatabaseSync(path);
  try {
    database.exec("pragma busy_timeout = 0; begin exclusive; rollback");
    return true;
  } catch {
    return false;
  } finally {
    database.close();
  }
}

/** What curl made of a request. */
export interface CurlResult {
  /** curl's exit status: 0 whole, 18 cut short. */
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
export async function openDownload(
  { port }: Pick<TestServer, "port">,
  path: string,
): Promise<Deno.TcpConn> {
  const socket = await Deno.connect({ hostname: "127.0.0.1", port });
  await socket.write(
    new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`),
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
