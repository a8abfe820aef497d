/** Says which part of the descriptors in reserve is used, before none can be opened. */

import { type Clock, systemClock } from "../storage/clock.ts";

/**
 * Descriptors that shall be left for workers, databases and the disk. Trying whether so many can be opened
 * takes 0.6 ms, and all of a usual limit would take tens.
 */
export const RESERVED_DESCRIPTORS = 128;

/** Milliseconds between two looks, at least. */
const READING_MS = 500;

/**
 * Makes the guard.
 *
 * @param count how many of {@linkcode RESERVED_DESCRIPTORS} can be opened; undefined where that is not known
 * @returns the part that cannot; undefined where that is not known
 */
export function createDescriptorGuard(
  count: () => number | undefined,
  clock: Clock = systemClock,
): () => number | undefined {
  let used: number | undefined;
  let readAt = -Infinity;
  return () => {
    const now = clock.now();
    if (now - readAt >= READING_MS) {
      const free = count();
      used = free === undefined ? undefined : 1 - free / RESERVED_DESCRIPTORS;
      readAt = now;
    }
    return used;
  };
}
