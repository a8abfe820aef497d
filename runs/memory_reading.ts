/** Tells how much memory the server and its workers take, and how much they may. */

import process from "node:process";
import { type MemoryReading, NO_LIMIT, readCgroupMemory, type ReadText } from "./cgroup.ts";

/** What an operator allows: so many bytes, or a part of what the system would give. */
export type MemoryLimit = { readonly bytes: number } | { readonly percent: number };

/** What is known of this machine; a test puts in another one. */
export interface SystemMemory {
  /** Reads a file of the kernel's, such as those of cgroups. */
  readonly readText: ReadText;
  /** The limit of this process's cgroup, as far as the runtime may tell it. */
  readonly groupLimit: () => number | undefined;
  /** Bytes that the kernel could give without swapping (`MemAvailable`). */
  readonly available: () => number | undefined;
  /** Bytes of this process that are in memory. */
  readonly rss: () => number;
}

/**
 * Bytes of each process that all share: Deno's own program. Measured, 41 to 48 MB of a process are pages of
 * files. They are counted once.
 */
const SHARED_BYTES = 40 * 1024 * 1024;

/**
 * Makes the function that tells. The kernel's accounts of the cgroup are exact, but Deno lets none read them
 * that may not do everything; without them, what the processes say of themselves is added up, and held
 * against the cgroup's limit, or against that and what the machine has left.
 *
 * @param workers bytes in memory of each worker, as it said last
 */
export function createMemoryReading(
  workers: () => readonly number[],
  limit: MemoryLimit | undefined,
  system: SystemMemory = systemMemory,
): () => MemoryReading | undefined {
  return () => {
    const { used, limit: given } = readCgroupMemory(system.readText) ?? add(workers(), system);
    const allowed = limit === undefined
      ? given
      : "bytes" in limit
      ? Math.min(given, limit.bytes)
      : given * limit.percent / 100;
    return Number.isFinite(allowed) ? { used, limit: allowed } : undefined;
  };
}

function add(
  workers: readonly number[],
  { rss, groupLimit, available }: SystemMemory,
): MemoryReading {
  const used = workers.reduce((sum, bytes) => sum + Math.max(0, bytes - SHARED_BYTES), rss());
  return { used, limit: Math.min(groupLimit() ?? Infinity, used + (available() ?? Infinity)) };
}

/** The process, as Deno and the kernel see it. */
export const systemMemory: SystemMemory = {
  readText: (path) => {
    try {
      return Deno.readTextFileSync(path);
    } catch {
      return undefined;
    }
  },
  groupLimit: () => {
    if (!mayAsk()) return undefined;
    const limit = process.constrainedMemory();
    return limit > 0 && limit < NO_LIMIT ? limit : undefined;
  },
  available: () => mayAsk() ? Deno.systemMemoryInfo().available : undefined,
  rss: () => Deno.memoryUsage().rss,
};

/** Asking without it would be an error each time. */
function mayAsk(): boolean {
  return Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" }).state === "granted";
}
