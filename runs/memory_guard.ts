/** Says when memory is too short for another run, before the kernel ends processes for it. */

import { type Clock, systemClock } from "../storage/clock.ts";
import type { MemoryReading } from "./cgroup.ts";

/** Parts of the limit: at the first runs are refused, below the second they are let in again. */
const REFUSE_PART = 0.85;
const RESUME_PART = 0.75;

/** Milliseconds between two readings, at least: workers tell once a second what they take. */
const READING_MS = 500;

/**
 * Bytes that a run is taken to need, until a reading shows what it does: those of a workbook, of which 32
 * take 8 MB each. A burst of requests comes between two readings.
 */
const RUN_BYTES = 8 * 1024 * 1024;

/** Milliseconds after its start for which a run counts so: it has begun, and its worker has told of it. */
const STARTING_MS = 2_000;

/** What admission asks before it lets a run in. */
export interface MemoryGuard {
  /** Whether there is too little for another run. */
  readonly short: boolean;
  /** Counts a run that is let in; what it gives is called once the run has ended, which then counts no more. */
  begin(): () => void;
}

/** A guard, and what it knows. */
export interface WatchedMemory extends MemoryGuard {
  /** What is taken and what may be; absent where it is not known. */
  readonly reading: MemoryReading | undefined;
}

/**
 * Makes a guard. It looks when it is asked, so that it costs an idle server nothing.
 *
 * @param read tells what is taken, and what may be; undefined where it is not known
 * @param onChange called each time that runs begin or cease to be refused
 */
export function createMemoryGuard(
  read: () => MemoryReading | undefined,
  onChange: (short: boolean, reading: MemoryReading) => void = () => {},
  clock: Clock = systemClock,
): WatchedMemory {
  /** The runs that no reading shows yet, by when they began, the oldest first. */
  const begun = new Set<{ readonly at: number }>();
  let short = false;
  let reading: MemoryReading | undefined;
  let readAt = -Infinity;

  function look(): void {
    const now = clock.now();
    for (const run of begun) {
      if (now - run.at < STARTING_MS) break;
      begun.delete(run);
    }
    if (now - readAt >= READING_MS) {
      reading = read();
      readAt = now;
    }
    const before = short;
    if (!reading) short = false;
    else {
      const used = reading.used + begun.size * RUN_BYTES;
      short = used >= reading.limit * (short ? RESUME_PART : REFUSE_PART);
      if (short !== before) onChange(short, reading);
    }
  }

  return {
    get short() {
      look();
      return short;
    },
    begin() {
      const run = { at: clock.now() };
      begun.add(run);
      return () => void begun.delete(run);
    },
    get reading() {
      look();
      return reading;
    },
  };
}
