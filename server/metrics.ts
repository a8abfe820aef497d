/** The numbers of a server, for Prometheus to scrape. */

import type { Admission } from "../runs/admission.ts";
import type { WatchedMemory } from "../runs/memory_guard.ts";
import type { Pressure } from "../runs/pressure.ts";
import type { WorkerPool } from "../runs/pool.ts";
import type { RunObserver } from "../runs/observer.ts";
import type { LedgerCounts } from "../runs/receipts.ts";
import type { Certificate } from "./certificate.ts";
import {
  createCounter,
  createHistogram,
  EXPOSITION_TYPE,
  expositionText,
  type Metric,
} from "./exposition.ts";
import type { ConnectionCounts } from "./http/mod.ts";
import type { OpenedSpool } from "../storage/spool/mod.ts";
import type { Log } from "./logs.ts";
import type { ReloadState } from "./reload.ts";

/** What is measured. */
export interface Measured {
  /** The slots. */
  readonly admission: Admission;
  /** What is known of memory. */
  readonly memory: Pick<WatchedMemory, "reading">;
  /** What is shed. */
  readonly pressure: Pick<Pressure, "steps">;
  /** The workers. */
  readonly pool: WorkerPool;
  /** The spool, where there is one. */
  readonly spool: OpenedSpool | undefined;
  /** The connections. */
  readonly connections: ConnectionCounts;
  /** What became of receipts. */
  readonly ledger: LedgerCounts;
  /** The log, where lines may be dropped. */
  readonly log: Partial<Pick<Log, "dropped" | "audit">> | undefined;
  /** What came of the last reading of the configuration. */
  readonly reload: ReloadState;
  /** The certificate, where there is TLS. */
  readonly certificate: Pick<Certificate, "notAfter"> | undefined;
}

/** What runs of several exports count under; no export can be called so. */
const SEVERAL = "(several)";

/** Seconds that first bytes are compared with: a file begins in milliseconds, a source takes as long as it may. */
const FIRST_BYTE_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** The same of whole runs, of which some take an hour. */
const DURATION_BOUNDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600];

/** Numbers that are counted as they happen, and numbers that are looked up when they are asked for. */
export interface Metrics extends RunObserver {
  /** Counts a request that was refused with this status. */
  refused(status: number): void;
  /** The numbers now, in Prometheus's text format; asking changes none of them. */
  scrape(measured: Measured): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Makes the numbers of a server that has not run anything yet. */
export function createMetrics(): Metrics {
  const runs = createCounter();
  const rows = createCounter();
  const bytes = createCounter();
  const spilled = createCounter();
  spilled.add({}, 0);
  const refused = createCounter();
  const firstByte = createHistogram(FIRST_BYTE_BOUNDS);
  const duration = createHistogram(DURATION_BOUNDS);
  const phases = createCounter();

  return {
    refused: (status) => refused.add({ status: `${status}` }),
    ended(report, { request, waited = 0, task: { export: names, format, describe } }) {
      // It made no file.
      if (describe) return;
      // As many labels as there are exports, and not as there are ways to put several in one file.
      const name = names.includes(",") ? SEVERAL : names;
      const tenant_class = request?.principal.tenant === undefined ? "none" : "tenant";
      runs.add({ export: name, format, state: report.state, tenant_class });
      rows.add({ export: name }, report.rows);
      bytes.add({ export: name, format }, report.bytes);
      if (report.spilled) spilled.add({});
      if (report.firstByte !== undefined) {
        firstByte.observe({ export: name }, (waited + report.firstByte) / 1000);
      }
      if (report.state === "complete") {
        duration.observe({ export: name }, (waited + report.duration) / 1000);
      }
      for (const [phase, milliseconds] of Object.entries({ queue: waited, ...report.times })) {
        phases.add({ export: name, phase }, milliseconds / 1000);
      }
    },
    async scrape(
      {
        admission,
        memory,
        pressure,
        pool,
        spool,
        connections,
        ledger,
        log,
        reload,
        certificate,
      },
    ) {
      const text = expositionText([
        counter(
          "runs_total",
          "Runs that have ended, by state and by whether they were for a tenant",
          runs.samples(),
        ),
        counter("rows_total", "Rows that sources gave", rows.samples()),
        counter("bytes_total", "Bytes of files handed to connections", bytes.samples()),
        counter("spilled_runs_total", "Runs that waited on the disk", spilled.samples()),
        histogram(
          "first_byte_seconds",
          "Time from when a run asked for a slot to its first byte",
          firstByte.samples(),
        ),
        histogram(
          "run_duration_seconds",
          "Time from when a run that was complete asked for a slot to its end",
          duration.samples(),
        ),
        counter(
          "run_phase_seconds_total",
          "Time that runs waited for a slot, a worker and the source, encoded, waited for the client",
          phases.samples(),
        ),
        gauge("runs_in_flight", "Runs that have a slot", admission.taken),
        ...admissionMetrics(admission),
        {
          name: "spillway_shedding_step",
          help:
            "What is shed as a resource is short: 0 nothing, 1 waiting, 2 heavy runs, 3 all runs",
          type: "gauge",
          samples: Object.entries(pressure.steps).map(([resource, value]) => ({
            labels: { resource },
            value,
          })),
        },
        gauge(
          "ended_runs_bytes",
          "Bytes in memory of runs whose source has ended and whose client reads on",
          admission.endedBytes,
        ),
        counter(
          "requests_refused_total",
          "Requests that were refused, by the status of the answer",
          refused.samples(),
        ),
        ...memoryMetrics(memory),
        gauge("workers", "Worker processes", pool.size.workers),
        gauge("workers_idle", "Worker processes without a task", pool.size.idle),
        ...connectionMetrics(connections),
        ...ledgerMetrics(ledger),
        counter("log_lines_dropped_total", "Lines of the log that nobody read in time", [
          { labels: {}, value: log?.dropped ?? 0 },
        ]),
        ...auditMetrics(log?.audit),
        ...reloadMetrics(reload),
        ...(certificate
          ? [
            gauge(
              "tls_certificate_not_after_seconds",
              "When the certificate ends",
              certificate.notAfter.getTime() / 1000,
            ),
          ]
          : []),
        ...await spoolMetrics(spool),
      ]);
      return { contentType: EXPOSITION_TYPE, text };
    },
  };
}

function admissionMetrics({ units, waiting, waited, refused }: Admission): Metric[] {
  return [
    gauge("units_taken", "Units of limits.concurrent that runs take", units),
    gauge("queue_length", "Runs that wait for a slot", waiting),
    counter("queued_runs_total", "Runs that got a slot after they had waited for one", [
      { labels: {}, value: waited.runs },
    ]),
    counter("queue_wait_seconds_total", "Seconds that they waited", [
      { labels: {}, value: waited.milliseconds / 1000 },
    ]),
    counter(
      "runs_refused_total",
      "Runs that were refused before they began, by reason",
      Object.entries(refused).map(([reason, value]) => ({ labels: { reason }, value })),
    ),
  ];
}

/** Why connections are closed, as labels. */
const REASONS = {
  refused: "refused",
  handshake: "handshake",
  per_address: "perAddress",
  headless: "headless",
  bodyless: "bodyless",
  idle: "idle",
  stalled: "stalled",
} as const satisfies Record<string, keyof ConnectionCounts>;

function connectionMetrics(counts: ConnectionCounts): Metric[] {
  const total = (value: number) => [{ labels: {}, value }];
  return [
    gauge("connections", "Open connections", counts.open),
    gauge("connections_max", "Connections that there may be", counts.max),
    counter(
      "connections_closed_total",
      "Connections that the server closed, by reason",
      Object.entries(REASONS).map(([reason, key]) => ({ labels: { reason }, value: counts[key] })),
    ),
    counter("accept_failures_total", "Times that accept failed", total(counts.failed)),
    counter(
      "listener_reopened_total",
      "Times that the port was opened again",
      total(counts.reopened),
    ),
  ];
}

function ledgerMetrics({ failures, waiting, lost }: LedgerCounts): Metric[] {
  const total = (value: number) => [{ labels: {}, value }];
  return [
    counter(
      "ledger_failures_total",
      "Times that the ledger could not be read or written",
      total(failures),
    ),
    gauge("ledger_waiting_runs", "Runs that the ledger could not be told of yet", waiting),
    counter("ledger_lost_total", "Runs that the ledger was never told the end of", total(lost)),
  ];
}

function auditMetrics(audit: Log["audit"]): Metric[] {
  if (!audit) return [];
  return [
    gauge("audit_failing", "1 while the audit log cannot be written", Number(audit.failing)),
    counter("audit_lines_missing_total", "Lines that the audit log does not have", [
      { labels: {}, value: audit.missing },
    ]),
  ];
}

function memoryMetrics({ reading }: Pick<WatchedMemory, "reading">): Metric[] {
  if (!reading) return [];
  return [
    gauge("memory_bytes", "Memory that the server and its workers take", reading.used),
    gauge("memory_limit_bytes", "Memory that they may take", reading.limit),
  ];
}

/** Named as Prometheus names those of its own, for which there are alerts to copy. */
function reloadMetrics({ successful, succeededAt }: ReloadState): Metric[] {
  return [
    gauge(
      "config_last_reload_successful",
      "Whether the configuration that was read last is in force",
      Number(successful),
    ),
    gauge(
      "config_last_reload_success_timestamp_seconds",
      "When the configuration in force was read",
      succeededAt,
    ),
  ];
}

async function spoolMetrics(spool: OpenedSpool | undefined): Promise<Metric[]> {
  if (!spool) return [];
  const { bytes, peakBytes, reservedBytes, freeBytes, refused } = await spool.stats();
  return [
    gauge("spool_bytes", "Bytes that wait on the disk", bytes),
    gauge("spool_bytes_peak", "The most that waited in this minute and the last", peakBytes),
    gauge("spool_reserved_bytes", "Bytes of the disk reserved, written or not", reservedBytes),
    gauge("spool_free_bytes", "Bytes free on the disk", freeBytes),
    counter(
      "spool_refused_total",
      "Times that there was no room, by reason",
      Object.entries(refused).map(([reason, value]) => ({ labels: { reason }, value })),
    ),
  ];
}

function gauge(name: string, help: string, value: number): Metric {
  return { name: `spillway_${name}`, help, type: "gauge", samples: [{ labels: {}, value }] };
}

function counter(name: string, help: string, samples: Metric["samples"]): Metric {
  return { name: `spillway_${name}`, help, type: "counter", samples };
}

function histogram(name: string, help: string, samples: Metric["samples"]): Metric {
  return { name: `spillway_${name}`, help, type: "histogram", samples };
}
