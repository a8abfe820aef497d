/** Wires what runs need: slots, workers, limits, a spool and a log. */

import { getLogger } from "@logtape/logtape";
import { fileURLToPath } from "node:url";
import type { Config, SourceSetting } from "../catalog/config.ts";
import { MAX_DURATION_MS } from "../table/units.ts";
import { loadFormats } from "../exporters/mod.ts";
import { Admission, ENDED_BYTES } from "../runs/admission.ts";
import type { MemoryReading } from "../runs/cgroup.ts";
import { createMemoryGuard, type WatchedMemory } from "../runs/memory_guard.ts";
import { createMemoryReading } from "../runs/memory_reading.ts";
import type { RunObserver } from "../runs/observer.ts";
import { type Route, type WorkerGroup, WorkerPool } from "../runs/pool.ts";
import type { RunTask } from "../runs/protocol.ts";
import { type Check, createReadiness, type Readiness } from "../runs/readiness.ts";
import { createRuns, type StartRun } from "../runs/run.ts";
import { createWholeFiles, type WholeFiles } from "../runs/whole_files.ts";
import { workerCommand } from "../runs/worker_command.ts";
import type { SourcePermissions } from "../sources/descriptor.ts";
import { type Descriptors, loadDescriptors } from "../sources/mod.ts";
import { createDiskStore } from "../storage/disk_store/mod.ts";
import type { FileSystem } from "../storage/disk/file_system.ts";
import type { Recovery } from "../storage/disk_store/recovery.ts";
import { settlesWithin } from "../storage/settles_within.ts";
import type { OpenedSpool } from "../storage/spool/mod.ts";

const logger = getLogger(["spillway"]);

/** What runs exports; disposing it ends its workers. */
export interface Engine extends AsyncDisposable {
  /** The slots. */
  readonly admission: Admission;
  /** What is known of memory. */
  readonly memory: WatchedMemory;
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
  /** The clock by which kept files expire. @default the system's */
  readonly now?: (() => Date) | undefined;
  /** What else an export needs, for the readiness. @default nothing */
  readonly checks?: readonly Check[];
  /** What observes each run. */
  readonly observers: readonly RunObserver[];
}

/** Milliseconds that the workers have to end in: one that is killed takes a few, whatever it does. */
const DISPOSE_MS = 2_000;

/** Milliseconds between two looks for whole files that need not be kept any more. */
const EXPIRE_MS = 30_000;

/**
 * How much longer than a socket a run waits for its reader. The socket sees a client take bytes, a run sees it
 * in steps of a chunk: the socket is the judge, whose runs are cancelled and have not failed. This one is for
 * a body that is neither read nor cancelled, so that a mistake of ours keeps no slot for ever.
 */
const RUN_STALL_FACTOR = 10;

/** Makes an engine; its first workers start at once. */
export async function createEngine(config: Config, options: EngineOptions): Promise<Engine> {
  const { slots, environment, spool, files, now, observers } = options;
  const [descriptors, formats] = await Promise.all([loadDescriptors(), loadFormats()]);
  const threads = Object.values(formats).flatMap(({ threads }) => threads);
  const memory = createMemoryGuard(
    createMemoryReading(() => pool.rss, config.limits.memory),
    (short, reading) => {
      if (short) pool.shrink();
      logMemory(short, reading);
    },
  );
  const admission = new Admission(slots, ENDED_BYTES, memory);
  const pool = new WorkerPool({
    groups: workerGroups(config, { slots, environment, descriptors, threads }),
    route: (task) =>
      routeOf(task, descriptors, (source) => ({
        command: workerCommand({
          ...permissionsOf([source], descriptors, threads),
          kinds: [source.type],
          environment,
        }),
        warm: 0,
      })),
    tasksPerWorker: config.limits.runsPerWorker,
    maxExclusive: config.limits.exclusive ??
      Math.max(MIN_EXCLUSIVE, navigator.hardwareConcurrency),
    onFailure: (reason) => logger.error("Cannot start a worker: {reason}", { reason }),
  });
  const stallTimeout = Math.min(
    config.server.stallTimeout * RUN_STALL_FACTOR,
    MAX_DURATION_MS,
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
    observers,
  });
  const store = spool && await createDiskStore({
    dir: spool.keptDirectory,
    room: spool.files,
    ...(files ? { files } : {}),
    ...(now ? { now } : {}),
  });
  if (store) logRecovery(store.recovery);
  const wholeFiles = spool && store && await createWholeFiles({
    startRun,
    store,
    reserve: spool.files.reserve,
    keep: config.spool!.keep,
    now,
  });
  if (wholeFiles) spool.reclaimWith(wholeFiles.evict);
  // A file that cannot be removed is tried again the next time; the spool has reported it.
  const expiring = wholeFiles &&
    setInterval(() => void wholeFiles.expire().catch(() => {}), EXPIRE_MS);
  return {
    admission,
    memory,
    pool,
    startRun,
    wholeFiles,
    readiness: createReadiness([
      { name: "slots", state: () => admission.state },
      { name: "memory", state: () => memory.short ? "full" : "ready" },
      { name: "workers", state: () => pool.state.state },
      ...(spool ? [{ name: "spool", state: () => spool.state() }] : []),
      ...(options.checks ?? []),
    ]),
    async [Symbol.asyncDispose]() {
      clearInterval(expiring);
      if (await settlesWithin(pool[Symbol.asyncDispose](), DISPOSE_MS)) return;
      logger.error(`Cannot end the workers within ${DISPOSE_MS} ms`, { pids: pool.pids });
      pool.kill();
    },
  };
}

/** Logs what was wrong with whole files of the process before; that there are some is nothing to tell. */
function logRecovery({ damaged, refused }: Recovery): void {
  for (const name of damaged) {
    logger.warn("A whole file was damaged, and is removed: {name}", { name });
  }
  for (const { name, error } of refused) {
    const fields = { name, error: String(error) };
    logger.warn("Cannot read or remove a whole file: {name}: {error}", fields);
  }
}

function logMemory(short: boolean, { used, limit }: MemoryReading): void {
  const fields = { used, limit };
  if (short) logger.warn("Memory is short: no more runs begin ({used} of {limit} bytes)", fields);
  else logger.info("Memory is no longer short ({used} of {limit} bytes)", fields);
}

/** Workers held by one run each, where the configuration does not say how many: they are of 51 MB while they are busy. */
const MIN_EXCLUSIVE = 4;

/** The name of the group whose workers run our own drivers. */
const DRIVERS = "drivers";

/** Groups of which a worker is kept while there is nothing to do: each takes 20 MB. */
const MAX_WARM_MODULES = 4;

/**
 * The group of a source. Code of a source's author has workers of its own, as it could read what others
 * are given and write what they should: it meets nothing but its own runs.
 */
function groupOf(source: SourceSetting): string {
  return source.runsCode || source.uploaded
    ? `${source.type} ${JSON.stringify(source.config)}`
    : DRIVERS;
}

/** What the groups of workers are made from, besides the configuration. */
interface GroupOptions extends Pick<EngineOptions, "slots" | "environment"> {
  /** The kinds of sources. */
  readonly descriptors: Descriptors;
  /** What the formats start threads of. */
  readonly threads: readonly URL[];
}

/** Where a task goes; all of its tables are of one group (`requests/find_exports.ts`). */
function routeOf(
  { tables }: RunTask,
  descriptors: Descriptors,
  ownGroup: (source: SourceSetting) => WorkerGroup,
): Route {
  const kinds = tables.map(({ source }) => descriptors[source.type]!.blocking ?? false);
  const source: SourceSetting = tables[0]!.source;
  return {
    group: groupOf(source),
    ...(source.uploaded ? { own: ownGroup(source) } : {}),
    blocking: kinds.includes(true) ? true : kinds.includes("learn") ? "learn" : false,
    queries: tables.map(({ source, query }) => `${source.type} ${query.text}`).join("\n"),
  };
}

/** The workers: those of the drivers share the permissions of all their sources. */
function workerGroups(
  config: Config,
  { slots, environment, descriptors, threads }: GroupOptions,
): Record<string, WorkerGroup> {
  const groups = Object.groupBy(config.sources.values(), groupOf);
  const modules = Object.keys(groups).filter((name) => name !== DRIVERS);
  return Object.fromEntries(
    Object.entries(groups).map(([name, settings = []]) => {
      const kinds = [...new Set(settings.map(({ type }) => type))];
      const command = workerCommand({
        ...permissionsOf(settings, descriptors, threads),
        kinds,
        environment,
      });
      const warm = name === DRIVERS
        ? Math.min(slots, navigator.hardwareConcurrency)
        : Number(modules.indexOf(name) < MAX_WARM_MODULES);
      return [name, { command, warm, shares: name === DRIVERS && slots > 1 }];
    }),
  );
}

/** What workers may reach: the files and the hosts of their sources, the threads of all formats. */
function permissionsOf(
  settings: readonly SourceSetting[],
  descriptors: Descriptors,
  threads: GroupOptions["threads"],
): Required<SourcePermissions> {
  const all = settings.map((source) => {
    const { paths: keys, permissions } = descriptors[source.type]!;
    const { read = [], write = [], net = [], sys = [] } = permissions?.(source.config as never) ??
      {};
    const paths = keys.flatMap((key) => {
      const path = (source.config as Readonly<Record<string, unknown>>)[key];
      return typeof path === "string" ? [path] : [];
    });
    return { read: [...paths, ...read], write, net, sys };
  });
  return {
    read: [
      ...threads.map((thread) => fileURLToPath(thread)),
      ...all.flatMap(({ read }) => read),
    ],
    write: all.flatMap(({ write }) => write),
    net: [...new Set(all.flatMap(({ net }) => net))],
    sys: [...new Set(all.flatMap(({ sys }) => sys))],
  };
}
