/** Where log lines go: standard error, as JSON for machines and as words where a person watches. */

import { configure, getJsonLinesFormatter, getLogger, getTextFormatter } from "@logtape/logtape";
import { AUDIT_STDOUT, type Config } from "../catalog/config.ts";
import { settlesWithin } from "../storage/settles_within.ts";
import { createLogWriter, type LogSink, type LogWriter } from "./log_writer.ts";
import { StartError } from "./start_error.ts";

/** Milliseconds that the last lines have to be read in. */
const FLUSH_MS = 1_000;

/** Loggers whose lines say who had what, or was refused it. */
const AUDITED = ["run", "http", "links"];

/** The log of a process; disposing it gives its last lines a moment to be read. */
export interface Log extends Pick<LogWriter, "dropped" | "write">, AsyncDisposable {}

/**
 * Sets the logs up; called once in a process. Runs, refusals and links that were signed are written to the
 * audit log as well, where there is one. Lines are written in the background: `console.error` waits
 * until they are read, and where a pipe has no reader, everything waited after 224 lines.
 */
export async function configureLogs(audit?: Config["audit"]): Promise<Log> {
  const format = Deno.stderr.isTerminal()
    ? getTextFormatter({ timestamp: "time", category: () => "" })
    : getJsonLinesFormatter({ properties: "flatten" });
  const writer = createLogWriter(Deno.stderr, (lines) => {
    getLogger(["spillway", "log"]).warn(
      `${lines} lines of this log are missing: it was not read in time`,
      { lines },
    );
  });
  const auditSink = audit === undefined ? undefined : openAudit(audit);
  const auditWriter = auditSink && createLogWriter(auditSink, (lines) => {
    getLogger(["spillway", "log"]).error(
      `${lines} lines of the audit log are missing: they could not be written`,
      { lines },
    );
  });
  const json = getJsonLinesFormatter({ properties: "flatten" });
  await configure({
    sinks: {
      stderr: (record) => writer.write(format(record).trimEnd()),
      audit: (record) => auditWriter?.write(json(record).trimEnd()),
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
    async [Symbol.asyncDispose]() {
      await settlesWithin(Promise.all([writer.flush(), auditWriter?.flush()]), FLUSH_MS);
    },
  };
}

/** Opens the audit log: a file that only its owner reads grows at its end. */
function openAudit(audit: NonNullable<Config["audit"]>): LogSink {
  if (audit === AUDIT_STDOUT) return Deno.stdout;
  try {
    return Deno.openSync(audit, { append: true, create: true, mode: 0o600 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`Cannot write the audit log ${audit}: ${reason}`, "file");
  }
}
