/** The highest that a number was of late, the same for everybody who asks. */

/** Milliseconds of a window: Prometheus scrapes once a minute, unless it is told to do so more often. */
export const PEAK_WINDOW_MS = 60_000;

/** A number whose peaks are kept. */
export interface Peak {
  /** The highest that it was in this window and in the one before: of one to two minutes, however short. */
  readonly value: number;
  /** Takes what it is from now on. */
  set(value: number): void;
}

/**
 * Keeps the peaks of a number that is 0 now. Asking changes nothing, so that two scrapers see the same; one
 * that asks once in {@linkcode PEAK_WINDOW_MS} misses none.
 *
 * @param now the time in milliseconds
 */
export function createPeak(now: () => number): Peak {
  let level = 0;
  let current = 0;
  let previous = 0;
  let window = Math.floor(now() / PEAK_WINDOW_MS);

  function turn(): void {
    const next = Math.floor(now() / PEAK_WINDOW_MS);
    if (next === window) return;
    // In a window in which nothing happened it was what it is.
    previous = next === window + 1 ? current : level;
    current = level;
    window = next;
  }

  return {
    get value() {
      turn();
      return Math.max(previous, current);
    },
    set(value) {
      turn();
      level = value;
      current = Math.max(current, level);
    },
  };
}
