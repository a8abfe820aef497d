/** The numbers of a server, for Prometheus to scrape. */

import { Counter, Gauge, Registry } from "prom-client";
import type { Admission } from "../runs/admission.ts";
import type { WorkerPool } from "../runs/pool.ts";
import type { RunTask } from "../runs/protocol.ts";
import type { RunReport } from "../runs/run.ts";
import type { GateCounts } from "../server/gate.ts";
import type { OpenedSpool, SpoolStats } from "../storage/spool.ts";

/** What is measured. */
export interface Measured {
  /** The slots. */
  readonly admission: Admission;
  /** The workers. */
  readonly pool: WorkerPool;
  /** The spool, where there is one. */
  readonly spool: OpenedSpool | undefined;
  /** The connections. */
  readonly connections: () => GateCounts;
}

/** Numbers that are counted as they happen, and numbers that are looked up when they are asked for. */
export interface Metrics {
  /** Counts a run that has ended. */
  countRun(report: RunReport, task: Pick<RunTask, "export" | "format">): void;
  /** The numbers now, in Prometheus's text format; the peak of the spool begins anew with it. */
  scrape(measured: Measured): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** What a scrape has looked up. */
interface Numbers extends Measured {
  readonly stats: SpoolStats | undefined;
  readonly peak: number | undefined;
}

/** Begins to measure. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  let numbers: Numbers | undefined;

  function lookedUp(name: string, help: string, read: (numbers: Numbers) => number | undefined) {
    new Gauge({
      name: `spillway_${name}`,
      help,
      registers,
      collect() {
        const value = numbers && read(numbers);
        if (value !== undefined) this.set(value);
      },
    });
  }

  const runs = new Counter({
    name: "spillway_runs_total",
    help: "Runs that have ended, by state",
    labelNames: ["export", "format", "state"],
    registers,
  });
  const rows = new Counter({
    name: "spillway_rows_total",
    help: "Rows that sources gave",
    labelNames: ["export"],
    registers,
  });
  const bytes = new Counter({
    name: "spillway_bytes_total",
    help: "Bytes of files that were handed to connections",
    labelNames: ["export", "format"],
    registers,
  });
  const spilled = new Counter({
    name: "spillway_spilled_runs_total",
    help: "Runs of which some waited on the disk for its reader",
    registers,
  });
  lookedUp("runs_in_flight", "Runs that have a slot", ({ admission }) => admission.taken);
  lookedUp("workers", "Worker processes", ({ pool }) => pool.size.workers);
  lookedUp("workers_idle", "Worker processes without a task", ({ pool }) => pool.size.idle);
  lookedUp("connections", "Open connections", ({ connections }) => connections().open);
  lookedUp(
    "connections_stalled_total",
    "Connections that were closed as their client took nothing",
    ({ connections }) => connections().stalled,
  );
  lookedUp("spool_bytes", "Bytes that wait on the disk", ({ stats }) => stats?.bytes);
  lookedUp("spool_bytes_peak", "The most that waited since the last scrape", ({ peak }) => peak);
  lookedUp(
    "spool_reserved_bytes",
    "Bytes of the disk that are reserved, written or not",
    ({ stats }) => stats?.reservedBytes,
  );
  lookedUp("spool_free_bytes", "Bytes free on the disk", ({ stats }) => stats?.freeBytes);
  new Gauge({
    name: "spillway_spool_refused_total",
    help: "Times that there was no room, by reason",
    labelNames: ["reason"],
    registers,
    collect() {
      const refused: Record<string, number> = numbers?.stats?.refused ?? {};
      for (const [reason, count] of Object.entries(refused)) this.set({ reason }, count);
    },
  });

  return {
    countRun(report, { export: name, format }) {
      runs.inc({ export: name, format, state: report.state });
      rows.inc({ export: name }, report.rows);
      bytes.inc({ export: name, format }, report.bytes);
      if (report.spilled) spilled.inc();
    },
    async scrape(measured) {
      const { spool } = measured;
      numbers = { ...measured, stats: await spool?.stats(), peak: spool?.takePeak() };
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
