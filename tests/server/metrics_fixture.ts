/** Numbers of a server that has seen a little of everything. */

import type { ObservedRun, RunReport } from "../../runs/observer.ts";
import { createMetrics, type Measured, type Metrics } from "../../server/metrics.ts";

/** What is looked up when the numbers are asked for. */
const MEASURED = {
  admission: { taken: 2, endedBytes: 65536, refused: { full: 3, draining: 0, memory: 1 } },
  memory: { reading: { used: 100_000_000, limit: 400_000_000 } },
  pool: { size: { workers: 2, idle: 1, waiting: 0 } },
  spool: {
    stats: () =>
      Promise.resolve({
        bytes: 5,
        peakBytes: 7,
        reservedBytes: 10,
        freeBytes: 1000,
        refused: { quota: 0, tenant: 0, disk: 4, failing: 0 },
      }),
  },
  connections: {
    ...{ open: 4, max: 64, refused: 0, perAddress: 0, headless: 0, bodyless: 0 },
    ...{ idle: 0, stalled: 2, failed: 0, reopened: 0 },
  },
  log: { dropped: 0 },
} as unknown as Measured;

/** A run of one export that ended so. */
export function endRun(
  metrics: Metrics,
  report: Partial<RunReport>,
  { export: name = "audit-log", tenant }: { export?: string; tenant?: string } = {},
): void {
  metrics.ended!(
    {
      ...{ id: "7", state: "complete", rows: 10, bytes: 1000, duration: 1, spilled: false },
      ...{ warnings: [], times: { worker: 0, client: 0 }, steps: { worked: 1 } },
      ...report,
    },
    {
      ...{ id: "7", startedAt: new Date(0) },
      task: { export: name, tables: [], format: "csv", options: {}, coding: "identity" },
      request: { principal: { id: "anonymous", tenant } },
    } as unknown as ObservedRun,
  );
}

/** The text of these numbers. */
export async function textOf(metrics: Metrics): Promise<string> {
  return (await metrics.scrape(MEASURED)).text;
}

/** The text of a server that has numbers of every name. */
export async function everyMetric(): Promise<string> {
  const metrics = createMetrics();
  const times = { worker: 250, source: 2000, encode: 500, client: 1250 };
  endRun(metrics, { duration: 4000, firstByte: 20, times });
  endRun(metrics, { duration: 90_000, firstByte: 120_000, times }, { tenant: "42" });
  endRun(metrics, { state: "failed", spilled: true }, { export: "audit-log,invoices" });
  metrics.refused(401);
  metrics.refused(401);
  metrics.refused(503);
  return await textOf(metrics);
}
