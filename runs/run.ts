/** One run: a slot, a worker and a body that is either the whole file or an error. */

import type { RunRequest } from "../requests/run_request.ts";
import { type Clock, systemClock } from "../storage/clock.ts";
import { createDigest } from "../storage/digest.ts";
import { type Delivery, SpillBuffer, type SpillOptions } from "../storage/spool/spill_buffer.ts";
import type { Admission, Slot } from "./admission.ts";
import type { ObservedRun, RunObserver, RunReport } from "./observer.ts";
import type { RunTask } from "./protocol.ts";
import type { RunDelivery } from "./receipt.ts";
import type { Outlet } from "./resumptions.ts";
import { createLimitCheck, limitBytes, type RunLimits } from "./run_limits.ts";
import type { RunningTask, TaskOutcome } from "./running_task.ts";
import { runTimes } from "./run_times.ts";
import { shareOf } from "./shares.ts";
import { createTicker } from "./ticker.ts";

/** A run whose first chunk exists. */
export interface Run {
  /** The run's id. */
  readonly id: string;
  /** The file. An error after its first byte errors it; cancelling it cancels the run. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The exports that are known by now to end before their rows do. @default none */
  readonly truncated?: readonly string[];
  /** What became of it, once everything that it held has come back; never rejects. @default not known */
  readonly ended?: Promise<RunReport>;
}

/** A run whose caller does not want it any more, and has said so. */
export class CancelledError extends Error {
  override readonly name = "CancelledError";

  constructor() {
    super("The run was cancelled");
  }
}

/** What runs wait for. */
export interface Contention {
  /** Whether some do. */
  readonly contended: boolean;
  /** Has a listener called each time that one begins to; what it returns takes that back. */
  onContended(listener: () => void): () => void;
}

/** A task, as far as its run needs it. */
export type StartedTask =
  & Pick<RunningTask, "chunks" | "ended" | "rows" | "heard" | "waiting">
  & Partial<Pick<RunningTask, "truncated" | "times" | "steps">>;

/** Who runs tasks: a pool of workers does. */
export interface TaskRunner extends Contention {
  /** Starts a task, of the run with that id. */
  start(task: RunTask, run: string): StartedTask;
}

/** What runs need of their server. */
export interface RunDependencies {
  /** The slots. */
  readonly admission: Admission;
  /** The workers. */
  readonly pool: TaskRunner;
  /** How long a run may take. */
  readonly limits: RunLimits;
  /** How much of the slots a run takes. @default 1 */
  readonly weigh?: (task: RunTask) => number;
  /** What clients are told from each other by, of their addresses. @default the whole address */
  readonly clientKey?: (address: string) => string;
  /** Where the file waits for a reader that falls behind, and how long it may. */
  readonly spill?: Pick<SpillOptions, "spool" | "spillAfter" | "spillRate" | "stallTimeout">;
  /** What observes each run. @default nothing */
  readonly observers?: readonly RunObserver[];
  /** The time. @default the system's */
  readonly clock?: Clock | undefined;
}

/** Starts a run; see {@linkcode createRuns}. */
export type StartRun = (id: string, task: RunTask, options?: RunOptions) => Promise<Run>;

/** How to run. */
export interface RunOptions {
  /** Aborted by a caller that cancels before it has a body that it could cancel. */
  readonly signal?: AbortSignal;
  /**
   * Whether the caller takes the whole file before it answers: `signal` counts to the end then, and
   * nothing is spilled, as the file goes to the disk anyway. @default false
   */
  readonly whole?: boolean;
  /** How the file gets to who asked, for observers. @default "direct" */
  readonly delivery?: RunDelivery;
  /**
   * What the task was made of: how much it may take, and its tenant, whose share of the spool is what may be
   * spilled.
   */
  readonly request?: RunRequest | undefined;
  /** The address of the client that asks for it, for observers. */
  readonly client?: string | undefined;
  /**
   * Stands between the file and its client, and tells what became of it: one that keeps it for a client that
   * comes back. @default the client reads it as it is made
   */
  readonly outlet?: ((file: Run["body"]) => Outlet) | undefined;
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
 * before that is a plain rejection: an `AdmissionError`, a `TaskError`, a `RunTimeoutError`, or the reason
 * of the `signal` of a caller that cancels early.
 */
export function createRuns(dependencies: RunDependencies): StartRun {
  const { admission, pool, limits, spill: { spool, ...pace } = {} } = dependencies;
  const { observers = [], clock = systemClock } = dependencies;
  const { weigh = () => 1, clientKey = (address) => address } = dependencies;
  const tick = createTicker(WATCH_MS, clock);
  const digests = observers.some(({ digests }) => digests);
  const watchers = observers.filter(({ progress }) => progress);

  return async (id, task, options = {}) => {
    const { signal, whole = false, delivery: kind = "direct", request, client } = options;
    const address = client === undefined ? undefined : clientKey(client);
    const slot = await admission.acquire({
      weight: weigh(task),
      share: shareOf(request?.principal, address),
      tenant: tenantOf(request),
      address,
      signal,
    });
    const started = clock.now();
    const running = startTask(pool, id, traced(task, request), slot);
    const run: ObservedRun = {
      id,
      task,
      startedAt: new Date(),
      waited: slot.waited,
      ...(request ? { request } : {}),
      ...(client === undefined ? {} : { client }),
      delivery: kind,
      cancel: () => abort(new CancelledError()),
    };
    const ready = Promise.all(observers.map((observer) => observer.started?.(run)));
    ready.catch((error) => buffer.abort(error));

    let firstByte: number | undefined;
    let bytes = 0;
    // The store makes one of a whole file.
    const digest = digests && !whole ? createDigest() : undefined;
    const { maxBytes, maxDuration = Infinity } = request?.caps ?? {};
    const chunks = maxBytes === undefined
      ? running.chunks
      : limitBytes(running.chunks, maxBytes, (error) => buffer.abort(error));
    const buffer: SpillBuffer = new SpillBuffer(chunks, {
      ...pace,
      ...(spool && !whole ? { spool } : {}),
      tenant: tenantOf(request),
      memoryBytes: MEMORY_BYTES,
      maxHeldUp: Math.min(limits.run, maxDuration) * HELD_UP_SHARE,
      contended: () => admission.contended || pool.contended,
      clock,
      onTake: (chunk) => {
        bytes += chunk.length;
        digest?.update(chunk);
      },
    });
    const outlet = options.outlet?.(buffer.readable);
    const abort = (error: Error) => {
      buffer.abort(error);
      outlet?.abort(error);
    };
    void buffer.begun.then(() => firstByte = clock.now() - started, () => {});

    const exceeded = createLimitCheck(limits, {
      started,
      running,
      hasBegun: () => firstByte !== undefined,
      isRead: () => buffer.asking,
      maxDuration,
    });
    const look = () => {
      const error = exceeded(clock.now());
      if (error) buffer.abort(error);
    };
    look();
    const stops = [
      tick(look),
      ...[admission, pool].map((one) => one.onContended(() => buffer.look())),
    ];
    abortWith(signal, buffer, whole ? buffer.over : buffer.begun);
    const stopProgress = watchers.length === 0
      ? undefined
      : tick(onChange(() => ({ rows: running.rows, bytes }), (progress) => {
        for (const observer of watchers) observer.progress?.(progress, run);
      }));

    const ended = running.ended.then(async (outcome) => {
      stops.forEach((stop) => stop());
      const worked = clock.now();
      const given = await deliver(buffer, slot, outcome);
      const sha256 = given.state === "complete" ? digest?.finish() : undefined;
      const delivery = given.state === "complete" && outlet
        ? await outlet.delivered(sha256)
        : given;
      stopProgress?.();
      const ended = clock.now();
      const report: RunReport = {
        id,
        ...stateOf(delivery, signal),
        rows: running.rows,
        bytes,
        ...(firstByte === undefined ? {} : { firstByte }),
        duration: ended - started,
        ...runTimes(running, { started, worked, ended }),
        ...endOf(outcome),
        spilled: buffer.spilled,
        ...(sha256 !== undefined && delivery.state === "complete" ? { sha256 } : {}),
        ...(running.truncated?.length ? { truncated: running.truncated } : {}),
      };
      for (const observer of observers) observer.ended?.(report, run);
      return report;
    });

    await Promise.all([buffer.begun, ready]);
    return {
      id,
      body: outlet?.readable ?? buffer.readable,
      ended,
      get truncated() {
        return running.truncated ?? [];
      },
    };
  };
}

/** Hands a task to the workers; where none can be started, as there are no descriptors or no memory, without the slot. */
function startTask(pool: TaskRunner, id: string, task: RunTask, slot: Slot): StartedTask {
  try {
    return pool.start(task, id);
  } catch (error) {
    slot.release();
    throw error;
  }
}

/** A task that belongs to the trace of its request. */
function traced(task: RunTask, { traceparent }: Partial<RunRequest> = {}): RunTask {
  return traceparent === undefined ? task : { ...task, traceparent };
}

/** Whose share of the disk a run takes. */
export function tenantOf(request: RunRequest | undefined): string | undefined {
  return request?.principal.tenant;
}

/** Aborts a buffer with the reason of a signal, until a promise has settled. */
function abortWith(
  signal: AbortSignal | undefined,
  buffer: SpillBuffer,
  until: Promise<unknown>,
): void {
  if (!signal) return;
  const abort = () => buffer.abort(signal.reason);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  const forget = () => signal.removeEventListener("abort", abort);
  void until.then(forget, forget);
}

/** Makes a function that passes a value on each time that it is called and finds another one. */
function onChange<Value extends object>(
  read: () => Value,
  pass: (value: Value) => void,
): () => void {
  let last = JSON.stringify(read());
  return () => {
    const value = read();
    const text = JSON.stringify(value);
    if (text === last) return;
    last = text;
    pass(value);
  };
}

/**
 * Waits until the reader has what a task made, or will not have it, and everything has come back.
 *
 * A slot is for a run that works. What its client has not taken waits in memory or on the disk; where neither
 * has room, the slot is kept until one of them has, or the client has taken it or cancelled.
 */
async function deliver(buffer: SpillBuffer, slot: Slot, outcome: TaskOutcome): Promise<Delivery> {
  if (outcome.state === "failed") buffer.abort(outcome.error);
  buffer.takeAll();
  await buffer.sourceEnded;
  if (!slot.exchange(buffer.memoryBytes)) buffer.spillAll();
  await buffer.memoryFreed;
  slot.release();
  const delivery = await buffer.over;
  await buffer.released;
  return delivery;
}

/** A run whose caller has cancelled has not failed. */
function stateOf(
  delivery: Delivery,
  signal: AbortSignal | undefined,
): Pick<RunReport, "state" | "error"> {
  if (delivery.state !== "failed") return { state: delivery.state };
  const { error } = delivery;
  const cancelled = error === signal?.reason || error instanceof CancelledError;
  return cancelled ? { state: "cancelled" } : { state: "failed", error };
}

function endOf(
  outcome: TaskOutcome,
): Pick<RunReport, "warnings" | "columns" | "file" | "highest"> {
  if (outcome.state !== "complete") return { warnings: [] };
  const { warnings, columns, file, highest } = outcome.end;
  return {
    warnings,
    ...(columns ? { columns } : {}),
    ...(file ? { file } : {}),
    ...(highest ? { highest } : {}),
  };
}
