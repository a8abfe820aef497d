/** Measures exports of ten rows, as many as clients can ask for: what a run costs beside its rows. */

import { startAuditPostgres } from "./audit_postgres.ts";
import { table } from "./report.ts";
import { configure, type Configured, createWorkplace, NAMES, startServer } from "./server.ts";
import { cpuSeconds } from "./process_time.ts";
import { openLimits, type Version, versions } from "./version.ts";

/** Clients at once. */
const CLIENTS = [1, 8, 32, 128];

/** Seconds of each measurement, after one that does not count. */
const SECONDS = 6;
const WARM_UP_SECONDS = 3;

/** Ten rows by their key, as a page of an application asks for them. */
const EXPORTS = `
exports:
  ten:
    source: app
    query: select ${NAMES.join(", ")} from audit where id <= 10 order by id
`;

/** Measures SQLite and PostgreSQL, this version beside another. */
export async function small(): Promise<string> {
  await using workplace = await createWorkplace();
  using database = await startAuditPostgres();
  const sources = [
    ["SQLite", `sources: { app: { type: sqlite, path: "${workplace.database}" } }`],
    ["PostgreSQL", `sources: { app: { type: postgres, url: "${database.url()}" } }`],
  ] as const;
  const lines: string[][] = [];
  for (const [name, source] of sources) {
    for (const clients of CLIENTS) {
      for (const version of versions()) {
        const limits = await openLimits(version);
        await using configured = await configure(`${limits}${source}${EXPORTS}`);
        lines.push([
          name,
          version.name,
          String(clients),
          ...await measure(configured, version, clients),
        ]);
      }
    }
  }
  return table([
    ...["source", "version", "clients", "requests/s", "p50, ms", "p99, ms"],
    ...["server, CPU ms a request", "workers, CPU ms a request", "not 200"],
  ], lines);
}

async function measure(
  configured: Configured,
  { folder }: Version,
  clients: number,
): Promise<string[]> {
  await using server = await startServer(configured, folder);
  const url = `${server.origin}/exports/ten.csv`;
  await load(url, clients, WARM_UP_SECONDS);
  const before = await cpuSeconds(server.pid);
  const { requests, p50, p99, failed } = await load(url, clients, SECONDS);
  const after = await cpuSeconds(server.pid);
  if (requests === 0) return ["0", "-", "-", "-", "-", String(failed)];
  const each = (seconds: number) => (1000 * seconds / requests).toFixed(2);
  return [
    (requests / SECONDS).toFixed(0),
    p50.toFixed(1),
    p99.toFixed(1),
    each(after.own - before.own),
    each(after.children - before.children),
    String(failed),
  ];
}

/** What wrk saw. */
interface Load {
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

/** Asks again and again over kept connections, for some seconds. */
async function load(url: string, clients: number, seconds: number): Promise<Load> {
  const { success, stdout, stderr } = await new Deno.Command("wrk", {
    args: ["--threads=1", `--connections=${clients}`, `--duration=${seconds}s`]
      // It leaves out of the percentiles what takes longer than this, 2 s by itself.
      .concat("--latency", `--timeout=${seconds}s`, url),
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`Cannot run wrk: ${new TextDecoder().decode(stderr)}`);
  const milliseconds = (share: string) => {
    // Seconds have a space behind them.
    const [, value, unit] = new RegExp(`^ +${share}% +([\\d.]+)(us|ms|s) *$`, "m").exec(text) ?? [];
    return Number(value) * ({ us: 0.001, ms: 1, s: 1000 }[unit ?? ""] ?? NaN);
  };
  return {
    requests: Number(/(\d+) requests in/.exec(text)?.[1]),
    p50: milliseconds("50"),
    p99: milliseconds("99"),
    failed: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
  };
}
