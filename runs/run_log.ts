/** The log line of a run: what the engineer on call reads first. */

import { getLogger } from "@logtape/logtape";
import type { ObservedRun, RunObserver, RunReport } from "./observer.ts";
import type { ParamLog } from "../requests/param_log.ts";
import type { RunRequest } from "../requests/run_request.ts";
import type { RunTask } from "./protocol.ts";
import { TaskError } from "./running_task.ts";

const logger = getLogger(["spillway", "run"]);

/**
 * Logs each run that has ended: a failure as an error with its cause, anything else as information.
 *
 * @param params what is said of the values of params
 */
export function createRunLog(params: ParamLog): RunObserver {
  return { ended: (report, run) => logRun(report, run, params) };
}

function logRun(
  report: RunReport,
  { task, request, client }: ObservedRun,
  params: ParamLog,
): void {
  if (task.describe) return logDescription(report, task);
  const { id, state, rows, bytes, spilled, warnings, error, truncated } = report;
  const duration = Math.round(report.duration);
  const hide = (text: string) => request ? params.hide(text, request) : text;
  const fields = {
    id,
    state,
    ...(client === undefined ? {} : { client }),
    ...(request ? ownerOf(request) : {}),
    export: task.export,
    format: task.format,
    ...(request ? params.fields(request) : {}),
    rows,
    bytes,
    ...(report.sha256 === undefined ? {} : { sha256: report.sha256 }),
    ...(report.firstByte === undefined ? {} : { first_byte_ms: Math.round(report.firstByte) }),
    duration_ms: duration,
    ...(spilled ? { spilled } : {}),
    ...(truncated === undefined ? {} : { truncated }),
    ...maskedBy(task),
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(error ? { error: truncate(hide(messageOf(error))) } : {}),
    ...(error instanceof TaskError && error.kind !== "param"
      ? { detail: truncate(hide(error.detail)) }
      : {}),
  };
  const message = `Run ${state}: ${task.export}.${task.format}, ` +
    `${rows} rows, ${bytes} bytes, ${duration} ms`;
  if (error) logger.error(`${message}: {error}`, fields);
  else logger.info(message, fields);
}

/** Characters of a text of a source: a database repeats the value that it refuses, of whatever length. */
const MAX_TEXT = 8000;

/** As much of a text as a line has room for. */
function truncate(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT).toWellFormed()}…` : text;
}

/** What an error says, on one line. Of params there are the names: what a source says of one repeats its value. */
function messageOf(error: Error): string {
  return error instanceof TaskError && error.kind === "param"
    ? `The source refused the values of ${error.params.join(", ")}`
    : error.message.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, encodeURIComponent);
}

/** Who asked for a run, with what, for whom, and why. */
function ownerOf({ principal: { id, tenant, credential }, reason }: RunRequest) {
  return {
    principal: id,
    ...(credential === undefined ? {} : { credential }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** The columns that a task hides. */
function maskedBy({ tables }: RunTask) {
  const masked = new Set(tables.flatMap(({ masks = {} }) => Object.keys(masks)));
  return masked.size === 0 ? {} : { masked: [...masked] };
}

/** A source that did not say its columns may not give its rows either. */
function logDescription({ id, error }: RunReport, task: RunTask): void {
  if (!error) return;
  getLogger(["spillway"]).warn("Cannot describe {export}: {error}", {
    id,
    export: task.export,
    error: truncate(messageOf(error)),
  });
}
