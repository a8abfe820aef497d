/** Wires what runs need: slots, workers, limits and a log. */

import type { Config } from "../catalog/config.ts";
import { Admission } from "../runs/admission.ts";
import { WorkerPool } from "../runs/pool.ts";
import { createRuns, type RunDependencies, type StartRun } from "../runs/run.ts";
import { workerCommand } from "../runs/worker_command.ts";
import { sources } from "../sources/mod.ts";

/** What runs exports; disposing it ends its workers. */
export interface Engine extends AsyncDisposable {
  /** The slots. */
  readonly admission: Admission;
  /** The workers. */
  readonly pool: WorkerPool;
  /** Runs an export. */
  readonly startRun: StartRun;
}

/** How an engine works. */
export interface EngineOptions {
  /** Runs that may be in flight at once. */
  readonly slots: number;
  /** The environment that workers see a little of. */
  readonly environment: Readonly<Record<string, string>>;
  /** Told once of every run that got a slot, when everything it held has come back. */
  readonly onEnd: RunDependencies["onEnd"];
}

/** Makes an engine; its first workers start at once. */
export function createEngine(config: Config, options: EngineOptions): Engine {
  const { slots, environment, onEnd } = options;
  const admission = new Admission(slots);
  const pool = new WorkerPool({
    command: workerCommand({ read: readableFiles(config), environment }),
    warm: Math.min(slots, navigator.hardwareConcurrency),
  });
  const startRun = createRuns({ admission, pool, limits: config.limits, onEnd });
  return { admission, pool, startRun, [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose]() };
}

/** The files of the sources: what workers may read. */
function readableFiles(config: Config): string[] {
  return [...config.sources.values()].flatMap(({ type, config: settings }) =>
    sources[type as keyof typeof sources].paths.map((key) =>
      String((settings as Record<string, unknown>)[key])
    )
  );
}
