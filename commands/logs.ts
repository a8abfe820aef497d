/** Where log lines go: standard error, as JSON for machines and as words where a person watches. */

import { configure, getJsonLinesFormatter, getTextFormatter } from "@logtape/logtape";

/** Sets the logs up; called once in a process. */
export async function configureLogs(): Promise<void> {
  const format = Deno.stderr.isTerminal()
    ? getTextFormatter({ timestamp: "time", category: () => "" })
    : getJsonLinesFormatter({ properties: "flatten" });
  await configure({
    sinks: { stderr: (record) => console.error(format(record).trimEnd()) },
    loggers: [
      { category: ["spillway"], sinks: ["stderr"], lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: ["stderr"], lowestLevel: "warning" },
    ],
  });
}
