/** Waits no longer than is good, as for what is released while a process stops. */

import { type Clock, systemClock } from "./clock.ts";

/**
 * Whether a promise settles in time. Where it rejects in time, so does this; what becomes of it later does
 * not matter.
 */
export async function settlesWithin(
  promise: PromiseLike<unknown>,
  milliseconds: number,
  clock: Clock = systemClock,
): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const stop = clock.after(milliseconds, () => resolve(false));
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    stop();
  }
}
