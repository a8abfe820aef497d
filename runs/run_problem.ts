/** Why a run failed, in words that hold no query, path, host or value. */

import { DiskError } from "../storage/disk/error.ts";
import { StallError } from "../storage/spool/spill_buffer.ts";
import { NoRoomError } from "../storage/store.ts";
import { AdmissionError } from "./admission_error.ts";
import type { ProblemCode, RunProblem } from "./receipt.ts";
import { RunLimitError, RunTimeoutError } from "./run_limits.ts";
import { TaskError } from "./running_task.ts";

/** A run that its server could not end, as it ended itself. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";

  constructor() {
    super("The server ended before the run did");
  }
}

/** A run that cannot begin again: what it asks for is not there any more, or not for who asked. */
export class OutdatedRequestError extends Error {
  override readonly name = "OutdatedRequestError";
}

const DETAILS = {
  source: "The source of this export failed; the server's log says why",
  timeout: "The source of this export did not answer in time",
  full: "There was no slot for this run",
  "no-room": "There was no room for the file",
  disk: "The disk of the server failed",
  stalled: "The client took nothing for too long",
  interrupted: "The server ended before the run did",
  internal: "The server failed; its log says why",
} as const satisfies Partial<Record<ProblemCode, string>>;

/** What a receipt says of an error. */
export function runProblem(error: unknown): RunProblem {
  if (error instanceof TaskError) return taskProblem(error);
  if (error instanceof RunLimitError) return { code: "limit", detail: error.message };
  if (error instanceof OutdatedRequestError) return { code: "request", detail: error.message };
  const code = codeOf(error);
  return { code, detail: DETAILS[code] };
}

function taskProblem({ kind, message, params }: TaskError): RunProblem {
  switch (kind) {
    case "column":
    case "table":
    case "limit":
    // Its caller sent the file, and looks for the line, the sheet or the cell.
    case "upload":
      return { code: kind, detail: message };
    // What a source says of a value repeats it.
    case "param":
      return { code: kind, detail: `The source refused the values of ${params.join(", ")}` };
    default:
      return { code: kind, detail: DETAILS[kind] };
  }
}

function codeOf(error: unknown): keyof typeof DETAILS {
  if (error instanceof RunTimeoutError) return "timeout";
  if (error instanceof AdmissionError) return "full";
  if (error instanceof NoRoomError) return "no-room";
  if (error instanceof DiskError) return "disk";
  if (error instanceof StallError) return "stalled";
  if (error instanceof InterruptedError) return "interrupted";
  return "internal";
}
