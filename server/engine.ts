/** Wires what runs need: slots, workers, limits, a spool and a log. */

import { getLogger } from "@logtape/logtape";
import { fileURLToPath } from "node:url";
import type { Config, SourceSetting } from "../catalog/config.ts";
import { MAX_DURATION_MS } from "../table/units.ts";
import { loadFormats } from "../exporters/mod.ts";
import { Admission } from "../runs/admission.ts";
import { createDescriptorGuard, RESERVED_DESCRIPTORS } from "../runs/descriptor_guard.ts";
import { createMemoryGuard, type WatchedMemory } from "../runs/memory_guard.ts";
import { createMemoryReading } from "../runs/memory_reading.ts";
import type { RunObserver } from "../runs/observer.ts";
import { type Route, type WorkerGroup, WorkerPool } from "../runs/pool.ts";
import {
  createPressure,
  type Pressure,
  type Resource,
  type Step,
  STEPS,
} from "../runs/pressure.ts";
import type { RunTask } from "../runs/protocol.ts";
import { type Check, createReadiness, type Readiness } from "../runs/readiness.ts";
import type { LedgerRow } from "../runs/ledger/ledger.ts";
import { recoverRuns } from "../runs/recovery.ts";
import { createResumptions, type Resumptions } from "../runs/resumptions.ts";
import { createRuns, type StartRun } from "../runs/run.ts";
import { createScale } from "../runs/shares.ts";
import { createWholeFiles, type WholeFiles } from "../runs/whole_files.ts";
import { workerCommand } from "../runs/worker_command.ts";
import type { SourcePermissions } from "../sources/descriptor.ts";
import { type Descriptors, loadDescriptors } from "../sources/mod.ts";
import { createDiskStore } from "../storage/disk_store/mod.ts";
import type { FileSystem } from "../storage/disk/file_system.ts";
import type { Recovery } from "../storage/disk_store/recovery.ts";
import { settlesWithin } from "../storage/settles_within.ts";
import type { OpenedSpool } from "../storage/spool/mod.ts";
import { clientKey } from "./http/addresses.ts";
import { countFreeDescriptors } from "./http/descriptors.ts";
import type { Ledgered } from "./ledger.ts";

const logger = getLogger(["spillway"]);

/** What runs exports, of one configuration after another; disposing it ends its workers. */
export interface Engine extends AsyncDisposable {
  /** The slots. */
  readonly admission: Admission;
  /** What is known of memory. */
  readonly memory: WatchedMemory;
  /** What is shed while something is short. */
  readonly pressure: Pressure;
  /** The workers. */
  readonly pool: WorkerPool;
  /**
   * Takes a configuration, whose warm workers start at once; what it gives runs its exports, and has them observed.
   * Runs of one before go on as they began.
   */
  readonly configure: (config: Config, observers: readonly RunObserver[]) => StartRun;
  /** Files that are finished before they are sent; absent where there is no spool. */
  readonly wholeFiles: WholeFiles | undefined;
  /** Streamed downloads that wait for their clients; absent where there is no spool. */
  readonly resumptions: Resumptions | undefined;
  /** Runs of a server that is gone, which are to begin again. */
  readonly again: readonly LedgerRow[];
  /** Whether another export would be taken. */
  readonly readiness: () => Promise<Readiness>;
}

/** How an engine works. */
export interface EngineOptions {
  /** Units that runs may take at once. @default `limits.concurrent` */
  readonly slots?: number;
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
  /** Where runs are written down. @default nowhere */
  readonly ledgered?: Ledgered | undefined;
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

/** Makes an engine, which has no configuration to run yet; the spool of this one is that of all. */
export async function createEngine(config: Config, options: EngineOptions): Promise<Engine> {
  const { environment, spool, files, now, ledgered } = options;
  const slotsOf = ({ limits }: Config) => options.slots ?? limits.concurrent;
  const [descriptors, formats] = await Promise.all([loadDescriptors(), loadFormats()]);
  const threads = Object.values(formats).flatMap(({ threads }) => threads);
  const readMemoryOf = ({ limits }: Config) => createMemoryReading(() => pool.rss, limits.memory);
  let readMemory = readMemoryOf(config);
  const memory = createMemoryGuard(() => readMemory());
  const pressure = createPressure({
    memory: () => memory.used,
    descriptors: createDescriptorGuard(() => countFreeDescriptors(RESERVED_DESCRIPTORS)),
    disk: () => spool?.isShort() ?? false,
  }, (resource, step) => {
    if (resource === "memory" && step === STEPS.all) pool.shrink();
    logStep(resource, step, resource === "memory" ? { ...memory.reading } : {});
  });
  const admission = new Admission(slotsOf(config), { ...config.limits, memory, pressure });
  const pool = new WorkerPool({
    onFailure: (reason) => logger.error("Cannot start a worker: {reason}", { reason }),
  });
  const stallTimeout = Math.min(
    config.server.stallTimeout * RUN_STALL_FACTOR,
    MAX_DURATION_MS,
  );
  const spill = {
    stallTimeout,
    ...(config.spool && spool
      ? { spool, spillAfter: config.spool.spillAfter, spillRate: config.spool.spillRate }
      : {}),
  };
  const weigh = createScale(formats, descriptors);
  let configurations = 0;
  function configure(config: Config, observers: readonly RunObserver[]): StartRun {
    const { limits } = config;
    const slots = slotsOf(config);
    const version = ++configurations;
    admission.configure(slots, limits);
    readMemory = readMemoryOf(config);
    const runner = pool.configure({
      groups: workerGroups(config, { environment, descriptors, threads, version }),
      route: (task) => ({
        ...routeOf(task, descriptors),
        ...ownGroup(task.tables[0]!.source, { environment, descriptors, threads }),
      }),
      tasksPerWorker: limits.runsPerWorker,
      maxExclusive: limits.exclusive ?? Math.max(MIN_EXCLUSIVE, navigator.hardwareConcurrency),
    });
    return createRuns({ admission, pool: runner, limits, weigh, clientKey, spill, observers });
  }
  const store = spool && await createDiskStore({
    dir: spool.keptDirectory,
    room: spool.files,
    ...(files ? { files } : {}),
    ...(now ? { now } : {}),
  });
  if (store) logRecovery(store.recovery);
  const resumptions = spool && store && await createResumptions({
    tails: spool.copies,
    store,
    reserve: spool.files.reserve,
  });
  const recovered = ledgered &&
    await recoverRuns({ ledger: ledgered.ledger, store, now: now ?? (() => new Date()) });
  if (recovered) ledgered.logRecovered(recovered);
  const wholeFiles = spool && store && await createWholeFiles({
    store,
    reserve: spool.files.reserve,
    keep: config.spool!.keep,
    now,
    receipts: ledgered?.receipts,
  });
  if (wholeFiles) {
    spool.reclaimWith(async (bytes) => resumptions!.reclaim() || await wholeFiles.evict(bytes));
  }
  // A file that cannot be removed is tried again the next time; the spool has reported it.
  const expiring = wholeFiles &&
    setInterval(() => void wholeFiles.expire().catch(() => {}), EXPIRE_MS);
  return {
    admission,
    memory,
    pressure,
    pool,
    configure,
    wholeFiles,
    resumptions,
    again: recovered?.again ?? [],
    readiness: createReadiness([
      { name: "slots", state: () => admission.state },
      ...(["memory", "descriptors"] as const).map((name) => ({
        name,
        state: () => pressure.steps[name] === STEPS.all ? "full" as const : "ready" as const,
      })),
      { name: "workers", state: () => pool.state.state },
      ...(spool ? [{ name: "spool", state: () => spool.state() }] : []),
      ...(ledgered ? [{ name: "ledger", state: () => ledgered.receipts.state }] : []),
      ...(options.checks ?? []),
    ]),
    async [Symbol.asyncDispose]() {
      clearInterval(expiring);
      resumptions?.close();
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

/** What the log says of each step. */
const STEP_MESSAGES = [
  "No longer short of {resource}",
  "Short of {resource}: no more runs wait",
  "Short of {resource}: no more runs wait, and no heavy ones begin",
  "Short of {resource}: no more runs begin",
] as const satisfies Record<Step, string>;

function logStep(resource: Resource, step: Step, fields: Readonly<Record<string, number>>): void {
  logger[step === STEPS.none ? "info" : "warn"](STEP_MESSAGES[step], { resource, step, ...fields });
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
  return source.runsCode ? `${source.type} ${JSON.stringify(source.config)}` : DRIVERS;
}

/** What the groups of workers are made from, besides the configuration. */
interface GroupOptions extends Required<Pick<EngineOptions, "environment">> {
  /** The kinds of sources. */
  readonly descriptors: Descriptors;
  /** What the formats start threads of. */
  readonly threads: readonly URL[];
  /** Which configuration it is: a worker that has loaded a module never loads a newer one of that name. */
  readonly version: number;
}

/** Where a task goes; all of its tables are of one group (`requests/find_exports.ts`). */
function routeOf({ tables }: RunTask, descriptors: Descriptors): Route {
  const kinds = tables.map(({ source }) => descriptors[source.type]!.blocking ?? false);
  return {
    group: groupOf(tables[0]!.source),
    blocking: kinds.includes(true) ? true : kinds.includes("learn") ? "learn" : false,
    queries: tables.map(({ source, query }) => `${source.type} ${query.text}`).join("\n"),
  };
}

/** The group of an upload, which its worker may read, and of the server's files no other. */
function ownGroup(
  source: SourceSetting,
  { environment, descriptors, threads }: Pick<
    GroupOptions,
    "environment" | "descriptors" | "threads"
  >,
): Pick<Route, "own"> {
  if (!source.uploaded) return {};
  const permissions = permissionsOf([source], descriptors, threads);
  const command = workerCommand({ ...permissions, kinds: [source.type], environment });
  return { own: { command, key: "", warm: 0 } };
}

/** The workers: those of the drivers share the permissions of all their sources. */
function workerGroups(
  config: Config,
  { environment, descriptors, threads, version }: GroupOptions,
): Record<string, WorkerGroup> {
  const groups = Object.groupBy(config.sources.values(), groupOf);
  const modules = Object.keys(groups).filter((name) => name !== DRIVERS);
  return Object.fromEntries(
    Object.entries(groups).map(([name, settings = []]) => {
      const kinds = [...new Set(settings.map(({ type }) => type))];
      const permissions = permissionsOf(settings, descriptors, threads);
      const command = workerCommand({ ...permissions, kinds, environment });
      const key = JSON.stringify([permissions, kinds, ...(name === DRIVERS ? [] : [version])]);
      const warm = Number(name === DRIVERS || modules.indexOf(name) < MAX_WARM_MODULES);
      return [name, { command, key, warm }];
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
