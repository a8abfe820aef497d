/** Has the runs of schedules begin: each slot once, and of those that were missed the last one. */

import { type Clock, systemClock } from "../../storage/clock.ts";
import type { Slots } from "../../table/cron.ts";
import type { Ledger } from "../ledger/ledger.ts";

/** When something is to run. */
export interface Schedule {
  /** Its name. */
  readonly name: string;
  /** What its slots are made of: with another one it begins anew. */
  readonly pattern: string;
  /** When. */
  readonly slots: Slots;
}

/** What a scheduler needs of its server. */
export interface SchedulerOptions {
  /** Where it stands which slots were taken. */
  readonly ledger: Pick<Ledger, "scheduled" | "taken">;
  /**
   * Has a slot's run begin. It is asked again for a slot where it failed, or the server ended meanwhile: that both
   * are one run is its part.
   */
  readonly run: (name: string, slot: Date) => Promise<void>;
  /** Called with an error after which it is tried again. */
  readonly onError: (error: unknown, name: string) => void;
  /** What time it is. @default the system's */
  readonly now?: (() => Date) | undefined;
  /** The clock of what waits. @default the system's */
  readonly clock?: Clock;
}

/** The schedules of a server; disposing begins no more runs. */
export interface Scheduler extends AsyncDisposable {
  /** Takes other schedules, and begins what is due. */
  configure(schedules: readonly Schedule[]): void;
}

/** Milliseconds until the time is looked at again, which may have been set meanwhile. */
const MAX_WAIT_MS = 60_000;

/** Milliseconds until what failed is tried again. */
const RETRY_MS = 15_000;

/** Makes a scheduler that has no schedules yet. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { ledger, run, onError, now = () => new Date(), clock = systemClock } = options;
  let schedules: readonly Schedule[] = [];
  let working: Promise<void> | undefined;
  let again = false;
  let closed = false;
  let stopTimer: (() => void) | undefined;

  function wake(): void {
    stopTimer?.();
    if (working) again = true;
    else if (!closed) working = work().finally(() => working = undefined);
  }

  async function work(): Promise<void> {
    do {
      again = false;
      let wait = schedules.length === 0 ? Infinity : MAX_WAIT_MS;
      for (const schedule of schedules) {
        if (closed) return;
        wait = Math.min(wait, await begin(schedule));
      }
      if (!again && !closed && wait < Infinity) stopTimer = clock.after(wait, wake);
    } while (again);
  }

  /** Begins the last slot that is due; the milliseconds until the next one. */
  async function begin({ name, pattern, slots }: Schedule): Promise<number> {
    const time = now();
    try {
      const slot = slots.last(time);
      const taken = await ledger.scheduled(name, pattern, time);
      if (slot && slot > taken) {
        await run(name, slot);
        await ledger.taken(name, slot);
      }
    } catch (error) {
      onError(error, name);
      return RETRY_MS;
    }
    const next = slots.next(time)?.getTime() ?? Infinity;
    return Math.max(next - now().getTime(), 0);
  }

  return {
    configure(changed) {
      schedules = changed;
      wake();
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      stopTimer?.();
      await working;
    },
  };
}
