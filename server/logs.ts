/** Where log lines go: standard error, as JSON for machines and as words where a person watches. */

import { configure, getJsonLinesFormatter, getLogger, getTextFormatter } from "@logtape/logtape";
import { AUDIT_STDOUT, type AuditSettings } from "../catalog/config.ts";
import { settlesWithin } from "../storage/settles_within.ts";
import { openAuditFile } from "./audit_file.ts";
import { type AuditLog, createAuditLog } from "./audit_log.ts";
import { createLogWriter, type LogSink, type LogWriter } from "./log_writer.ts";
import { StartError } from "./start_error.ts";

/** Milliseconds that the last lines have to be read in. */
const FLUSH_MS = 1_000;

/** Loggers whose lines say who had what, or was refused it. */
const AUDITED = ["run", "http", "links"];

/** The one of them whose lines say what was refused. */
const REFUSALS = "http";

/** The log of a process; disposing it gives its last lines a moment to be read. */
export interface Log extends Pick<LogWriter, "dropped" | "write">, AsyncDisposable {
  /** The audit log, where there is one. */
  readonly audit: Pick<AuditLog, "failing" | "missing"> | undefined;
  /** Opens the file of the audit log anew where another program has moved it. */
  reopen(): Promise<void>;
}

const logger = getLogger(["spillway", "log"]);

/**
 * Sets the logs up; called once in a process. Runs, refusals and links that were signed are written to the
 * audit log as well, where there is one. Lines are written in the background: `console.error` waits
 * until they are read, and where a pipe has no reader, everything waited after 224 lines.
 */
export async function configureLogs(audit?: AuditSettings): Promise<Log> {
  const format = Deno.stderr.isTerminal()
    ? getTextFormatter({ timestamp: "time", category: () => "" })
    : getJsonLinesFormatter({ properties: "flatten" });
  const writer = createLogWriter(Deno.stderr, (lines) => {
    logger.warn(`${lines} lines of this log are missing: it was not read in time`, { lines });
  });
  const auditSink = audit && await openAudit(audit);
  const auditLog = auditSink && createAuditLog(auditSink, {
    onFailure: (error) =>
      logger.error("Cannot write the audit log: {error}; until it is written, all is refused", {
        error: messageOf(error),
      }),
    onRecovery: () => logger.info("The audit log is written again"),
    onMissing: (lines) =>
      logger.error(`${lines} lines of the audit log are missing: they could not be written`, {
        lines,
      }),
  });
  const json = getJsonLinesFormatter({ properties: "flatten" });
  await configure({
    sinks: {
      stderr: (record) => writer.write(format(record).trimEnd()),
      audit: (record) =>
        auditLog?.write(json(record).trimEnd(), record.category.at(-1) === REFUSALS),
    },
    loggers: [
      { category: ["spillway"], sinks: ["stderr"], lowestLevel: "info" },
      ...AUDITED.map((name) => ({ category: ["spillway", name], sinks: ["audit" as const] })),
      { category: ["logtape", "meta"], sinks: ["stderr"], lowestLevel: "warning" },
    ],
  });
  return {
    get dropped() {
      return writer.dropped;
    },
    write: (line) => writer.write(line),
    audit: auditLog,
    async reopen() {
      await auditSink?.reopen?.().catch((error) =>
        logger.error("Cannot open the audit log: {error}", { error: messageOf(error) })
      );
    },
    async [Symbol.asyncDispose]() {
      if (auditLog && !await settlesWithin(auditLog.flush(), FLUSH_MS)) {
        logger.error("The last lines of the audit log are missing: they could not be written");
      }
      await settlesWithin(writer.flush(), FLUSH_MS);
    },
  };
}

/** Opens the audit log: a file that only its owner reads grows at its end. */
async function openAudit(
  audit: AuditSettings,
): Promise<LogSink & { readonly reopen?: () => Promise<void> }> {
  const { file, rotation } = audit;
  if (file === AUDIT_STDOUT) return Deno.stdout;
  try {
    if (rotation) assertRotates(file);
    return await openAuditFile(audit, {
      onRotateError: (error) =>
        logger.error("Cannot begin another file of the audit log, so this one grows: {error}", {
          error: messageOf(error),
        }),
    });
  } catch (error) {
    throw new StartError(`Cannot write the audit log ${file}: ${messageOf(error)}`, "file");
  }
}

/** Throws where this process may not give the file another name. */
function assertRotates(file: string): void {
  const path = `${file}.1`;
  if (Deno.permissions.querySync({ name: "write", path }).state === "granted") return;
  throw new Error(`it is rotated to ${path}; start the process with --allow-write for its folder`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
