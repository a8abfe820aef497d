/** A clock for what is kept, whose time is the test's. */

import type { Clock } from "../../sources/connection_cache.ts";

/** A clock, and how its time passes. */
export interface OwnClock {
  readonly clock: Clock;
  /** Lets time pass, and what is due happen. */
  pass(milliseconds: number): void;
}

/** Makes a clock that stands still. */
export function createClock(): OwnClock {
  let now = 0;
  let calls: { readonly at: number; readonly call: () => void }[] = [];
  return {
    clock: {
      now: () => now,
      after: (milliseconds, call) => void calls.push({ at: now + milliseconds, call }),
    },
    pass(milliseconds) {
      now += milliseconds;
      const due = calls.filter(({ at }) => at <= now);
      calls = calls.filter(({ at }) => at > now);
      for (const { call } of due) call();
    },
  };
}
