/** How long a run may take, and which of its steps took too long. */

import { AdmissionError } from "./admission.ts";
import type { RunningTask } from "./running_task.ts";

/** Milliseconds that a run may take, as a whole and for its steps. */
export interface RunLimits {
  /** Until the first chunk, which holds the first rows. */
  readonly firstRow: number;
  /** Between two signs of life of a source that is being read. */
  readonly sourceIdle: number;
  /** From start to end. */
  readonly run: number;
}

/** A run took longer than one of its limits. */
export class RunTimeoutError extends Error {
  override readonly name = "RunTimeoutError";
}

/** A run whose time is looked at. */
export interface TimedRun {
  /** When it started. */
  readonly started: number;
  /** Its task. */
  readonly running: Pick<RunningTask, "heard" | "waiting">;
  /** Whether its first chunk is there. */
  readonly hasBegun: () => boolean;
  /** Whether its source is being read. */
  readonly isRead: () => boolean;
}

/** Makes the function that tells, each time it is called, the limit that a run has exceeded by then. */
export function createLimitCheck(
  limits: RunLimits,
  { started, running, hasBegun, isRead }: TimedRun,
): (now: number) => Error | undefined {
  // When the worker was last heard of, by the clock of this run; the worker's own may be another.
  let heardAt = started;
  let heard = running.heard;
  let beganAt: number | undefined;
  return (now) => {
    if (running.heard !== heard) {
      heard = running.heard;
      heardAt = now;
    }
    if (!running.waiting) beganAt ??= now;
    // No worker was free for as long as a source has for its first row.
    else if (now - started > limits.firstRow) return new AdmissionError("full");
    if (now - started > limits.run) {
      return new RunTimeoutError(`The run took longer than ${limits.run} ms`);
    }
    if (!hasBegun() && beganAt !== undefined && now - beganAt > limits.firstRow) {
      return new RunTimeoutError(`The source gave no row within ${limits.firstRow} ms`);
    }
    if (isRead() && now - heardAt > limits.sourceIdle) {
      return new RunTimeoutError(`The source gave nothing for ${limits.sourceIdle} ms`);
    }
    return undefined;
  };
}
