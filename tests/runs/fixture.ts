/** Makes pools of fake workers, and tasks for them. */

import { WorkerPool } from "../../runs/pool.ts";
import type { RunTask } from "../../runs/protocol.ts";

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

/**
 * Milliseconds after which a test fails and does not hang. No time that code under test should take: on a
 * machine whose cores are others' most of the time, a process alone may need a second to start.
 */
export const DEADLINE_MS = 60_000;

/** Waits until a condition holds; where it does not come true, `within` milliseconds end the wait. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  within = DEADLINE_MS,
): Promise<void> {
  const end = performance.now() + within;
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`It did not come true within ${within} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
