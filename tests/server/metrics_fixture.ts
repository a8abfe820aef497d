/** Numbers of runs that never were, and of a server that has seen a little of everything. */

import assert from "node:assert/strict";
import type { ObservedRun, RunReport } from "../../runs/observer.ts";
import type { Measured, Metrics } from "../../server/metrics.ts";
import { startServer } from "../http/fixture.ts";
import { until } from "../waiting.ts";

/** What is looked up when the numbers are asked for. */
const MEASURED = {
  admission: {
    ...{ taken: 2, units: 3.5, waiting: 1, waited: { runs: 4, milliseconds: 2500 } },
    ...{ endedBytes: 65536, refused: { full: 3, timeout: 0, draining: 0, memory: 1 } },
  },
  pressure: { steps: { memory: 1, descriptors: 0, disk: 0 } },
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
  log: { dropped: 0, audit: { failing: false, missing: 0 } },
  ledger: { failures: 0, waiting: 0, lost: 0 },
  reload: { successful: true, succeededAt: 1_800_000_000 },
  certificate: { notAfter: new Date("2027-01-01T00:00:00Z") },
} as unknown as Measured;

/** Which run it was. */
interface Run {
  readonly export?: string;
  readonly tenant?: string;
  /** Milliseconds for which it waited for its slot. */
  readonly waited?: number;
}

/** A run of one export that ended so. */
export function endRun(
  metrics: Metrics,
  report: Partial<RunReport>,
  { export: name = "audit-log", tenant, waited = 0 }: Run = {},
): void {
  metrics.ended!(
    {
      ...{ id: "7", state: "complete", rows: 10, bytes: 1000, duration: 1, spilled: false },
      ...{ warnings: [], times: { worker: 0, client: 0 }, steps: { worked: 1 } },
      ...report,
    },
    {
      ...{ id: "7", startedAt: new Date(0), waited },
      task: { export: name, tables: [], format: "csv", options: {}, coding: "identity" },
      request: { principal: { id: "anonymous", tenant } },
    } as unknown as ObservedRun,
  );
}

/** The text of these numbers. */
export async function textOf(metrics: Metrics): Promise<string> {
  return (await metrics.scrape(MEASURED)).text;
}

/** What a server says that has a spool, and has had a run that was complete, one that failed and a refusal. */
export async function everyMetric(): Promise<string> {
  await using server = await startServer({
    spool: "{ dir: spool, allow_memory: true }",
    log: { dropped: 0, audit: { failing: false, missing: 0 } },
  });
  await (await fetch(`${server.origin}/exports/rows.csv`)).text();
  await assert.rejects(async () => {
    await (await fetch(`${server.origin}/exports/breaks.csv?at=5000`)).text();
  });
  const headers = { "x-api-key": "none" };
  const refused = await fetch(`${server.origin}/exports/rows.csv`, { headers });
  assert.equal(refused.status, 401);
  await refused.text();
  await until(() => server.reports.length === 2);
  return await (await fetch(`${server.origin}/metrics`)).text();
}
