/** Makes pools of fake workers, and tasks for them. */

import {
  type PoolOptions,
  type PoolSettings,
  type TaskStarter,
  WorkerPool,
} from "../../runs/pool.ts";
import type { RunTask } from "../../runs/protocol.ts";

export { until } from "../waiting.ts";

/** A task whose export's name tells a fake worker what to do. */
export function fakeTask(action: string): RunTask {
  return {
    export: action,
    tables: [],
    format: "csv",
    options: {},
    coding: "identity",
  };
}

/** How a fake pool differs from one of a warm worker, of which every task has one to itself. */
export interface FakePoolOptions extends PoolOptions, Partial<PoolSettings> {
  /** @default 1 */
  readonly warm?: number;
  /** Whether tasks share workers. @default false */
  readonly shared?: boolean;
}

/** The command that starts a fake worker. */
export const FAKE_WORKER = new Deno.Command(Deno.execPath(), {
  args: ["run", "--quiet", "--cached-only", new URL("./fake_worker.ts", import.meta.url).href],
  stdin: "piped",
  stdout: "piped",
  stderr: "inherit",
});

/** A pool of fake workers, and of one configuration. */
export class FakePool extends WorkerPool {
  readonly start: TaskStarter["start"];

  constructor(options: PoolOptions & PoolSettings) {
    super(options);
    ({ start: this.start } = this.configure(options));
  }
}

/** Makes a pool of fake workers. */
export function fakePool({ warm = 1, shared = false, ...options }: FakePoolOptions = {}) {
  return new FakePool({
    groups: { all: { command: FAKE_WORKER, warm } },
    route: (task) => ({ group: "all", blocking: !shared, queries: task.export }),
    tasksPerWorker: 8,
    maxExclusive: 4,
    ...options,
  });
}

/** Reads a stream to its end. */
export async function byteLength(stream: ReadableStream<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
}
