/** Runs thousands of exports of every kind, one in eleven of them left by its client, and looks at what stays. */

import { setTimeout } from "node:timers/promises";
import { startAuditPostgres } from "./audit_postgres.ts";
import { countText, table } from "./report.ts";
import { configure, createWorkplace, NAMES, type Server, startServer } from "./server.ts";
import { startUpstream } from "./upstream.ts";
import { MODULE_SOURCE } from "./upstreams.ts";

/** Runs of each round, and rounds: the last must leave no more than the one before. */
const RUNS = 5000;
const ROUNDS = 2;

/** Clients at once. */
const CLIENTS = 8;

/**
 * One of so many is left by its client once its first bytes are there. It has no divisor with the counts of
 * exports, formats and sizes, so that all of them are left.
 */
const ABORTED = 11;

/** Milliseconds after which workers and connections that are not needed are gone. */
const SETTLE_MS = 45_000;

const FORMATS = ["csv", "tsv", "json", "ndjson", "xml", "xlsx"];

/** Sizes of files in rows: mostly small, a few longer than the kernel's buffers. */
const SIZES = [1, 10, 10, 100, 1000, 100_000];

/** Prints what the server and its children hold: descriptors, processes and memory. A shell reads them. */
const SCRIPT = `
children=$(cat /proc/$1/task/*/children)
for pid in $1 $children; do ls /proc/$pid/fd; done | wc -l
echo $children | wc -w
for pid in $1 $children; do grep ^Pss: /proc/$pid/smaps_rollup; done`;

/** Measures all kinds of sources together. */
export async function soak(): Promise<string> {
  await using workplace = await createWorkplace();
  using postgres = await startAuditPostgres();
  await using upstream = await startUpstream();
  const query = `select ${NAMES.join(", ")} from audit where id <= :rows order by`;
  const params = "params: { rows: { type: integer } }";
  await using configured = await configure(`
sources:
  sqlite: { type: sqlite, path: "${workplace.database}" }
  postgres: { type: postgres, url: "${postgres.url()}" }
  http: { type: http, url: "${upstream.url}" }
  module: ${MODULE_SOURCE}
exports:
  sqlite: { source: sqlite, query: "${query} id", ${params} }
  sorted: { source: sqlite, query: "${query} note, id", ${params} }
  postgres: { source: postgres, query: "${query} id", ${params} }
  http: { source: http, query: "/arrays?rows=50000", params: {} }
  module: { source: module, params: { rows: { type: integer }, batches: { type: boolean, default: false } } }
  broken: { source: sqlite, query: "select * from no_such_table where :rows > 0", ${params} }
`);
  await using server = await startServer(configured);
  // Every kind once, so that what is loaded once does not count as growth.
  await runMany(server, 200);
  await setTimeout(SETTLE_MS);
  const connections = async () => {
    const sql = postgres.connect();
    try {
      const [row] =
        await sql`select count(*)::int as n from pg_stat_activity where usename = 'reader'`;
      return row!.n as number;
    } finally {
      await sql.end();
    }
  };
  const lines = [["after 200 runs", ...await held(server), String(await connections())]];
  for (let round = 1; round <= ROUNDS; round++) {
    const { whole, left, refused } = await runMany(server, RUNS);
    await setTimeout(SETTLE_MS);
    lines.push([
      `after ${countText(round * RUNS)} more: ${whole} whole, ${left} left, ${refused} refused`,
      ...await held(server),
      String(await connections()),
    ]);
  }
  return table(["", "PSS, MB", "descriptors", "workers", "database connections"], lines);
}

async function runMany(server: Server, count: number) {
  const outcomes = { whole: 0, left: 0, refused: 0 };
  let next = 0;
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    while (next < count) outcomes[await runOne(server, next++)]++;
  }));
  return outcomes;
}

async function runOne({ origin }: Server, number: number): Promise<"whole" | "left" | "refused"> {
  const names = ["sqlite", "sorted", "postgres", "http", "module", "broken", "sqlite", "postgres"];
  const name = names[number % names.length]!;
  const format = FORMATS[Math.floor(number / names.length) % FORMATS.length]!;
  const rows = SIZES[Math.floor(number / 48) % SIZES.length]!;
  const asked = name === "http" ? "" : `?rows=${rows}`;
  const response = await fetch(`${origin}/exports/${name}.${format}${asked}`);
  if (!response.ok) {
    await response.body?.cancel();
    return "refused";
  }
  const reader = response.body!.getReader();
  for (let first = true;; first = false) {
    const { done } = await reader.read();
    if (done) return "whole";
    if (!first || number % ABORTED !== 0) continue;
    await reader.cancel();
    return "left";
  }
}

/** Memory, descriptors and children of the server. */
async function held({ pid }: Server): Promise<string[]> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", SCRIPT, "sh", String(pid)],
    stderr: "null",
  }).output();
  const [descriptors = "", children = "", ...sizes] = new TextDecoder().decode(stdout).trim()
    .split("\n");
  const pss = sizes.reduce((sum, line) => sum + Number(/(\d+) kB/.exec(line)?.[1] ?? 0), 0);
  return [(pss / 1000).toFixed(0), descriptors, children];
}
