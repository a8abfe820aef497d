/** Wires what runs need: slots, workers, limits, a spool and a log. */

import { getLogger } from "@logtape/logtape";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config } from "../catalog/config.ts";
import { LONGEST_DURATION } from "../catalog/units.ts";
import { threads } from "../exporters/mod.ts";
import { Admission } from "../runs/admission.ts";
import { WorkerPool } from "../runs/pool.ts";
import { createReadiness, type Readiness } from "../runs/readiness.ts";
import { createRuns, type RunDependencies, type StartRun } from "../runs/run.ts";
import { createWholeFiles, type WholeFiles } from "../runs/whole_files.ts";
import { workerCommand } from "../runs/worker_command.ts";
import { type AnyKind, sources } from "../sources/mod.ts";
import type { SourceLeave } from "../sources/source.ts";
import { createDiskStore } from "../storage/disk_store.ts";
import type { FileSystem } from "../storage/file_system.ts";
import { settlesWithin } from "../storage/settles_within.ts";
import type { OpenedSpool } from "../storage/spool.ts";

const logger = getLogger(["spillway"]);

/** What runs exports; disposing it ends its workers. */
export interface Engine extends AsyncDisposable {
  /** The slots. */
  readonly admission: Admission;
  /** The workers. */
  readonly pool: WorkerPool;
  /** Runs an export. */
  readonly startRun: StartRun;
  /** Files that are finished before they are sent; absent where there is no spool. */
  readonly wholeFiles: WholeFiles | undefined;
  /** Whether another export would be taken. */
  readonly readiness: () => Promise<Readiness>;
}

/** How an engine works. */
export interface EngineOptions {
  /** Runs that may be in flight at once. */
  readonly slots: number;
  /** The environment that workers see a little of. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where bytes wait that clients have not taken; it stays the caller's. */
  readonly spool?: OpenedSpool | undefined;
  /** What the spool was opened with. @default the system's */
  readonly files?: FileSystem | undefined;
  /** Told once of every run that got a slot, when everything it held has come back. */
  readonly onEnd: RunDependencies["onEnd"];
}

/** Milliseconds that the workers have to end in: one that is killed takes a few, whatever it does. */
const DISPOSE_MS = 2_000;

/** Milliseconds between two looks for whole files that need not be kept any more. */
const EXPIRE_MS = 30_000;

/**
 * How much longer than a socket a run waits for its reader. The gate sees a client take bytes; a run sees
 * it in steps of what the kernel holds between the server and the gate, up to 4 MB: with the same limit
 * for both, a client that read 23 KB/s all the time was given up after 120 s. So the gate is the judge,
 * and this one is for a stream of HTTP/2 that stalls beside others that do not.
 */
const RUN_STALL_FACTOR = 10;

/** Makes an engine; its first workers start at once. */
export async function createEngine(config: Config, options: EngineOptions): Promise<Engine> {
  const { slots, environment, spool, files, onEnd } = options;
  const admission = new Admission(slots);
  const pool = new WorkerPool({
    command: workerCommand({
      ...workerLeave(config),
      kinds: [...new Set([...config.sources.values()].map(({ type }) => type))],
      environment,
    }),
    warm: Math.min(slots, navigator.hardwareConcurrency),
  });
  const stallTimeout = Math.min(
    config.server.stallTimeout * RUN_STALL_FACTOR,
    LONGEST_DURATION,
  );
  const startRun = createRuns({
    admission,
    pool,
    limits: config.limits,
    spill: {
      stallTimeout,
      ...(config.spool && spool
        ? { spool, spillAfter: config.spool.spillAfter, spillRate: config.spool.spillRate }
        : {}),
    },
    onEnd,
  });
  const wholeFiles = spool && createWholeFiles({
    startRun,
    store: await createDiskStore({
      dir: join(spool.directory, "files"),
      room: spool.files,
      ...(files ? { files } : {}),
    }),
    reserve: spool.files.reserve,
    keep: config.spool!.keep,
    stallTimeout,
  });
  if (wholeFiles) spool.reclaimWith(wholeFiles.evict);
  // A file that cannot be removed is tried again the next time; the spool has told of it.
  const expiring = wholeFiles &&
    setInterval(() => void wholeFiles.expire().catch(() => {}), EXPIRE_MS);
  return {
    admission,
    pool,
    startRun,
    wholeFiles,
    readiness: createReadiness([
      { name: "slots", state: () => admission.state },
      ...(spool ? [{ name: "spool", state: () => spool.state() }] : []),
    ]),
    async [Symbol.asyncDispose]() {
      clearInterval(expiring);
      if (await settlesWithin(pool[Symbol.asyncDispose](), DISPOSE_MS)) return;
      logger.error(`Cannot end the workers within ${DISPOSE_MS} ms`, { pids: pool.pids });
    },
  };
}

/** What workers may reach: the files and the hosts of all sources, the threads of all formats. */
function workerLeave(config: Config): Required<SourceLeave> {
  const leaves = [...config.sources.values()].map(({ type, config: settings }) => {
    const kind: AnyKind = sources[type as keyof typeof sources];
    const { read = [], net = [], sys = [] } = kind.leave?.(settings as never) ?? {};
    const paths = kind.paths.flatMap((key) => {
      const path = (settings as Readonly<Record<string, unknown>>)[key];
      return typeof path === "string" ? [path] : [];
    });
    return { read: [...paths, ...read], net, sys };
  });
  return {
    read: [
      ...threads.map((thread) => fileURLToPath(thread)),
      ...leaves.flatMap(({ read }) => read),
    ],
    net: [...new Set(leaves.flatMap(({ net }) => net))],
    sys: [...new Set(leaves.flatMap(({ sys }) => sys))],
  };
}
