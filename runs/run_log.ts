/** The log line of a run: what the engineer on call reads first. */

import { getLogger } from "@logtape/logtape";
import type { RunTask } from "./protocol.ts";
import type { RunReport } from "./run.ts";
import { TaskError } from "./running_task.ts";

const logger = getLogger(["spillway", "run"]);

/** Logs a run that has ended: a failure as an error with its cause, anything else as information. */
export function logRun(report: RunReport, task: RunTask): void {
  const { id, state, rows, bytes, spilled, warnings, error, client, owner, truncated } = report;
  const masked = task.tables.flatMap(({ masks = {} }) => Object.keys(masks));
  const duration = Math.round(report.duration);
  const fields = {
    id,
    state,
    ...(client === undefined ? {} : { client }),
    ...owner,
    export: task.export,
    format: task.format,
    rows,
    bytes,
    ...(report.firstByte === undefined ? {} : { first_byte_ms: Math.round(report.firstByte) }),
    duration_ms: duration,
    ...(spilled ? { spilled } : {}),
    ...(truncated === undefined ? {} : { truncated }),
    ...(masked.length === 0 ? {} : { masked: [...new Set(masked)] }),
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(error ? { error: error.message } : {}),
    ...(error instanceof TaskError ? { detail: error.detail } : {}),
  };
  const message = `Run ${state}: ${task.export}.${task.format}, ` +
    `${rows} rows, ${bytes} bytes, ${duration} ms`;
  if (error) logger.error(`${message}: {error}`, fields);
  else logger.info(message, fields);
}
