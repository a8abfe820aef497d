/** The receipts of a server's runs: what is known of each now, and the steps that the ledger is told. */

import type { RunRequest } from "../requests/run_request.ts";
import { type Clock, systemClock } from "../storage/clock.ts";
import { settlesWithin } from "../storage/settles_within.ts";
import type { StoredObject } from "../storage/store.ts";
import {
  type Ledger,
  LedgerError,
  type LedgerRow,
  type RowFilter,
  type RowPage,
  type RowPatch,
} from "./ledger/ledger.ts";
import type { ObservedRun, RunObserver, RunReport } from "./observer.ts";
import type { RunTask } from "./protocol.ts";
import {
  isFinal,
  type MaskedColumn,
  mayFollow,
  type ReceiptRequest,
  type RunCursor,
  type RunDelivery,
  type RunState,
} from "./receipt.ts";
import { InterruptedError, runProblem } from "./run_problem.ts";
import { CancelledError } from "./run.ts";

/** How receipts are kept. */
export interface ReceiptsOptions {
  /** Where. */
  readonly ledger: Ledger;
  /** The id of this server, which no other has or had. */
  readonly server: string;
  /** Whether a run is refused that cannot be written down. @default false */
  readonly required?: boolean;
  /** Called when the ledger fails, and when it works again. */
  readonly onIssue?: (issue: LedgerIssue) => void;
  /** The time of receipts. @default the system's */
  readonly now?: (() => Date) | undefined;
  /** The clock of what is tried again. @default the system's */
  readonly clock?: Clock | undefined;
}

/** What happened to the ledger. */
export type LedgerIssue =
  /** It cannot be written; runs wait to be written down, and are tried again. */
  | { readonly kind: "failing"; readonly error: unknown }
  /** It can be written again. */
  | { readonly kind: "recovered" }
  /** A run is not written down, and will not be. */
  | { readonly kind: "lost"; readonly id: string; readonly state: RunState }
  /** Another server has taken a run that was this one's, as it took this one for dead. */
  | { readonly kind: "taken"; readonly id: string; readonly state: RunState };

/** How a kept run ended: with a file, or with an error. */
export type KeptOutcome =
  | { readonly object: StoredObject }
  | { readonly error: unknown };

/** What became of what the ledger was told. */
export interface LedgerCounts {
  /** Times that the ledger could not be written or read. */
  readonly failures: number;
  /** Runs that have ended and wait to be written down. */
  readonly waiting: number;
  /** Runs that are not written down, and will not be. */
  readonly lost: number;
}

/** The receipts of a server. */
export interface Receipts {
  /** What is called for every run. */
  readonly observer: RunObserver;
  /** What became of what the ledger was told. */
  readonly counts: LedgerCounts;
  /** Whether a new run could be written down, as far as is known. */
  readonly state: "ready" | "failing";
  /**
   * Writes a run down that waits for its slot; the run that has its idempotency key already, else nothing.
   *
   * @param cancel ends it before it has a slot
   * @throws {LedgerError} where it cannot be written down
   */
  enqueue(row: LedgerRow, cancel: () => void): Promise<LedgerRow | undefined>;
  /** Has a run wait again that was taken over from a server that is gone; whether it does. */
  adopt(row: LedgerRow, cancel: () => void): Promise<boolean>;
  /** Ends a kept run; one that has ended already stays as it is. */
  conclude(id: string, outcome: KeptOutcome): void;
  /** Says that the file of a run is gone. */
  expire(id: string): void;
  /** Says that a reader has taken the last byte of a run's kept file. */
  handOver(id: string): void;
  /** The last run of a schedule that was complete and handed over. */
  lastOf(schedule: string): Promise<LedgerRow | undefined>;
  /** Resolves when all that is known of a run is written down, or cannot be for now. */
  written(id: string): Promise<void>;
  /** A run, as it is now. */
  get(id: string): Promise<LedgerRow | undefined>;
  /** Runs of a principal. */
  list(filter: RowFilter): Promise<RowPage>;
  /** Has a listener called each time that a run changes, until it has ended; what it returns takes that back. */
  watch(id: string, listener: (row: LedgerRow) => void): () => void;
  /** Has a listener called each time that a run has ended, and that is written down. */
  onEnded(listener: () => void): void;
  /** Cancels a run of this server; false where it has ended, or is not this server's. */
  cancel(id: string): boolean;
  /** Writes down what waits, and closes nothing. */
  flush(): Promise<void>;
}

/** Milliseconds until what could not be written is tried again. */
const RETRY_MS = 1_000;

/** Milliseconds that a run may wait to be written down before its first byte, where it must be. */
const REQUIRED_MS = 5_000;

/** Milliseconds for which it is not told that a run has ended while that is not written down. */
const REPORTED_MS = 1_000;

/** Milliseconds that the last receipts may take when the server ends. */
const FLUSH_MS = 2_000;

/** Runs that have ended and may wait to be written down: 1 KB each. */
const MAX_UNWRITTEN = 10_000;

/** A run that has not ended, or whose end is not written down. */
interface LiveRun {
  row: LedgerRow;
  /** What the ledger is to be told, in order. */
  readonly steps: (() => Promise<boolean>)[];
  readonly listeners: Set<(row: LedgerRow) => void>;
  cancel: () => void;
  writing: Promise<void> | undefined;
  /** Whether it is refused where it cannot be written down; not any more, once it was. */
  onRefused: ((error: unknown) => void) | undefined;
}

/** Makes the receipts of a server. */
export function createReceipts(options: ReceiptsOptions): Receipts {
  const { ledger, server, required = false, onIssue = () => {} } = options;
  const { now = () => new Date(), clock = systemClock } = options;
  const live = new Map<string, LiveRun>();
  /** Runs whose steps could not be written. */
  const stuck = new Set<LiveRun>();
  const onEnded: (() => void)[] = [];
  let failures = 0;
  let lost = 0;
  let failing = false;
  let stopRetry: (() => void) | undefined;

  const instant = () => now().toISOString();

  function add(row: LedgerRow, cancel: () => void): LiveRun {
    const run: LiveRun = {
      row,
      steps: [],
      listeners: new Set(),
      cancel,
      writing: undefined,
      onRefused: undefined,
    };
    live.set(row.id, run);
    return run;
  }

  function notify({ row, listeners }: LiveRun): void {
    for (const listener of [...listeners]) listener(row);
  }

  /** Takes a run to its next state, where it may go there. */
  function step(run: LiveRun, to: RunState, patch: RowPatch): void {
    const { id, state: from, attempt } = run.row;
    if (!mayFollow(from, to)) return;
    run.row = { ...run.row, ...patch, state: to };
    run.steps.push(() => ledger.transition(id, { from, attempt, to }, patch));
    write(run);
    // An end that was told stays one, whatever happens to the server then.
    if (isFinal(to)) void run.writing?.then(() => notify(run));
    else notify(run);
  }

  function write(run: LiveRun): void {
    if (run.steps.length > 0) run.writing ??= writeSteps(run);
  }

  async function writeSteps(run: LiveRun): Promise<void> {
    const { id } = run.row;
    try {
      while (run.steps.length > 0) {
        const taken = !await Promise.try(run.steps[0]!);
        recovered();
        if (taken) {
          run.steps.length = 0;
          onIssue({ kind: "taken", id, state: run.row.state });
        } else {
          run.steps.shift();
        }
        run.onRefused = undefined;
      }
    } catch (error) {
      return onFailure(run, error);
    } finally {
      // Here, and not once its promise is seen: a step between the two would wait for a writer that has gone.
      run.writing = undefined;
    }
    stuck.delete(run);
    if (!isFinal(run.row.state)) return;
    live.delete(id);
    for (const listener of onEnded) listener();
  }

  function recovered(): void {
    if (!failing) return;
    failing = false;
    onIssue({ kind: "recovered" });
  }

  function onFailure(run: LiveRun, error: unknown): void {
    failures++;
    if (!failing) onIssue({ kind: "failing", error });
    failing = true;
    if (run.onRefused) {
      live.delete(run.row.id);
      return run.onRefused(error);
    }
    stuck.add(run);
    if (stuck.size > MAX_UNWRITTEN) {
      const ended = [...stuck].find(({ row }) => isFinal(row.state));
      if (ended) lose(ended);
    }
    stopRetry ??= clock.after(RETRY_MS, () => {
      stopRetry = undefined;
      for (const one of stuck) write(one);
    });
  }

  function lose(run: LiveRun): void {
    lost++;
    stuck.delete(run);
    live.delete(run.row.id);
    onIssue({ kind: "lost", id: run.row.id, state: run.row.state });
  }

  /** Rejects where something is not written down, or not in time. */
  async function inTime(writing: Promise<unknown>): Promise<void> {
    if (await settlesWithin(writing, REQUIRED_MS, clock)) return;
    throw new LedgerError(`Cannot write a receipt within ${REQUIRED_MS} ms`);
  }

  /** Rejects where a run cannot be written down in time. */
  async function refusal(run: LiveRun): Promise<void> {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    run.onRefused = reject;
    try {
      await inTime(Promise.race([run.writing, promise]));
    } finally {
      // What is still written down is followed by its end.
      run.onRefused = undefined;
    }
  }

  function started(run: ObservedRun): void | Promise<void> {
    if (run.task.describe || !run.request) return;
    const startedAt = run.startedAt.toISOString();
    const waiting = live.get(run.id);
    if (waiting) {
      waiting.cancel = run.cancel;
      return step(waiting, "running", { startedAt });
    }
    const at = new Date(run.startedAt.getTime() - (run.waited ?? 0)).toISOString();
    const row: LedgerRow = {
      ...toRow(run.id, run.request, run.task, { delivery: run.delivery, server, at }),
      state: "running",
      startedAt,
    };
    const added = add(row, run.cancel);
    added.steps.push(() => ledger.insert(row).then(() => true));
    write(added);
    if (required) return refusal(added);
  }

  function ended(report: RunReport, { id, task }: ObservedRun): void {
    const run = live.get(id);
    if (!run) return;
    const patch: RowPatch = {
      rows: report.rows,
      bytes: report.file?.bytes ?? report.bytes,
      warnings: report.warnings,
      truncated: report.truncated ?? [],
    };
    if (report.state === "failed") {
      return step(run, "failed", {
        ...patch,
        problem: runProblem(report.error),
        endedAt: instant(),
      });
    }
    const followed = cursorsAfter(run.row, report);
    if (run.row.request.delivery === "direct") {
      const endedAt = instant();
      return step(run, report.state, {
        ...patch,
        ...digestsOf(report, task),
        ...(followed ? { cursors: followed, handedOverAt: endedAt } : {}),
        endedAt,
      });
    }
    // Whether it is complete or failed is known once its file is, or is not, in the store.
    if (report.state === "complete") {
      step(run, "publishing", { ...patch, ...(followed ? { cursors: followed } : {}) });
    } else run.row = { ...run.row, ...patch };
  }

  const receipts: Receipts = {
    observer: {
      digests: true,
      started,
      progress(progress, { id }) {
        const run = live.get(id);
        if (run?.row.state !== "running") return;
        run.row = { ...run.row, ...progress };
        notify(run);
      },
      ended,
    },
    get counts() {
      return { failures, lost, waiting: stuck.size };
    },
    get state() {
      return failing && required ? "failing" : "ready";
    },

    async enqueue(row, cancel) {
      const inserting = ledger.insert(row);
      inserting.catch(() => failures++);
      try {
        await inTime(inserting);
      } catch (error) {
        // What is still written down is followed by its end: its caller was refused.
        void inserting.then((other) => {
          if (other) return;
          add(row, cancel);
          receipts.conclude(row.id, { error });
        }, () => {});
        throw error;
      }
      const other = await inserting;
      if (!other) add(row, cancel);
      return other;
    },

    async adopt(row, cancel) {
      if (row.state === "queued") {
        add(row, cancel);
        return true;
      }
      const patch = { attempt: row.attempt + 1, rows: 0, bytes: 0, warnings: [] };
      const edge = { from: row.state, attempt: row.attempt, to: "queued" } as const;
      if (!await ledger.transition(row.id, edge, patch)) return false;
      add({ ...row, ...patch, state: "queued" }, cancel);
      return true;
    },

    conclude(id, outcome) {
      const run = live.get(id);
      if (!run) return;
      const endedAt = instant();
      if ("object" in outcome) {
        return step(run, "complete", { ...keptFile(outcome.object), endedAt });
      }
      const { error } = outcome;
      const { rows, bytes, warnings, truncated, attempt, caller } = run.row;
      const patch = { rows, bytes, warnings, truncated, endedAt };
      if (error instanceof InterruptedError && caller) {
        return step(run, "queued", { attempt: attempt + 1, rows: 0, bytes: 0, warnings: [] });
      }
      if (error instanceof CancelledError) return step(run, "cancelled", patch);
      step(run, "failed", { ...patch, problem: runProblem(error) });
    },

    expire(id) {
      const step = async () => {
        const row = await ledger.get(id);
        if (row?.state !== "complete") return;
        await ledger.transition(id, { from: "complete", attempt: row.attempt, to: "expired" });
      };
      void receipts.written(id).then(step).catch(() => failures++);
    },

    handOver(id) {
      const step = async () => {
        const row = await ledger.get(id);
        if (row?.cursors && row.handedOverAt === undefined) await ledger.handOver(id, now());
      };
      void receipts.written(id).then(step).catch(() => failures++);
    },

    lastOf: (schedule) => ledger.lastOf(schedule),

    async written(id) {
      await live.get(id)?.writing;
    },

    async get(id) {
      const run = live.get(id);
      if (!run) return await ledger.get(id);
      if (isFinal(run.row.state)) await settlesWithin(receipts.written(id), REPORTED_MS, clock);
      return run.row;
    },

    async list(filter) {
      const page = await ledger.list(filter);
      return { ...page, rows: page.rows.map((row) => live.get(row.id)?.row ?? row) };
    },

    watch(id, listener) {
      const run = live.get(id);
      run?.listeners.add(listener);
      return () => run?.listeners.delete(listener);
    },

    onEnded: (listener) => void onEnded.push(listener),

    cancel(id) {
      const run = live.get(id);
      if (!run || isFinal(run.row.state)) return false;
      run.cancel();
      return true;
    },

    async flush() {
      stopRetry?.();
      for (const run of stuck) write(run);
      const writing = Promise.all([...live.values()].map(({ writing }) => writing));
      await settlesWithin(writing, FLUSH_MS, clock);
      stopRetry?.();
      for (const run of [...live.values()]) if (run.steps.length > 0) lose(run);
    },
  };
  return receipts;
}

/** What a row has of a file that is in the store. */
export function keptFile(object: StoredObject): Pick<RowPatch, "bytes" | "sha256" | "file"> {
  const { size, sha256, expiresAt, metadata: { filename, mediaType } } = object;
  return {
    bytes: size,
    sha256,
    file: { filename, mediaType, expiresAt: expiresAt.toISOString() },
  };
}

/** What a row begins with besides its request and its task. */
export interface RowOptions {
  /** How the file gets to who asked. */
  readonly delivery: RunDelivery;
  /** The server that has it in its hands. */
  readonly server: string;
  /** When it was asked for. */
  readonly at: string;
}

/** The row of a run that was asked for, and waits. */
export function toRow(
  id: string,
  request: RunRequest,
  task: RunTask,
  { delivery, server, at }: RowOptions,
): LedgerRow {
  const { principal, reason } = request;
  return {
    id,
    state: "queued",
    attempt: 1,
    server,
    request: askedOf(request, delivery),
    principal: principal.id,
    ...(principal.credential === undefined ? {} : { credential: principal.credential }),
    ...(principal.tenant === undefined ? {} : { tenant: principal.tenant }),
    ...(reason === undefined ? {} : { reason }),
    ...(request.cursors ? { cursors: request.cursors } : {}),
    ...(request.identity === undefined ? {} : { identity: request.identity }),
    rows: 0,
    bytes: 0,
    warnings: [],
    masks: masksOf(task),
    truncated: [],
    queuedAt: at,
  };
}

/** The name of the option that says why, which a receipt has as `reason`. */
const REASON = "reason";

/** What was asked for, by names. */
function askedOf({ exports, format, given }: RunRequest, delivery: RunDelivery): ReceiptRequest {
  const params: Record<string, string | string[]> = Object.create(null);
  const options: Record<string, string> = Object.create(null);
  for (const [name, text] of given) {
    if (name.startsWith("_")) {
      if (name !== `_${REASON}`) options[name.slice(1)] = text;
    } else {
      const known = params[name];
      params[name] = known === undefined ? text : [known, text].flat();
    }
  }
  return {
    exports: exports.map(({ name }) => name),
    format: format.key,
    params,
    options,
    delivery,
  };
}

function masksOf({ export: names, tables }: RunTask): readonly MaskedColumn[] {
  if (tables.every(({ masks }) => masks === undefined)) return [];
  return names.split(",").flatMap((name, index) =>
    Object.entries(tables[index]!.masks ?? {}).map(([column, mask]) => ({
      export: name,
      column,
      mask,
    }))
  );
}

/**
 * How far a complete run has come with its cursors; nothing where it has none, or is not complete. One whose rows
 * end early has not come further: the rows that it has are in no order.
 */
function cursorsAfter(
  { cursors, request: { exports } }: LedgerRow,
  { state, highest = [], truncated = [] }: RunReport,
): readonly RunCursor[] | undefined {
  if (state !== "complete" || !cursors) return undefined;
  // An attempt before may have come to an end, which was not its file's.
  return cursors.map(({ to: _, ...cursor }) => {
    const values = truncated.includes(cursor.export)
      ? {}
      : highest[exports.indexOf(cursor.export)] ?? {};
    const to = Object.hasOwn(values, cursor.column) ? values[cursor.column] : cursor.from;
    return { ...cursor, ...(to === undefined ? {} : { to }) };
  });
}

/** The digests of a file that was streamed: of itself, and of what was sent instead. */
function digestsOf({ state, bytes, sha256, file }: RunReport, { coding }: RunTask): RowPatch {
  if (state !== "complete" || sha256 === undefined) return {};
  return file ? { sha256: file.sha256, encoded: { coding, bytes, sha256 } } : { sha256 };
}
