/** Observers of runs: what keeps account of each run, such as logs and metrics. */

import type { Warning } from "../exporters/warnings.ts";
import type { RunRequest } from "../requests/run_request.ts";
import type { FileDigest, RunTask, TaskColumns } from "./protocol.ts";
import type { RunDelivery } from "./receipt.ts";
import type { RunSteps, RunTimes } from "./run_times.ts";

/** A run, as it is known from its start on. */
export interface ObservedRun {
  /** The run's id, which its caller knows as `Export-Id`. */
  readonly id: string;
  /** What its worker does. */
  readonly task: RunTask;
  /** When it got its slot. */
  readonly startedAt: Date;
  /** Milliseconds that it waited for that. @default 0 */
  readonly waited?: number;
  /** What was asked for, its principal included; absent for a question of the server's own. */
  readonly request?: RunRequest;
  /** The address of the client that asked for it. */
  readonly client?: string;
  /** How its file gets to who asked. */
  readonly delivery: RunDelivery;
  /** Ends it, as its caller's leaving does, down to the database. */
  cancel(): void;
}

/** How far a run is. */
export interface RunProgress {
  /** Rows that the source is known to have given. */
  readonly rows: number;
  /** Bytes that the reader took. */
  readonly bytes: number;
}

/** How a run ended; what a receipt and a log line are made of. */
export interface RunReport extends RunProgress {
  /** The run's id, which its caller knows as `Export-Id`. */
  readonly id: string;
  /** `complete` only where the source ended, the tail was written and the reader took all of it. */
  readonly state: "complete" | "failed" | "cancelled";
  /** Milliseconds from the start to the first chunk; absent where there was none. */
  readonly firstByte?: number;
  /** Milliseconds from the start to the end. */
  readonly duration: number;
  /** What it waited for. */
  readonly times: RunTimes;
  /** When it came how far. */
  readonly steps: RunSteps;
  /** What the format could not hold as it was; known of complete runs. */
  readonly warnings: readonly Warning[];
  /** The columns of each table; known of complete runs. */
  readonly columns?: readonly TaskColumns[];
  /** Whether some of it waited on the disk for its reader. */
  readonly spilled: boolean;
  /** The SHA-256 of the bytes, in hexadecimal; of complete runs, where an observer wants digests. */
  readonly sha256?: string;
  /** The file itself, where its bytes are a content coding of it; of complete runs. */
  readonly file?: FileDigest;
  /** What it failed of. */
  readonly error?: Error;
  /** The exports that end before their rows do, as they may have no more. @default none */
  readonly truncated?: readonly string[];
}

/** Is called for every run that got a slot. Its methods must not throw. */
export interface RunObserver {
  /** Whether it wants the digest of every file, which costs a core 0.6 s a GB. @default false */
  readonly digests?: boolean;
  /**
   * A run has a slot, and its task is on its way to a worker. A promise is waited for before the first byte is
   * given to the caller; where it rejects, the run fails with its error.
   */
  started?(run: ObservedRun): void | Promise<void>;
  /** A run has gone on; called a few times a second at most. */
  progress?(progress: RunProgress, run: ObservedRun): void;
  /** A run is over, and everything that it held has come back; called once. */
  ended?(report: RunReport, run: ObservedRun): void;
}
