/** Spillway's real server, as a process of its own, and the audit database in SQLite. */

import { fileURLToPath } from "node:url";
import { AUDIT_COLUMNS } from "../examples/demo_data.ts";
import { createAuditDatabase } from "./workload.ts";

/** Rows of the database. */
export const AUDIT_ROWS = 500_000;

/** How often each row can be given, so that any number of rows can be asked for, up to 10 M. */
export const COPIES = 20;

/** The columns' names, in order. */
export const NAMES: readonly string[] = AUDIT_COLUMNS.map(({ name }) => name);

/** Asks for the table as it is; what the shell is asked for too. */
export const AUDIT_QUERY = `select ${NAMES.join(", ")} from audit order by id`;

/**
 * What is measured: the table as it is stored; with its datetimes moved to a time zone; and as many rows
 * as `:rows` says, by a query of the database's own.
 */
export function auditExports(rows: string): string {
  return `
exports:
  audit:
    source: app
    query: ${AUDIT_QUERY}
  audit-seoul:
    source: app
    query: ${AUDIT_QUERY}
    columns: { occurred_at: { timezone: Asia/Seoul } }
  rows:
    source: app
    query: |
      ${rows.trim().split("\n").map((line) => line.trim()).join("\n      ")}
    params: { rows: { type: integer } }
    columns: { id: { type: integer } }
`;
}

/** A `cross join` is read in its order, so that the first row needs no other. */
const ROWS = `
  with recursive copy(number) as (
    select 0 union all select number + 1 from copy where number + 1 < ${COPIES}
  )
  select id + number * ${AUDIT_ROWS} as id, ${NAMES.slice(1).join(", ")}
  from copy cross join audit limit :rows
`;

/** What is exported of the database, whose path may be that within the configuration's folder. */
export function sqliteExports(path: string): string {
  return `sources: { app: { type: sqlite, path: "${path}" } }${auditExports(ROWS)}`;
}

/** A folder with a configuration, for any number of servers one after another. */
export interface Configured extends AsyncDisposable {
  /** Path of the folder. */
  readonly folder: string;
  /** Path of the configuration. */
  readonly config: string;
}

/** Makes a folder with a configuration of these sources and exports. */
export async function configure(text: string): Promise<Configured> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-bench-" });
  const config = `${folder}/spillway.yaml`;
  await Deno.writeTextFile(config, `server: { port: 0 }\n${text}`);
  return {
    folder,
    config,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** A folder with the database. */
export interface Workplace extends Configured {
  /** Path of the database. */
  readonly database: string;
}

/** Makes the database, in about three seconds. */
export async function createWorkplace(): Promise<Workplace> {
  // Workbooks at once weigh more than there are units by default.
  const limits = "limits: { concurrent: 256, per_address: 256 }\n";
  const configured = await configure(`${limits}${sqliteExports("audit.db")}`);
  const database = `${configured.folder}/audit.db`;
  createAuditDatabase(database, AUDIT_ROWS);
  return { ...configured, database };
}

/** A running server; disposing it ends it. */
export interface Server extends AsyncDisposable {
  readonly origin: string;
  /** Its process id; its workers are its children. */
  readonly pid: number;
}

/** The folder of this checkout. */
const HERE = fileURLToPath(new URL("../", import.meta.url));

/** Starts a server, as `deno task start` does; of another checkout, if its folder is given. */
export async function startServer(
  { config }: Pick<Configured, "config">,
  folder = HERE,
): Promise<Server> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--v8-flags=--max-semi-space-size=4",
      "--allow-net=127.0.0.1",
      "--allow-read",
      "--allow-env",
      "--allow-sys=statfs,systemMemoryInfo",
      `--allow-run=${Deno.execPath()},nice`,
      "main.ts",
      "serve",
      `--config=${config}`,
    ],
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const origin = await readOrigin(child.stderr);
  return {
    origin,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

/** Waits until the log says where the server listens; reads on, so that the log never fills its pipe. */
export async function readOrigin(log: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const reader = log.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`Cannot start the server: ${text}`);
    text += value;
    const origin = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
    if (origin === undefined) continue;
    void (async () => {
      while (!(await reader.read()).done);
    })();
    return origin;
  }
}

/** Downloads a file with curl, and forgets it. */
export async function download(url: string): Promise<{ seconds: number; bytes: number }> {
  const started = performance.now();
  const { success, stdout, stderr } = await new Deno.Command("curl", {
    args: ["--silent", "--show-error", "--fail", "--output", "/dev/null"]
      .concat("--write-out", "%{size_download}", url),
  }).output();
  const seconds = (performance.now() - started) / 1000;
  const decoder = new TextDecoder();
  if (!success) throw new Error(`Cannot download ${url}: ${decoder.decode(stderr)}`);
  return { seconds, bytes: Number(decoder.decode(stdout)) };
}
