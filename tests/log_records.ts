/** Takes down what is logged. */

import { configure, type LogRecord, reset } from "@logtape/logtape";

/** What is logged while something is done. */
export async function recordsOf(act: () => void): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  await configure({
    sinks: { records: (record) => void records.push(record) },
    loggers: [
      { category: "spillway", sinks: ["records"] },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "error" },
    ],
  });
  try {
    act();
  } finally {
    await reset();
  }
  return records;
}
