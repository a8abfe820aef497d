/** What is known of a run, and the states that it goes through. */

import type { Warning } from "../exporters/warnings.ts";
import type { Mask } from "../table/masks.ts";

/** Every state of a run. */
export const RUN_STATES = [
  /** It waits for its slot. */
  "queued",
  /** Its query runs, or what it made is handed to its client. */
  "running",
  /** Its file is made, and is about to be found in the store. */
  "publishing",
  /** The source ended, the tail was written, and all of it was handed over or kept. */
  "complete",
  /** It broke. */
  "failed",
  /** Its caller did not want it any more. */
  "cancelled",
  /** It was complete, and its file is kept no longer. */
  "expired",
] as const;

/** One of {@linkcode RUN_STATES}. */
export type RunState = typeof RUN_STATES[number];

/**
 * The legal steps. One from `running` or `publishing` back to `queued` begins another attempt, of a run that no
 * client waits for and whose server died.
 */
export const NEXT_STATES: Readonly<Record<RunState, readonly RunState[]>> = {
  queued: ["running", "failed", "cancelled"],
  running: ["publishing", "complete", "failed", "cancelled", "queued"],
  publishing: ["complete", "failed", "cancelled", "queued"],
  complete: ["expired"],
  failed: [],
  cancelled: [],
  expired: [],
};

/** Whether a run in one state may go to another. */
export function mayFollow(from: RunState, to: RunState): boolean {
  return NEXT_STATES[from].includes(to);
}

/** Whether nothing more is done for a run in that state; its file may still expire. */
export function isFinal(state: RunState): boolean {
  return NEXT_STATES[state].every((next) => next === "expired");
}

/** Whether there is a file of a run, for as long as it does not expire. */
export function isKept({ state, file }: Partial<Pick<Receipt, "state" | "file">>): boolean {
  return state === "complete" && file !== undefined;
}

/** How the file of a run gets to who asked for it. */
export type RunDelivery =
  /** Streamed while it is made. */
  | "direct"
  /** Kept first, then sent in the same answer. */
  | "whole"
  /** Kept, and fetched later. */
  | "background";

/** A moment, as RFC 3339 in UTC with milliseconds: `2026-01-01T12:00:00.000Z`. */
export type Instant = string;

/** What was asked for, in the words of who asked. */
export interface ReceiptRequest {
  /** The names of the exports, in the order of the file. */
  readonly exports: readonly string[];
  /** The key of the format. */
  readonly format: string;
  /** The values of params by name; of a param that was repeated, all of them. */
  readonly params: Readonly<Record<string, string | readonly string[]>>;
  /** The values of options by name, without the leading `_`. */
  readonly options: Readonly<Record<string, string>>;
  /** How it gets to who asked. */
  readonly delivery: RunDelivery;
}

/** A column that was hidden. */
export interface MaskedColumn {
  /** The name of its export. */
  readonly export: string;
  /** Its name. */
  readonly column: string;
  /** How it was hidden. */
  readonly mask: Mask;
}

/** Why a run failed, for programs. */
export type ProblemCode =
  /** The source broke. */
  | "source"
  /** The source refused the values of params. */
  | "param"
  /** A column was asked for that is not there. */
  | "column"
  /** The format cannot hold the table. */
  | "table"
  /** The uploaded file cannot be read. */
  | "upload"
  /** It was more than the export or its caller may have. */
  | "limit"
  /** It took too long. */
  | "timeout"
  /** There was no slot for it. */
  | "full"
  /** There was no room for its file. */
  | "no-room"
  /** The disk failed. */
  | "disk"
  /** Its client took nothing for too long. */
  | "stalled"
  /** What it asks for is not there any more, or not for its principal. */
  | "request"
  /** The server ended meanwhile. */
  | "interrupted"
  /** The server is at fault. */
  | "internal";

/** Why a run failed. */
export interface RunProblem {
  /** For programs. */
  readonly code: ProblemCode;
  /** For people: no query, path, host or value is in it. */
  readonly detail: string;
}

/** What was sent of a file, where that was not the file itself but a content coding of it. */
export interface EncodedFile {
  /** The content coding: `gzip`. */
  readonly coding: string;
  /** Bytes that were handed over. */
  readonly bytes: number;
  /** The SHA-256 of those bytes, in hexadecimal. */
  readonly sha256: string;
}

/** A file that is kept, or was. */
export interface ReceiptFile {
  /** The name to save it under. */
  readonly filename: string;
  /** The value of `Content-Type`. */
  readonly mediaType: string;
  /** From when on it is gone; not known before it is complete. */
  readonly expiresAt?: Instant;
}

/** An attempt to send a webhook. */
export interface WebhookAttempt {
  /** When it began. */
  readonly at: Instant;
  /** The status of the answer; absent where there was none. */
  readonly status?: number;
  /** Why there was none. */
  readonly error?: string;
}

/** The webhook that tells of a run's end, and what came of it. */
export interface RunNotification {
  /** Where it is sent. */
  readonly url: string;
  /** Whether it is still to be sent, was taken, or is not sent any more. */
  readonly state: "pending" | "delivered" | "failed";
  /** What was tried, in order. */
  readonly attempts: readonly WebhookAttempt[];
}

/** A column of an export that a param follows from run to run. */
export interface RunCursor {
  /** The name of the export. */
  readonly export: string;
  /** The name of the column. */
  readonly column: string;
  /** Its highest value of the run before, as text; absent where the run begins at the start. */
  readonly from?: string;
  /**
   * Its highest value by now, as text: of this run, else of the run before. Of complete runs; absent where there
   * was none.
   */
  readonly to?: string;
}

/** The schedule that a run is of. */
export interface RunSchedule {
  /** Its name. */
  readonly name: string;
  /** The slot; absent where it was asked for in between. */
  readonly slot?: Instant;
}

/** What is known of a run. */
export interface Receipt {
  /** The run's id, which its caller knows as `Export-Id`. */
  readonly id: string;
  /** What it is doing, or what became of it. */
  readonly state: RunState;
  /** How many times it has begun, or is about to: 1 at first. */
  readonly attempt: number;
  /** What was asked for. */
  readonly request: ReceiptRequest;
  /** Who asked. */
  readonly principal: string;
  /** The id of the key, or the name of the secret of the link, that they had. */
  readonly credential?: string;
  /** Whose data it is. */
  readonly tenant?: string;
  /** Why it was asked for, in the words of who asked. */
  readonly reason?: string;
  /** Rows that the source gave. */
  readonly rows: number;
  /** Bytes of the file, without a content coding. */
  readonly bytes: number;
  /** The SHA-256 of the file, in hexadecimal; of complete runs. */
  readonly sha256?: string;
  /** What was sent in place of the file itself. @default the file itself */
  readonly encoded?: EncodedFile;
  /** What the format could not hold as it was; of complete runs. */
  readonly warnings: readonly Warning[];
  /** The columns that were hidden. */
  readonly masks: readonly MaskedColumn[];
  /** The exports that end before their rows do. */
  readonly truncated: readonly string[];
  /** When it was asked for. */
  readonly queuedAt: Instant;
  /** When it got its slot; of its last attempt. */
  readonly startedAt?: Instant;
  /** When it ended. */
  readonly endedAt?: Instant;
  /** Why it failed. */
  readonly problem?: RunProblem;
  /** Its file, where it is kept. */
  readonly file?: ReceiptFile;
  /** The schedule that it is of. @default none */
  readonly schedule?: RunSchedule;
  /** The columns that its params follow. @default none */
  readonly cursors?: readonly RunCursor[];
  /** A digest of what its params have of who asked, where it has cursors; not shown. @default they have nothing of that */
  readonly identity?: string;
  /** When its last byte was taken, where it has cursors. */
  readonly handedOverAt?: Instant;
  /** The webhook of its end. @default none is sent */
  readonly notify?: RunNotification;
}

/** A receipt as JSON has it: the names that the configuration and the catalogue use, and no absent member. */
export function receiptJson(receipt: Receipt): Readonly<Record<string, unknown>> {
  const { request, encoded, problem, file } = receipt;
  return definedOnly({
    id: receipt.id,
    state: receipt.state,
    attempt: receipt.attempt,
    exports: request.exports,
    format: request.format,
    params: request.params,
    options: request.options,
    delivery: request.delivery,
    principal: receipt.principal,
    credential: receipt.credential,
    tenant: receipt.tenant,
    reason: receipt.reason,
    rows: receipt.rows,
    bytes: receipt.bytes,
    sha256: receipt.sha256,
    encoded,
    warnings: receipt.warnings,
    masks: receipt.masks,
    truncated: receipt.truncated,
    queued_at: receipt.queuedAt,
    started_at: receipt.startedAt,
    ended_at: receipt.endedAt,
    problem,
    schedule: receipt.schedule,
    cursors: receipt.cursors,
    handed_over_at: receipt.handedOverAt,
    notify: receipt.notify,
    file: file && definedOnly({
      filename: file.filename,
      media_type: file.mediaType,
      expires_at: file.expiresAt,
    }),
  });
}

function definedOnly(members: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
