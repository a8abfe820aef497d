/** Runs the command line as a user does: in a process of its own, with no more permissions than its task. */

import { DatabaseSync } from "node:sqlite";
import { inTime, until } from "../waiting.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** What `deno.json` lets each command do; `serve` writes nothing but the demo's database. */
const READ = ["--allow-read", "--allow-env"];
const RUN = `--allow-run=${Deno.execPath()},nice`;
const PERMISSIONS = {
  none: READ,
  check: [...READ, RUN],
  run: [...READ, "--allow-write", RUN],
  convert: [...READ, "--allow-write", RUN],
  serve: [
    ...READ,
    "--allow-net=127.0.0.1",
    "--allow-sys=statfs,systemMemoryInfo",
    RUN,
  ],
} as const;

/** How a process is started. */
export interface ProcessOptions {
  /** The folder that it is started in. */
  readonly cwd: string;
  /** Variables that it sees, besides those that Deno needs. */
  readonly environment?: Readonly<Record<string, string>>;
  /** More flags for `deno run`. */
  readonly flags?: readonly string[];
  /** A program that becomes the process, with the arguments that come before the command. */
  readonly within?: readonly string[];
}

/** How a process ended. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command `main.ts ARGS…`, not started yet. */
export function command(
  args: readonly string[],
  { cwd, environment = {}, flags = [], within = [] }: ProcessOptions,
  options: Deno.CommandOptions = {},
): Deno.Command {
  const passed = ["DENO_DIR", "HOME", "PATH", "TMPDIR", "XDG_CACHE_HOME"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  const permissions = PERMISSIONS[(args[0] ?? "") as keyof typeof PERMISSIONS] ?? PERMISSIONS.none;
  const [program, ...rest] = [
    ...[...within, Deno.execPath(), "run", "--quiet", "--no-prompt", "--cached-only"],
    ...[...permissions, ...flags, MAIN, ...args],
  ];
  return new Deno.Command(program!, {
    args: rest,
    cwd,
    clearEnv: true,
    env: { ...Object.fromEntries(passed), NO_COLOR: "1", ...environment },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...options,
  });
}

/** Runs `main.ts ARGS…` to its end; workers share its standard error, so that they are gone too. */
export async function spillway(
  args: readonly string[],
  options: ProcessOptions,
): Promise<Finished> {
  const { code, stdout, stderr } = await command(args, options).output();
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** A server in a process of its own. */
export interface Serving extends AsyncDisposable {
  /** Where it answers. */
  readonly origin: string;
  readonly port: number;
  readonly pid: number;
  /** The lines of its standard error so far. */
  readonly lines: readonly string[];
  /** Its log lines so far. */
  logs(): readonly Record<string, unknown>[];
  /** Sends it a signal, or to its whole process group as a terminal does. */
  signal(signal: Deno.Signal, to?: "group"): void;
  /** Its exit status. */
  ended(): Promise<number>;
}

/** Starts `serve`, in a process group of its own, and waits until it says where it answers. */
export async function startServe(
  args: readonly string[],
  options: ProcessOptions,
): Promise<Serving> {
  const child = command(["serve", ...args], options, { stdout: "null", detached: true }).spawn();
  const lines: string[] = [];
  const reading = readLines(child.stderr, lines);
  let exited = false;
  const status = child.status.then((status) => {
    exited = true;
    return status;
  });
  const url = () =>
    lines.map((line) => /Spillway serves (https?:[^"\s]+)/.exec(line)?.[1]).find(Boolean);
  const stop = async () => {
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // It has ended already, which Deno knows before `status` has told of it.
      if (!(error instanceof TypeError)) throw error;
    }
    await status;
    await reading;
  };
  try {
    await until(() => exited || url() !== undefined);
    if (exited) throw new Error(`The server did not start:\n${lines.join("\n")}`);
  } catch (error) {
    await stop();
    throw error;
  }
  const origin = url()!;
  return {
    origin,
    port: Number(new URL(origin).port),
    pid: child.pid,
    lines,
    logs: () => lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line)),
    signal: (signal, to) => Deno.kill(to === "group" ? -child.pid : child.pid, signal),
    ended: () => inTime(status.then(({ code }) => code), "the server to end"),
    [Symbol.asyncDispose]: stop,
  };
}

async function readLines(stream: ReadableStream<BufferSource>, lines: string[]): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    lines.push(...parts);
  }
  if (rest !== "") lines.push(rest);
}

/** The processes that a process has started and that still run. */
export async function childrenOf(pid: number): Promise<number[]> {
  // Deno lets only a process with every permission list /proc.
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", "cat /proc/[0-9]*/stat 2>/dev/null"],
  }).output();
  return decode(stdout).split("\n").flatMap((line) => {
    // The name between the parentheses may hold anything, parentheses and spaces too.
    const [, child, state, parent] = /^(\d+) \(.*\) (\w) (\d+) /.exec(line) ?? [];
    return Number(parent) === pid && state !== "Z" ? [Number(child)] : [];
  });
}

/** Whether a process runs. */
export function isAlive(pid: number): boolean {
  try {
    return !Deno.readTextFileSync(`/proc/${pid}/stat`).includes(") Z ");
  } catch {
    return false;
  }
}

/** A folder with a configuration and its database. */
export interface Folder extends AsyncDisposable {
  readonly path: string;
  /** The names of what is in it, in order. */
  names(): string[];
}

/**
 * Makes a folder whose `spillway.yaml` has exports that need no table but `item`, which holds a
 * formula: `rows` gives as many rows of some 100 bytes as it is asked for, `breaks` overflows an
 * integer at the row it is told, `sorts` keeps SQLite busy for longer than any test.
 *
 * @param server the keys of `server`, besides the port, which is any that is free
 * @param limits the keys of `limits`
 */
export async function configured(server = "", limits = ""): Promise<Folder> {
  const folder = await emptyFolder();
  const made = new DatabaseSync(`${folder.path}/app.db`);
  made.exec("create table item (id integer primary key, note text)");
  made.exec("insert into item values (1, 'plain'), (2, '=1+1')");
  made.close();
  await Deno.writeTextFile(
    `${folder.path}/spillway.yaml`,
    `
server: { port: 0${server === "" ? "" : `, ${server}`} }
limits: { ${limits} }
sources: { app: { type: sqlite, path: app.db } }
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
  items:
    source: app
    query: select id, note from item where id >= :least and :day is not null
    params:
      least: { type: integer, default: 1, min: 1 }
      day: { type: date, default: 2026-01-01 }
    formats: [csv, ndjson]
`,
  );
  return folder;
}

/** Makes a folder with nothing in it. */
export async function emptyFolder(): Promise<Folder> {
  const path = await Deno.makeTempDir({ prefix: "spillway-commands-" });
  return {
    path,
    names: () => [...Deno.readDirSync(path)].map(({ name }) => name).sort(),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
