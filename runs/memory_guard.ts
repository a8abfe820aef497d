/** Says which part of the memory is taken, before the kernel ends processes for it. */

import { type Clock, systemClock } from "../storage/clock.ts";
import type { MemoryReading } from "./cgroup.ts";

/** Milliseconds between two readings, at least: workers tell once a second what they take. */
const READING_MS = 500;

/**
 * Bytes that a run is taken to need, until a reading shows what it does: those of a workbook, of which 32
 * take 8 MB each. A burst of requests comes between two readings.
 */
const RUN_BYTES = 8 * 1024 * 1024;

/** Milliseconds after its start for which a run counts so: it has begun, and its worker has told of it. */
const STARTING_MS = 2_000;

/** Who counts the runs that begin, as no reading shows them yet. */
export interface MemoryGuard {
  /** Counts a run that is let in; what it gives is called once the run has ended, which then counts no more. */
  begin(): () => void;
}

/** A guard, and what it knows. */
export interface WatchedMemory extends MemoryGuard {
  /** What is taken and what may be; absent where it is not known. */
  readonly reading: MemoryReading | undefined;
  /** The part of what may be taken that is, with the runs that have just begun; absent where it is not known. */
  readonly used: number | undefined;
}

/**
 * Makes a guard. It looks when it is asked, so that it costs an idle server nothing.
 *
 * @param read tells what is taken, and what may be; undefined where it is not known
 */
export function createMemoryGuard(
  read: () => MemoryReading | undefined,
  clock: Clock = systemClock,
): WatchedMemory {
  /** The runs that no reading shows yet, by when they began, the oldest first. */
  const begun = new Set<{ readonly at: number }>();
  let reading: MemoryReading | undefined;
  let readAt = -Infinity;

  function look(): MemoryReading | undefined {
    const now = clock.now();
    for (const run of begun) {
      if (now - run.at < STARTING_MS) break;
      begun.delete(run);
    }
    if (now - readAt >= READING_MS) {
      reading = read();
      readAt = now;
    }
    return reading;
  }

  return {
    get reading() {
      return look();
    },
    get used() {
      const seen = look();
      return seen && (seen.used + begun.size * RUN_BYTES) / seen.limit;
    },
    begin() {
      const run = { at: clock.now() };
      begun.add(run);
      return () => void begun.delete(run);
    },
  };
}
