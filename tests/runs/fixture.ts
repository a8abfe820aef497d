/** Makes pools of fake workers, and tasks for them. */

import { WorkerPool } from "../../runs/pool.ts";
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

/** A pool of fake workers. */
export function fakePool(warm = 1, cores?: number): WorkerPool {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--cached-only", new URL("./fake_worker.ts", import.meta.url).href],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  });
  return new WorkerPool({ command, warm, ...(cores === undefined ? {} : { cores }) });
}

/** Reads a stream to its end. */
export async function byteLength(stream: ReadableStream<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
}
