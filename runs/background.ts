/** Runs that no client waits for: they wait for their turn, are kept, and are fetched later. */

import type { RunRequest } from "../requests/run_request.ts";
import { type Clock, systemClock } from "../storage/clock.ts";
import { settlesWithin } from "../storage/settles_within.ts";
import { AdmissionError } from "./admission_error.ts";
import { FairQueue } from "./fair_queue.ts";
import type { IdempotencyKey, LedgerRow } from "./ledger/ledger.ts";
import type { RunTask } from "./protocol.ts";
import type { RunSchedule } from "./receipt.ts";
import { type Receipts, toRow } from "./receipts.ts";
import { CancelledError, type StartRun } from "./run.ts";
import { InterruptedError, OutdatedRequestError } from "./run_problem.ts";
import { shareOf } from "./shares.ts";
import type { WholeFiles } from "./whole_files.ts";

/** A run that is to be made in the background. */
export interface BackgroundRun {
  /** Runs it, by the configuration that it was asked of. */
  readonly startRun: StartRun;
  /** What it does. */
  readonly task: RunTask;
  /** What it was made of. */
  readonly request: RunRequest;
  /** The key of its request: a second one of the same joins it. @default none does */
  readonly key?: string;
  /** Where its end is told of. @default nowhere */
  readonly notify?: string;
  /** The schedule that it is of. @default none */
  readonly schedule?: RunSchedule;
  /** The value of `Content-Type`. */
  readonly mediaType: string;
  /** The name to save its file under. */
  readonly filename: string;
  /** The address of the client that asked for it, for observers. */
  readonly client?: string | undefined;
}

/** How many background runs there may be, and for how long their files are kept. */
export interface BackgroundLimits {
  /** How many run at once. */
  readonly concurrent: number;
  /** How many may wait. */
  readonly maxQueued: number;
  /** Milliseconds for which a file is kept. */
  readonly keep: number;
}

/** What background runs need of their server. */
export interface BackgroundOptions extends BackgroundLimits {
  /** Makes the files. */
  readonly files: Pick<WholeFiles, "make">;
  /** What is told of each. */
  readonly receipts: Receipts;
  /** The id of this server. */
  readonly server: string;
  /**
   * Makes a run anew of what the ledger has of it.
   *
   * @throws {Error} where what it asks for is not there any more, or not for its caller
   */
  readonly prepare: (row: LedgerRow) => BackgroundRun;
  /** Called with an error that is the server's own fault. */
  readonly onError: (error: unknown) => void;
  /** The time of receipts. @default the system's */
  readonly now?: (() => Date) | undefined;
  /** The clock of what is tried again. @default the system's */
  readonly clock?: Clock | undefined;
}

/** The background runs of a server. */
export interface Background {
  /**
   * Takes a run on; it is written down when this resolves. What it gives is the run of the same idempotency
   * key, or an equal one that has not ended, where there is such a one.
   *
   * @throws {AdmissionError} where too many wait
   * @throws {IdempotencyError} where the key was another request's
   * @throws {LedgerError} where it cannot be written down
   */
  submit(id: string, run: BackgroundRun, idempotency?: IdempotencyKey): Promise<LedgerRow>;
  /** Takes runs on that a server left which is gone. */
  resume(rows: readonly LedgerRow[]): Promise<void>;
  /** Takes other limits; what runs goes on. */
  configure(limits: BackgroundLimits): void;
  /** Begins no run any more; those that have not ended wait for the next server, or fail where it cannot make them. */
  close(): Promise<void>;
}

/** An idempotency key that another request had. */
export class IdempotencyError extends Error {
  override readonly name = "IdempotencyError";

  constructor() {
    super("This Idempotency-Key was sent with another request");
  }
}

/** Milliseconds until a run that found no slot tries again. */
const RETRY_MS = 500;

/** The part of the runs that may wait which may be of one tenant, so that there is room for those of others. */
const WAITING_SHARE = 1 / 2;

/** Whether the next server could make it: an upload is gone with its server. */
function canBeginAgain({ tables }: RunTask): boolean {
  return tables.every(({ source }) => !source.uploaded);
}

/** A run that has not ended. */
interface Job extends BackgroundRun {
  readonly id: string;
  /** Whose share of the turns it takes. */
  readonly share: string;
  waiting: boolean;
  readonly stop: AbortController;
}

/** Makes the background runs of a server. */
export function createBackground(options: BackgroundOptions): Background {
  const { files, receipts, server, prepare, onError } = options;
  const { now = () => new Date(), clock = systemClock } = options;
  // Who may wait is decided before: what is written down is not taken back for others.
  const queue = new FairQueue<Job>(Infinity);
  const running = new Set<Promise<void>>();
  /** Runs that have not ended, by the keys of their requests. */
  const joinable = new Map<string, { readonly id: string; readonly row: Promise<LedgerRow> }>();
  const jobs = new Map<string, Job>();
  let limits: BackgroundLimits = options;
  let closed = false;

  /** Cancels a run; one that runs is cancelled by what it is run by. */
  function cancel(id: string): void {
    const job = jobs.get(id);
    if (!job) return;
    const error = new CancelledError();
    job.stop.abort(error);
    if (!job.waiting) return;
    queue.delete(job.share, job);
    end(job, error);
  }

  /** Has no request join a run any more. */
  function forget({ key, id }: Pick<Job, "key" | "id">): void {
    if (key !== undefined && joinable.get(key)?.id === id) joinable.delete(key);
  }

  function end(job: Job, error?: unknown): void {
    jobs.delete(job.id);
    forget(job);
    if (error !== undefined) receipts.conclude(job.id, { error });
  }

  /** How many runs of a tenant wait. */
  function waitingOf(tenant: string): number {
    return jobs.values().filter((job) => job.waiting && job.request.principal.tenant === tenant)
      .reduce((count) => count + 1, 0);
  }

  function add(id: string, run: BackgroundRun): void {
    const share = shareOf(run.request.principal, run.client);
    const job: Job = { ...run, id, share, waiting: true, stop: new AbortController() };
    jobs.set(id, job);
    queue.add(share, job);
    next();
  }

  function next(): void {
    while (!closed && running.size < limits.concurrent) {
      const job = queue.next();
      if (!job) return;
      job.waiting = false;
      const stopHolding = queue.hold(job.share, 1);
      const done = work(job).finally(() => {
        running.delete(done);
        stopHolding();
        next();
      });
      running.add(done);
    }
  }

  async function work(job: Job): Promise<void> {
    const { startRun, id, task, mediaType, filename, request, client } = job;
    const { signal } = job.stop;
    try {
      for (;;) {
        try {
          await files.make(
            task,
            {
              startRun,
              id,
              mediaType,
              filename,
              request,
              client,
              signal,
              keep: limits.keep,
              delivery: "background",
            },
            () => Promise.resolve(),
          );
          return end(job);
        } catch (error) {
          if (!(error instanceof AdmissionError)) return end(job, error);
          // It had a slot, but no worker, and has failed.
          if ((await receipts.get(job.id))?.state !== "queued") return end(job);
        }
        await pause(signal);
        if (signal.aborted) return end(job, signal.reason);
      }
    } catch (error) {
      onError(error);
      end(job, error);
    }
  }

  async function pause(signal: AbortSignal): Promise<void> {
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    const abort = () => resolve();
    signal.addEventListener("abort", abort);
    await settlesWithin(aborted, RETRY_MS, clock);
    signal.removeEventListener("abort", abort);
  }

  return {
    async submit(id, run, idempotency) {
      const { key } = run;
      const joined = idempotency || key === undefined ? undefined : joinable.get(key);
      if (joined) {
        const row = await joined.row;
        return await receipts.get(row.id) ?? row;
      }
      if (closed) throw new AdmissionError("draining");
      const { maxQueued } = limits;
      if (queue.length >= maxQueued) throw new AdmissionError("full");
      const { tenant } = run.request.principal;
      if (tenant !== undefined && waitingOf(tenant) >= Math.ceil(maxQueued * WAITING_SHARE)) {
        throw new AdmissionError("tenant");
      }
      const row: LedgerRow = {
        ...toRow(id, run.request, run.task, {
          delivery: "background",
          server,
          at: now().toISOString(),
        }),
        ...(canBeginAgain(run.task) ? { caller: run.request.principal } : {}),
        file: { filename: run.filename, mediaType: run.mediaType },
        ...(idempotency ? { idempotency } : {}),
        ...(run.schedule ? { schedule: run.schedule } : {}),
        ...(run.notify === undefined
          ? {}
          : { notify: { url: run.notify, state: "pending", attempts: [] } }),
      };
      const enqueued = receipts.enqueue(row, () => cancel(id));
      if (key !== undefined && !idempotency) {
        const joining = enqueued.then(() => row);
        joining.catch(() => {});
        joinable.set(key, { id, row: joining });
      }
      let other: LedgerRow | undefined;
      try {
        other = await enqueued;
      } catch (error) {
        forget({ ...run, id });
        throw error;
      }
      if (!other) {
        add(id, run);
        return row;
      }
      if (other.idempotency?.fingerprint !== idempotency?.fingerprint) {
        throw new IdempotencyError();
      }
      return await receipts.get(other.id) ?? other;
    },

    async resume(rows) {
      for (const row of rows) {
        if (!await receipts.adopt(row, () => cancel(row.id))) continue;
        try {
          add(row.id, prepare(row));
        } catch (error) {
          const { message } = error instanceof Error ? error : new Error(String(error));
          receipts.conclude(row.id, { error: new OutdatedRequestError(message) });
        }
      }
    },

    configure(changed) {
      limits = changed;
      next();
    },

    async close() {
      closed = true;
      const error = new InterruptedError();
      for (const { id, stop, waiting } of jobs.values()) {
        stop.abort(error);
        // One that waits and cannot begin again ends here; any other stays queued.
        if (waiting) receipts.conclude(id, { error });
      }
      await Promise.all(running);
    },
  };
}
