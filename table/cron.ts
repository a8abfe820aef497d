/** Reads cron expressions, and computes the slots that they name on the wall clock of a time zone. */

import { Cron } from "croner";

/** The moments that a cron expression names. */
export interface Slots {
  /** The first one after a moment. */
  next(after: Date): Date | undefined;
  /** The last one until a moment, that one included. */
  last(until: Date): Date | undefined;
}

/**
 * Reads five fields (minute, hour, day, month, day of the week), or a word such as `@daily`.
 *
 * Where the hour is skipped, a time of the day comes at the end of the gap; where it is there twice, at the
 * first of the two. What has a `*` or a step among its minutes and hours goes on through both.
 *
 * @param zone an IANA time zone
 * @returns nothing, where the text is no such expression, or names no moment at all
 */
export function parseCron(text: string, zone: string): Slots | undefined {
  let cron: Cron;
  try {
    cron = new Cron(text, {
      paused: true,
      timezone: zone,
      mode: "5-part",
      fixedTimeRule: "no-wildcard",
    });
    if (!cron.nextRun()) return undefined;
  } catch {
    return undefined;
  }
  return {
    next: (after) => cron.nextRun(after) ?? undefined,
    last: (until) => cron.previousRuns(1, new Date(until.getTime() + 1))[0],
  };
}
