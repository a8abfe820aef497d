/** Where log lines go: standard error, as JSON for machines and as words where a person watches. */

import { configure, getJsonLinesFormatter, getLogger, getTextFormatter } from "@logtape/logtape";
import { settlesWithin } from "../storage/settles_within.ts";
import { createLogWriter, type LogWriter } from "./log_writer.ts";

/** Milliseconds that the last lines have to be read in. */
const FLUSH_MS = 1_000;

/** The log of a process; disposing it gives its last lines a moment to be read. */
export interface Log extends Pick<LogWriter, "dropped" | "write">, AsyncDisposable {}

/**
 * Sets the logs up; called once in a process. Lines are written in the background: `console.error` waits
 * until they are read, and where nobody reads a pipe, everything waited after 224 lines.
 */
export async function configureLogs(): Promise<Log> {
  const format = Deno.stderr.isTerminal()
    ? getTextFormatter({ timestamp: "time", category: () => "" })
    : getJsonLinesFormatter({ properties: "flatten" });
  const writer = createLogWriter(Deno.stderr, (lines) => {
    getLogger(["spillway", "log"]).warn(
      `${lines} lines of this log are missing: it was not read in time`,
      { lines },
    );
  });
  await configure({
    sinks: { stderr: (record) => writer.write(format(record).trimEnd()) },
    loggers: [
      { category: ["spillway"], sinks: ["stderr"], lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: ["stderr"], lowestLevel: "warning" },
    ],
  });
  return {
    get dropped() {
      return writer.dropped;
    },
    write: (line) => writer.write(line),
    async [Symbol.asyncDispose]() {
      await settlesWithin(writer.flush(), FLUSH_MS);
    },
  };
}
