/** How a worker process is started: from source or from inside a compiled binary, with few permissions. */

import { PRIORITY_PERMISSIONS } from "./worker/priority.ts";

/** What workers are given: what their sources need; no programs, no secret of the server. */
export interface WorkerPermissions {
  /** Files and folders of sources, which they may read. */
  readonly read: readonly string[];
  /** Files that a source makes for itself. @default none */
  readonly write?: readonly string[];
  /** Hosts of sources, which they may connect to: `db.internal:5432`. @default none */
  readonly net?: readonly string[];
  /** What sources' libraries ask the system for: `hostname`. @default nothing */
  readonly sys?: readonly string[];
  /** The kinds of those sources, which they load before they are asked for rows. @default none */
  readonly kinds?: readonly string[];
  /** The server's environment, of which they see a few names. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Variables that a worker needs: where Deno keeps modules, where SQLite may sort, which zone it is. */
const PASSED_VARIABLES = [
  "DENO_DIR",
  "HOME",
  "XDG_CACHE_HOME",
  "PATH",
  "SQLITE_TMPDIR",
  "TMPDIR",
  "TZ",
];

/**
 * Keeps the heap at its level, so that ten million rows take no more of it than one million. Left alone,
 * V8 lets rows that died gather: a worker that wrote XLSX took 155 MB (SQLite) and 243 MB (PostgreSQL)
 * at its peak, and takes 136 and 157 MB so. A growth of 10 per cent saved nothing of that, and cost an
 * eighth of the processor's time. A young space of 4 MiB takes no more time than one of 8, and 10 MB less;
 * one of 2 takes a third more where 16 runs share the worker. Young space and growth are in MiB and per cent.
 */
const HEAP_FLAGS = [
  "--max-semi-space-size=4",
  "--initial-old-space-size=8",
  "--heap-growing-percent=50",
  // One row has 64 MiB at most (`max_row`), as text twice that and once more on its way out; a worker
  // that needs more than this is broken, and ends with a word instead of taking the machine along.
  "--max-old-space-size=1024",
];

/** The argument that makes the compiled binary a worker. */
export const WORKER_ARGUMENT = "worker";

/** The argument of one that may write files, before the kinds of its sources. */
export const WRITES_ARGUMENT = "writes";

/** Where `setpriv` of util-linux is. */
const SETPRIV = "/usr/bin/setpriv";

/**
 * What a worker is started by, where the machine has it and the server may run `nice`, which starts other
 * programs and changes nothing here: `setpriv`, so that the kernel ends a worker whose server was killed, also
 * one that sorts and hears nothing. In a container both may be missing, and the container ends them.
 */
function launcher(): readonly string[] {
  const { state } = Deno.permissions.querySync({ name: "run", command: "nice" });
  if (state !== "granted" || !isFile(NICE) || !isFile(SETPRIV)) return [];
  return [NICE, "-n", "0", SETPRIV, "--pdeathsig", "KILL", "--"];
}

const NICE = "/usr/bin/nice";

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** The command that starts a worker. */
export function workerCommand(
  { read, write = [], net = [], sys = [], kinds = [], environment }: WorkerPermissions,
): Deno.Command {
  const passed = PASSED_VARIABLES.filter((name) => Object.hasOwn(environment, name));
  // A binary takes no flags: what it may was said when it was made, and it gives some of that back.
  const writes = write.length > 0 ? [WRITES_ARGUMENT] : [];
  const args = Deno.build.standalone ? [WORKER_ARGUMENT, ...writes, ...kinds] : [
    "run",
    "--quiet",
    "--no-prompt",
    "--cached-only",
    `--v8-flags=${HEAP_FLAGS.join(",")}`,
    // The environment is cleared below, and libraries stop where they may not look at it.
    "--allow-env",
    ...read.map((path) => `--allow-read=${path.replaceAll(",", ",,")}`),
    ...write.map((path) => `--allow-write=${path.replaceAll(",", ",,")}`),
    ...net.map((host) => `--allow-net=${host}`),
    ...[...sys, ...PRIORITY_PERMISSIONS].map((name) => `--allow-sys=${name}`),
    new URL("./worker/mod.ts", import.meta.url).href,
    ...kinds,
  ];
  const [program, ...before] = [...launcher(), Deno.execPath()];
  return new Deno.Command(program!, {
    args: [...before, ...args],
    clearEnv: true,
    env: Object.fromEntries(passed.map((name) => [name, environment[name]!])),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  });
}
