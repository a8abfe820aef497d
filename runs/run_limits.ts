/** How long a run may take, and which of its steps took too long. */

import { AdmissionError } from "./admission_error.ts";
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

/** A run took more than its caller may have. */
export class RunLimitError extends Error {
  override readonly name = "RunLimitError";
  /** Which of the caller's limits it was. */
  readonly limit: "bytes" | "duration";

  /** Takes the limit, and says what it is. */
  constructor(limit: RunLimitError["limit"], message: string) {
    super(message);
    this.limit = limit;
  }
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
  /** Milliseconds that it may take for its caller. @default as long as any */
  readonly maxDuration?: number | undefined;
}

/** Makes the function that tells, each time it is called, the limit that a run has exceeded by then. */
export function createLimitCheck(
  limits: RunLimits,
  { started, running, hasBegun, isRead, maxDuration = Infinity }: TimedRun,
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
    if (now - started > maxDuration) {
      const message = `The export took longer than the ${maxDuration} ms that it may take for you`;
      return new RunLimitError("duration", message);
    }
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

/**
 * Passes chunks on, and none any more once they are more bytes than there may be.
 *
 * @param onMore told of that
 */
export function limitBytes(
  chunks: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
  onMore: (error: RunLimitError) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = chunks.getReader();
  let bytes = 0;
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      bytes += value.length;
      if (bytes <= maxBytes) return controller.enqueue(value);
      const message = `The file has more than the ${maxBytes} bytes that you may have`;
      onMore(new RunLimitError("bytes", message));
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
