/** One run: a slot, a worker and a body that is either the whole file or an error. */

import type { Caps } from "../access/principal.ts";
import type { Warning } from "../exporters/warnings.ts";
import { type Clock, systemClock } from "../storage/clock.ts";
import { SpillBuffer, type SpillOptions } from "../storage/spill_buffer.ts";
import { type Admission, AdmissionError } from "./admission.ts";
import type { RunTask, TaskColumns } from "./protocol.ts";
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
  /** Tells it from other errors in a log. */
  override readonly name = "RunTimeoutError";
}

/** A run took more than its caller may have. */
export class RunLimitError extends Error {
  /** Tells it from other errors in a log. */
  override readonly name = "RunLimitError";
  /** Which of the caller's limits it was. */
  readonly limit: "bytes" | "duration";

  /** Takes the limit, and says what it is. */
  constructor(limit: RunLimitError["limit"], message: string) {
    super(message);
    this.limit = limit;
  }
}

/** Who a run is for, and why. */
export interface RunOwner {
  /** Who asked, as logs name it. */
  readonly principal: string;
  /** Whose data it is; absent: no tenant's. */
  readonly tenant?: string;
  /** Why, in the words of who asked. */
  readonly reason?: string;
}

/** How a run ended; what a receipt and a log line are made of. */
export interface RunReport {
  /** The run's id, which its caller knows as `Export-Id`. */
  readonly id: string;
  /** `complete` only where the source ended, the tail was written and the reader took all of it. */
  readonly state: "complete" | "failed" | "cancelled";
  /** Rows that the source is known to have given. */
  readonly rows: number;
  /** Bytes that the reader took. */
  readonly bytes: number;
  /** Milliseconds from the start to the first chunk; absent where there was none. */
  readonly firstByte?: number;
  /** Milliseconds from the start to the end. */
  readonly duration: number;
  /** What the format could not hold as it was; known of complete runs. */
  readonly warnings: readonly Warning[];
  /** The columns of each table; known of complete runs. */
  readonly columns?: readonly TaskColumns[];
  /** Whether some of it waited on the disk for its reader. */
  readonly spilled: boolean;
  /** What it failed of. */
  readonly error?: Error;
  /** The address of the client that asked for it. */
  readonly client?: string;
  /** Who it is for; absent where the server itself asked. */
  readonly owner?: RunOwner;
  /** The exports that end before their rows do, as they may have no more. @default none */
  readonly truncated?: readonly string[];
}

/** A run whose first chunk exists. */
export interface Run {
  /** The run's id. */
  readonly id: string;
  /** The file. An error after its first byte errors it; cancelling it cancels the run. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The exports that are known by now to end before their rows do. @default none */
  readonly truncated?: readonly string[];
}

/** What runs wait for. */
export interface Contention {
  /** Whether some do. */
  readonly contended: boolean;
  /** Has a listener called each time that one begins to; what it returns takes that back. */
  onContended(listener: () => void): () => void;
}

/** Who runs tasks: a pool of workers does. */
export interface TaskRunner extends Contention {
  /** Starts a task, of the run with that id. */
  start(
    task: RunTask,
    run: string,
  ):
    & Pick<RunningTask, "chunks" | "ended" | "rows" | "heard" | "waiting">
    & Partial<Pick<RunningTask, "truncated">>;
}

/** What runs need of their server. */
export interface RunDependencies {
  /** The slots. */
  readonly admission: Admission;
  /** The workers. */
  readonly pool: TaskRunner;
  /** How long a run may take. */
  readonly limits: RunLimits;
  /** Where the file waits for a reader that falls behind, and how long it may. */
  readonly spill?: Pick<SpillOptions, "spool" | "spillAfter" | "spillRate" | "stallTimeout">;
  /** Told once of every run that got a slot, when everything it held has come back. */
  readonly onEnd: (report: RunReport, task: RunTask) => void;
  /** What tells the time. @default the system's */
  readonly clock?: Clock | undefined;
}

/** Starts a run; see {@linkcode createRuns}. */
export type StartRun = (id: string, task: RunTask, options?: RunOptions) => Promise<Run>;

/** How to run. */
export interface RunOptions {
  /** Aborted by a caller that leaves before it has a body that it could cancel. */
  readonly abandoned?: AbortSignal;
  /**
   * Whether the caller takes the whole file before it answers: `abandoned` counts to the end then, and
   * nothing is spilled, as the file goes to the disk anyway. @default false
   */
  readonly whole?: boolean;
  /** The address of the client that asks for it, for the report. */
  readonly client?: string | undefined;
  /** Who it is for, for the report. */
  readonly owner?: RunOwner | undefined;
  /** How much it may take. @default what the server's limits allow */
  readonly caps?: Pick<Caps, "maxBytes" | "maxDuration">;
}

/** Milliseconds between two looks at a run's limits. */
const WATCH_MS = 250;

/** Bytes in memory between worker and reader; the worker's own window comes on top. */
const MEMORY_BYTES = 512 * 1024;

/**
 * The part of `run`, the limit, for which a worker may have to wait for its client in all. Then the run
 * spills, however fast the client is: the worker could not end in time otherwise, and the limit would break
 * a download that nothing is wrong with.
 */
const HELD_UP_SHARE = 1 / 10;

/**
 * Makes the function that starts runs. It resolves once the first chunk exists, so that whatever fails
 * before that is a plain rejection: an `AdmissionError`, a `TaskError`, a {@linkcode RunTimeoutError},
 * or the reason of `abandoned`, the signal of a caller that leaves early.
 */
export function createRuns(
  {
    admission,
    pool,
    limits,
    spill: { spool, ...pace } = {},
    onEnd,
    clock = systemClock,
  }: RunDependencies,
): StartRun {
  const watch = watchTogether(clock);
  return async (id, task, { abandoned, whole = false, client, owner, caps = {} } = {}) => {
    const { maxBytes, maxDuration = Infinity } = caps;
    const slot = admission.acquire();
    const started = clock.now();
    let running: ReturnType<TaskRunner["start"]>;
    try {
      running = pool.start(task, id);
    } catch (error) {
      // No descriptor or no memory left for another process.
      slot.release();
      throw error;
    }
    let firstByte: number | undefined;
    let bytes = 0;
    const tooLarge = () =>
      buffer.abort(
        new RunLimitError(
          "bytes",
          `The file has more than the ${maxBytes} bytes that you may have`,
        ),
      );
    const chunks = maxBytes === undefined
      ? running.chunks
      : limitBytes(running.chunks, maxBytes, tooLarge);
    const buffer = new SpillBuffer(chunks, {
      ...pace,
      ...(spool && !whole ? { spool } : {}),
      memoryBytes: MEMORY_BYTES,
      maxHeldUp: Math.min(limits.run, maxDuration) * HELD_UP_SHARE,
      contended: () => admission.contended || pool.contended,
      clock,
      onTake: (taken) => bytes += taken,
    });
    void buffer.begun.then(() => firstByte = clock.now() - started, () => {});

    // When the worker was last heard of, by the clock of this run; the worker's own may be another.
    let heardAt = started;
    let heard = running.heard;
    let beganAt: number | undefined;
    const look = () => {
      const now = clock.now();
      if (running.heard !== heard) {
        heard = running.heard;
        heardAt = now;
      }
      if (!running.waiting) beganAt ??= now;
      // No worker was free for as long as a source has for its first row.
      else if (now - started > limits.firstRow) return buffer.abort(new AdmissionError("full"));
      if (now - started > maxDuration) {
        return buffer.abort(
          new RunLimitError(
            "duration",
            `The export took longer than the ${maxDuration} ms that it may take for you`,
          ),
        );
      }
      const late = now - started > limits.run
        ? `The run took longer than ${limits.run} ms`
        : firstByte === undefined && beganAt !== undefined && now - beganAt > limits.firstRow
        ? `The source gave no row within ${limits.firstRow} ms`
        : buffer.asking && now - heardAt > limits.sourceIdle
        ? `The source gave nothing for ${limits.sourceIdle} ms`
        : undefined;
      if (late) buffer.abort(new RunTimeoutError(late));
    };
    look();
    const stopWatching = watch(look);
    const listening = [admission, pool].map((one) => one.onContended(() => buffer.look()));
    const onAbandoned = () => buffer.abort(abandoned!.reason);
    abandoned?.addEventListener("abort", onAbandoned);
    if (abandoned?.aborted) onAbandoned();

    void running.ended.then(async (outcome) => {
      stopWatching();
      listening.forEach((stop) => stop());
      if (outcome.state === "failed") buffer.abort(outcome.error);
      // A slot is for a run that works. What its client has not taken waits in memory or on the disk; where
      // neither has room, the slot is kept until one of them has, or the client took or left it.
      buffer.takeAll();
      await buffer.sourceEnded;
      if (!slot.exchange(buffer.memoryBytes)) buffer.spillAll();
      await buffer.memoryFreed;
      slot.release();
      const delivery = await buffer.over;
      await buffer.released;
      const failure = delivery.state === "failed" ? delivery.error : undefined;
      const left = failure !== undefined && failure === abandoned?.reason;
      onEnd({
        id,
        state: left ? "cancelled" : delivery.state,
        rows: running.rows,
        bytes,
        ...(firstByte === undefined ? {} : { firstByte }),
        duration: clock.now() - started,
        warnings: outcome.state === "complete" ? outcome.end.warnings : [],
        ...(outcome.state === "complete" && outcome.end.columns
          ? { columns: outcome.end.columns }
          : {}),
        spilled: buffer.spilled,
        ...(failure && !left ? { error: failure } : {}),
        ...(client === undefined ? {} : { client }),
        ...(owner === undefined ? {} : { owner }),
        ...(running.truncated?.length ? { truncated: running.truncated } : {}),
      }, task);
    });

    const forget = () => abandoned?.removeEventListener("abort", onAbandoned);
    void (whole ? buffer.over : buffer.begun).then(forget, forget);
    await buffer.begun;
    return {
      id,
      body: buffer.readable,
      get truncated() {
        return running.truncated ?? [];
      },
    };
  };
}

/** Passes chunks on, and no more of them once they are more bytes than there may be. */
function limitBytes(
  chunks: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
  onMore: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = chunks.getReader();
  let bytes = 0;
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      bytes += value.length;
      if (bytes > maxBytes) onMore();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** Makes the function that has runs looked at until they end, all by one timer: one each takes 4 us. */
function watchTogether(clock: Clock): (look: () => void) => () => void {
  const looks = new Set<() => void>();
  let stop = () => {};
  function start(): void {
    stop = clock.after(WATCH_MS, () => {
      looks.forEach((look) => look());
      if (looks.size > 0) start();
    });
  }
  return (look) => {
    if (looks.size === 0) start();
    looks.add(look);
    return () => {
      looks.delete(look);
      if (looks.size === 0) stop();
    };
  };
}
