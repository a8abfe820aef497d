/** Shows how far a run is, in a line of the terminal that is written over and gone at the end. */

import type { RunObserver, RunProgress } from "../runs/observer.ts";

/** A line of progress. */
export interface Progress {
  /** Is called for the run. */
  readonly observer: RunObserver;
  /** Clears the line, where there is one, and shows none any more. */
  clear(): void;
}

/**
 * Begins with no line.
 *
 * @param write writes to the terminal
 * @param now the time in milliseconds
 */
export function createProgress(
  write: (text: string) => void,
  now: () => number = () => performance.now(),
): Progress {
  let started = 0;
  let shown = false;
  let over = false;
  return {
    observer: {
      started: () => void (started = now()),
      progress(progress) {
        if (over) return;
        write(CLEAR + describe(progress, now() - started));
        shown = true;
      },
    },
    clear() {
      over = true;
      if (shown) write(CLEAR);
    },
  };
}

/** Back to the first column, and erases to the end of the line (ECMA-48, 8.3.41). */
const CLEAR = "\r\x1b[K";

function describe({ rows, bytes }: RunProgress, elapsed: number): string {
  const rate = elapsed > 0 ? Math.round(rows / elapsed * 1000) : 0;
  const [count, size, speed] = [rows, bytes, rate].map((number) => number.toLocaleString("en-US"));
  return `${count} rows, ${size} bytes, ${speed} rows/s`;
}
