/** When a webhook that was not taken is sent again, and for how long. */

/** Milliseconds from the end of a run after which its webhook is not sent any more. */
export const MAX_AGE_MS = 3 * 86_400_000;

/** Milliseconds until the second attempt. */
const FIRST_MS = 5_000;

/** How much longer each wait is than the one before. */
const FACTOR = 5;

/** Milliseconds of a wait at most. */
const MAX_MS = 4 * 3_600_000;

/**
 * Milliseconds from an attempt to the next one: 5 s, 25 s, 2 min, 10 min, 52 min and 4 h, less up to a fifth, so that
 * messages that failed together do not come back together.
 *
 * @param attempts how many there were
 * @param random from 0 to 1
 */
export function retryDelay(attempts: number, random: number): number {
  const delay = Math.min(FIRST_MS * FACTOR ** (attempts - 1), MAX_MS);
  return Math.round(delay * (1 - random / 5));
}
