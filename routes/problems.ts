/** Errors as HTTP answers: the only place that knows statuses (RFC 9110) and problem bodies (RFC 9457). */

import { AccessError } from "../access/access_error.ts";
import { listing } from "../catalog/params.ts";
import { RequestError, type RequestIssue, withIssues } from "../requests/request_error.ts";
import { AdmissionError, type RefusalReason } from "../runs/admission_error.ts";
import { IdempotencyError } from "../runs/background.ts";
import { CursorError, LedgerError } from "../runs/ledger/ledger.ts";
import { CancelledError } from "../runs/run.ts";
import { RunLimitError, RunTimeoutError } from "../runs/run_limits.ts";
import { TaskError } from "../runs/running_task.ts";
import type { UploadPosition } from "../sources/upload/reader.ts";
import { DiskError } from "../storage/disk/error.ts";
import { UploadTooLargeError } from "../storage/spool/uploads.ts";
import { NoRoomError } from "../storage/store.ts";

/** An error body, as it is sent. */
export interface Problem {
  /** The HTTP status. */
  readonly status: number;
  /** What kind of problem it is, as a URI. @default none but its status */
  readonly type?: string;
  /** What the status, or the kind, means. */
  readonly title: string;
  /** What is wrong this time. */
  readonly detail: string;
  /** Every issue of the request at once. */
  readonly errors?: readonly RequestIssue[];
  /** Where an upload is wrong: its line or row, its sheet and its cell, as much as is known. */
  readonly position?: UploadPosition;
  /** What the source said, for who may read it. */
  readonly cause?: string;
  /** Seconds after which the same request may succeed. */
  readonly retryAfter?: number;
  /** Methods that would be answered (RFC 9110, 15.5.6). */
  readonly allow?: string;
  /** How to show who one is (RFC 9110, 11.6.1). */
  readonly challenge?: string;
}

/** A request that is answered with a problem. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  /** The answer. */
  readonly problem: Problem;

  /** Takes the answer. */
  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** Seconds after which a slot may be free: exports take seconds more often than minutes. */
const RETRY_AFTER_SECONDS = 5;

/** Seconds after which an operator may have seen to the audit log. */
const AUDIT_RETRY_AFTER_SECONDS = 30;

/** Seconds after which others' files may have been taken, or have expired. */
const DISK_RETRY_AFTER_SECONDS = 30;

/** A whole number of seconds, between so many and twice as many: those refused at once do not come back at once. */
function jittered(seconds: number, random: () => number): number {
  return seconds + Math.floor(random() * (seconds + 1));
}

/** 400, with every issue by name. */
export function badRequest(issues: readonly RequestIssue[]): Problem {
  return requestProblem(withIssues(issues));
}

/** 404 for what is not there, else 400 with every issue by name. */
function requestProblem({ message, unknown, issues }: RequestError): Problem {
  if (unknown) return notFound(message);
  return { status: 400, title: "Bad request", detail: message, errors: issues };
}

/** 403, for what is not allowed to who asks, or to no caller. */
export function forbidden(detail: string): Problem {
  return { status: 403, title: "Forbidden", detail };
}

/** 413, for a body that is longer than it may be. */
export function tooLarge(maxBytes: number): Problem {
  return {
    status: 413,
    title: "Content too large",
    detail: `A body has at most ${maxBytes} bytes here`,
  };
}

/** 415, for a body of a kind that is not read. */
export function unsupported(detail: string): Problem {
  return { status: 415, title: "Unsupported media type", detail };
}

/** 421, for a request that is meant for another server (RFC 9110, 15.5.20). */
export function misdirected(detail: string): Problem {
  return { status: 421, title: "Misdirected request", detail };
}

/** 404, for what is not there or not for this caller. */
export function notFound(detail: string): Problem {
  return { status: 404, title: "Not found", detail };
}

/** 406, for what there is, and not in that form. */
export function notAcceptable(detail: string): Problem {
  return { status: 406, title: "Not acceptable", detail };
}

/** 409, for what a run does not do in the state that it is in. */
export function conflict(detail: string): Problem {
  return { status: 409, title: "Conflict", detail };
}

/** 503, for a file whose end is not there yet. */
export function later(retryAfter: number): Problem {
  return {
    status: 503,
    title: UNAVAILABLE,
    detail: "The rest of this file is still being made",
    retryAfter,
  };
}

/** 410, for a file that was there. */
export function gone(detail: string): Problem {
  return { status: 410, title: "Gone", detail };
}

/** 405, with the methods that there are. */
export function methodNotAllowed(method: string, allow: string): Problem {
  return {
    status: 405,
    title: "Method not allowed",
    detail: `${method} means nothing here; use ${allow}`,
    allow,
  };
}

/** What the type of a problem begins with that is more than its status: a name, which leads nowhere. */
const TYPES = "urn:spillway:problem:";

/** The title of a problem that says no more than its status. */
const UNAVAILABLE = "Service unavailable";

/** What a run that was refused a slot is answered, but for `Retry-After`: 429 for the caller's own limit. */
const ADMISSION_PROBLEMS = {
  tenant: {
    status: 429,
    type: `${TYPES}tenant-limit`,
    title: "Too many exports of a tenant",
    detail: "As many of your exports are running or waiting as you may have; try again shortly",
  },
  address: {
    status: 429,
    type: `${TYPES}address-limit`,
    title: "Too many exports of an address",
    detail: "As many exports are running or waiting as a client may have; try again shortly",
  },
  full: {
    status: 503,
    type: `${TYPES}queue-full`,
    title: UNAVAILABLE,
    detail: "As many exports are running as this server allows; try again shortly",
  },
  timeout: {
    status: 503,
    type: `${TYPES}queue-timeout`,
    title: UNAVAILABLE,
    detail: "Others' exports took longer than this one could wait; try again shortly",
  },
  draining: {
    status: 503,
    type: `${TYPES}draining`,
    title: UNAVAILABLE,
    detail: "This server is stopping; try again shortly",
  },
  memory: shortOf("memory"),
  descriptors: shortOf("descriptors"),
  disk: shortOf("disk"),
} satisfies Record<RefusalReason, Problem>;

function shortOf(resource: string): Problem {
  return {
    status: 503,
    type: `${TYPES}short-of-${resource}`,
    title: UNAVAILABLE,
    detail: `This server is short of ${resource}; try again shortly`,
  };
}

/** 503, while it cannot be written down who has what. */
export function unaudited(): Problem {
  return {
    status: 503,
    type: `${TYPES}audit-failing`,
    title: UNAVAILABLE,
    detail: "This server cannot write its audit log, without which it answers nothing",
    retryAfter: AUDIT_RETRY_AFTER_SECONDS,
  };
}

/** How an error becomes a problem. */
export interface ProblemOptions {
  /** Whether it also holds what the source said. @default false */
  readonly debug?: boolean | undefined;
  /** Draws from 0 to 1, for `Retry-After`. @default Math.random */
  readonly random?: (() => number) | undefined;
}

/**
 * The problem that an error is, in words that hold no query, path or stack.
 */
export function toProblem(
  error: unknown,
  { debug = false, random = Math.random }: ProblemOptions = {},
): Problem {
  if (debug && error instanceof TaskError && ["source", "param"].includes(error.kind)) {
    const { message, reason } = error;
    return {
      ...toProblem(error),
      cause: reason === undefined ? message : `${message} (${reason})`,
    };
  }
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof RequestError) return requestProblem(error);
  if (error instanceof AccessError) {
    return { ...forbidden(error.message), errors: error.issues };
  }
  if (error instanceof RunLimitError) {
    return error.limit === "duration"
      ? { status: 504, title: "Gateway timeout", detail: error.message }
      : tooMuch(error);
  }
  if (error instanceof AdmissionError) {
    return {
      ...ADMISSION_PROBLEMS[error.reason],
      retryAfter: jittered(RETRY_AFTER_SECONDS, random),
    };
  }
  if (error instanceof CancelledError) return conflict("The run of this file was cancelled");
  if (error instanceof IdempotencyError) return tooMuch(error);
  if (error instanceof CursorError) {
    return badRequest([{ name: "cursor", detail: "must be the next of a page" }]);
  }
  if (error instanceof LedgerError) {
    return {
      status: 503,
      title: "Service unavailable",
      detail: "This server cannot read or write its receipts; try again later",
      retryAfter: DISK_RETRY_AFTER_SECONDS,
    };
  }
  if (error instanceof RunTimeoutError) {
    return {
      status: 504,
      title: "Gateway timeout",
      detail: "The source of this export did not answer in time",
    };
  }
  if (error instanceof UploadTooLargeError) return tooLarge(error.maxBytes);
  if (error instanceof NoRoomError && error.reason === "tenant") {
    return {
      status: 507,
      title: "Insufficient storage",
      detail: "Your finished files fill your share of this server's disk",
    };
  }
  if (error instanceof NoRoomError || error instanceof DiskError) {
    return {
      ...ADMISSION_PROBLEMS.disk,
      detail: "This server is short of disk for whole files and uploads; try again later, or an " +
        "export without _delivery=whole",
      retryAfter: jittered(DISK_RETRY_AFTER_SECONDS, random),
    };
  }
  if (error instanceof TaskError) {
    switch (error.kind) {
      case "param":
        return badRequest(error.params.map((name) => refusedParam(name, error.params)));
      case "column":
        return badRequest([{ name: "_columns", detail: error.message }]);
      case "table":
      case "limit":
        return tooMuch(error);
      case "upload":
        return uploadProblem(error);
      case "source":
        return {
          status: 502,
          title: "Bad gateway",
          detail: "The source of this export failed before its first row; its log says why",
        };
    }
  }
  return {
    status: 500,
    title: "Internal server error",
    detail: "This server failed; its log says why",
  };
}

/** 422, as for a table that the format cannot hold, or that is more than its caller may have. */
function tooMuch({ message }: Error): Problem {
  return { status: 422, title: "Unprocessable content", detail: message };
}

/** 415 for a file of a kind that is not read, else 422; with the position of what is wrong. */
function uploadProblem({ message, upload }: TaskError): Problem {
  const { unread, position = {}, option } = upload ?? {};
  if (option !== undefined) return badRequest([{ name: option, detail: message }]);
  const where = Object.keys(position).length === 0 ? {} : { position };
  return unread
    ? { ...unsupported(message), ...where }
    : { status: 422, title: "Unprocessable content", detail: message, ...where };
}

/** What a client that has left would be answered: no problem, as its run is cancelled and nothing failed. */
export function noAnswer(): Response {
  return new Response(null, { status: 204 });
}

/** A value that the source does not take; of several it may not have said which one. */
function refusedParam(name: string, all: readonly string[]): RequestIssue {
  const others = all.filter((other) => other !== name);
  const also = others.length === 0 ? "" : `, or that of ${listing(others)}`;
  return { name, detail: `the source of this export does not take this value${also}` };
}

/** The problems that answers are. */
const problems = new WeakMap<Response, Problem>();

/** The problem that an answer is, if it is one. */
export function problemOf(response: Response): Problem | undefined {
  return problems.get(response);
}

/** The answer that a problem is. */
export function problemResponse(problem: Problem, headers: HeadersInit = {}): Response {
  const { retryAfter, allow, challenge, ...body } = problem;
  const response = new Response(JSON.stringify({ type: "about:blank", ...body }) + "\n", {
    status: problem.status,
    headers,
  });
  response.headers.set("Content-Type", "application/problem+json");
  response.headers.set("Cache-Control", "no-store");
  if (retryAfter !== undefined) response.headers.set("Retry-After", `${retryAfter}`);
  if (challenge !== undefined) response.headers.set("WWW-Authenticate", challenge);
  if (allow !== undefined) response.headers.set("Allow", allow);
  problems.set(response, problem);
  return response;
}
