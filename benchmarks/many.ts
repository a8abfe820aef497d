/** Measures many downloads at once: throughput, memory, fairness, and how quick the rest stays. */

import { setTimeout } from "node:timers/promises";
import { postgresExports, startAuditPostgres } from "./audit_postgres.ts";
import { peakPss, watchMemory } from "./process_memory.ts";
import { table } from "./report.ts";
import {
  configure,
  type Configured,
  createWorkplace,
  download,
  type Server,
  sqliteExports,
  startServer,
} from "./server.ts";
import { quantile } from "./statistics.ts";
import { openLimits, type Version, versions } from "./version.ts";

/** Downloads at once, and the rows of each. */
const AT_ONCE = [[1, 400_000], [8, 100_000], [32, 50_000], [64, 30_000], [128, 20_000]] as const;

const FORMATS = ["csv", "xlsx"] as const;

/** Milliseconds between two looks at the server's health. */
const HEALTH_MS = 20;

/** Measures SQLite and PostgreSQL, this version beside another. */
export async function many(): Promise<string> {
  await using workplace = await createWorkplace();
  using database = await startAuditPostgres();
  const sources = [
    ["SQLite", sqliteExports(workplace.database)],
    ["PostgreSQL", postgresExports(database)],
  ] as const;
  const lines: string[][] = [];
  for (const [name, source] of sources) {
    for (const format of FORMATS) {
      for (const [atOnce, rows] of AT_ONCE) {
        for (const version of versions()) {
          await using configured = await configure(`${await openLimits(version)}${source}`);
          const cells = await measure(configured, version, { format, atOnce, rows });
          lines.push([`${name} ${format.toUpperCase()}`, version.name, ...cells]);
        }
      }
    }
  }
  return table(["source and format", "version", ...AT_ONCE_COLUMNS], lines);
}

interface Task {
  readonly format: string;
  readonly atOnce: number;
  readonly rows: number;
}

async function measure(
  configured: Configured,
  { folder }: Version,
  { format, atOnce, rows }: Task,
): Promise<string[]> {
  await using server = await startServer(configured, folder);
  // V8 has compiled all of a worker once it has written some rows.
  await download(`${server.origin}/exports/rows.${format}?rows=300000`);
  const url = `${server.origin}/exports/rows.${format}?rows=${rows}`;
  return await downloadAtOnce(server, { url, atOnce, rows });
}

/** What {@linkcode downloadAtOnce} measures. */
export const AT_ONCE_COLUMNS = [
  ...["at once", "1,000 rows/s together", "peak PSS, MB", "slowest/fastest"],
  ...["first byte p50, ms", "p99", "/healthz p50, ms", "p99", "not whole"],
];

/** Downloads a file many times at once from a server, and looks at it meanwhile. */
export async function downloadAtOnce(
  server: Pick<Server, "origin" | "pid">,
  { url, atOnce, rows }: { readonly url: string; readonly atOnce: number; readonly rows: number },
): Promise<string[]> {
  const stop = new AbortController();
  const health = watchHealth(`${server.origin}/healthz`, stop.signal);
  let downloads: readonly Download[] = [];
  let seconds = 0;
  const samples = await watchMemory(server.pid, async () => {
    const started = performance.now();
    downloads = await Promise.all(Array.from({ length: atOnce }, () => fetchAll(url)));
    seconds = (performance.now() - started) / 1000;
  });
  stop.abort();
  const waits = await health;
  const whole = downloads.filter(({ whole }) => whole);
  const totals = whole.map(({ total }) => total);
  const firsts = whole.map(({ first }) => 1000 * first);
  return [
    String(atOnce),
    (whole.length * rows / seconds / 1e3).toFixed(0),
    peakPss(samples).toFixed(0),
    ...whole.length === 0 ? ["-", "-", "-"] : [
      (quantile(totals, 1) / quantile(totals, 0)).toFixed(2),
      quantile(firsts, 0.5).toFixed(0),
      quantile(firsts, 0.99).toFixed(0),
    ],
    quantile(waits, 0.5).toFixed(1),
    quantile(waits, 0.99).toFixed(1),
    String(downloads.length - whole.length),
  ];
}

/** What curl saw, in seconds. */
interface Download {
  readonly whole: boolean;
  readonly first: number;
  readonly total: number;
}

async function fetchAll(url: string): Promise<Download> {
  const { success, stdout } = await new Deno.Command("curl", {
    args: ["--silent", "--fail", "--output", "/dev/null", "--write-out"]
      .concat("%{time_starttransfer} %{time_total}", url),
    stderr: "null",
  }).output();
  const [first, total] = new TextDecoder().decode(stdout).split(" ").map(Number);
  return { whole: success, first: first!, total: total! };
}

/** Asks for the health over and over; the milliseconds that each answer took. */
async function watchHealth(url: string, stop: AbortSignal): Promise<number[]> {
  const waits: number[] = [];
  while (!stop.aborted) {
    const asked = performance.now();
    await (await fetch(url)).body?.cancel();
    waits.push(performance.now() - asked);
    await setTimeout(HEALTH_MS);
  }
  return waits;
}
