/** Opens a source again when its connection fails, and nothing else. */

import { setTimeout } from "node:timers/promises";
import { SourceError } from "./source.ts";

/** How often a source is opened at most. */
const ATTEMPTS = 3;

/** Milliseconds before the second attempt; twice as many before each one after it. */
const FIRST_PAUSE_MS = 200;

/**
 * Opens something, and once more after a pause where it fails of its connection: a server that
 * restarts, one that has no connection left. Only ever before the first byte; what was once opened
 * and breaks is an error. The pauses have jitter, so that runs that failed together do not come back
 * together.
 *
 * @param signal ends the attempts
 * @throws what the last attempt threw
 */
export async function withRetry<T>(open: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await open();
    } catch (error) {
      const again = error instanceof SourceError && error.connection && attempt < ATTEMPTS;
      if (!again || signal.aborted) throw error;
      const pause = FIRST_PAUSE_MS * 2 ** (attempt - 1);
      // Half of it, and up to as much again.
      await setTimeout(pause * (0.5 + Math.random() * 0.5), undefined, { signal });
    }
  }
}
