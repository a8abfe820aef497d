/** Puts a worker behind the server, which passes on the bytes of all runs. */

import { getPriority, setPriority } from "node:os";

/** What {@linkcode lowerPriority} takes, and gives back: with it, a module could slow the server down. */
export const PRIORITY_PERMISSIONS = ["getPriority", "setPriority"] as const;

/** Behind the server by so much: `/healthz` took 1,129 ms at p99 under load, and 78 so. */
const NICENESS = 10;

/** The greatest niceness that there is. */
const MAX_NICENESS = 19;

/**
 * Lowers the priority of this process, once it is up: one that is started behind others may come up in ten
 * seconds where they use all cores, and until then its server has no run.
 */
export function lowerPriority(): void {
  try {
    setPriority(Math.min(MAX_NICENESS, getPriority() + NICENESS));
  } catch {
    // A system without it, or a binary that was made without the permission.
  }
  for (const kind of PRIORITY_PERMISSIONS) Deno.permissions.revokeSync({ name: "sys", kind });
}
