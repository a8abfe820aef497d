/** What a run waited for, and when it came how far. */

import type { TaskTimes } from "./protocol.ts";
import type { TaskSteps } from "./running_task.ts";

/** Milliseconds that a run took, by what it waited for; its worker's own are not known where that died of it. */
export interface RunTimes extends Partial<TaskTimes> {
  /** For a worker that was free. */
  readonly worker: number;
  /** For its client: while that took too little for the worker to go on, and when the worker was done. */
  readonly client: number;
}

/** When a run came how far, in milliseconds from its start. */
export interface RunSteps extends TaskSteps {
  /** Its worker was done with it. */
  readonly worked: number;
}

/** Times of a run, by the clock of the server. */
export interface Moments {
  /** It had its slot. */
  readonly started: number;
  /** Its worker had had its last word. */
  readonly worked: number;
  /** Its client had everything, or would not have it. */
  readonly ended: number;
}

/** Adds up what is known of a run and of its task. */
export function runTimes(
  { times, steps = {} }: { readonly times?: TaskTimes | undefined; readonly steps?: TaskSteps },
  { started, worked, ended }: Moments,
): { readonly times: RunTimes; readonly steps: RunSteps } {
  const since = (time: number | undefined) => time === undefined ? undefined : time - started;
  return {
    times: {
      ...times,
      worker: (steps.begun ?? worked) - started,
      client: (times?.client ?? 0) + ended - worked,
    },
    steps: {
      begun: since(steps.begun),
      opened: since(steps.opened),
      firstRow: since(steps.firstRow),
      worked: worked - started,
    },
  };
}
