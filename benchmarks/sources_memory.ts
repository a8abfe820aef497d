/** Measures memory for every source while whole files are downloaded, as `memory.ts` does for SQLite. */

import { mariadbExports, startAuditMariadb } from "./audit_mariadb.ts";
import { postgresExports, startAuditPostgres } from "./audit_postgres.ts";
import { PEAKS, peaks, watchMemory } from "./process_memory.ts";
import { countText, table } from "./report.ts";
import { configure, type Configured, download, startServer } from "./server.ts";
import { startUpstream } from "./upstream.ts";
import { configureUpstreams } from "./upstreams.ts";

/** Rows of the files; the last one must take no more than the one before. */
const SIZES = [1_000_000, 5_000_000];

/** Rows of the file that a server has sent before it is looked at: a heap finds its level with use. */
const WARM_UP_ROWS = 2_000_000;

/** Measures each source with a server of its own. */
export async function sourcesMemory(): Promise<string> {
  const lines: string[][] = [];
  {
    using database = await startAuditPostgres();
    await using configured = await configure(postgresExports(database));
    lines.push(...await measure("PostgreSQL to CSV", configured, "rows.csv"));
    lines.push(...await measure("PostgreSQL to XLSX", configured, "rows.xlsx"));
  }
  {
    await using database = await startAuditMariadb();
    await using configured = await configure(mariadbExports(database));
    lines.push(...await measure("MariaDB to CSV", configured, "rows.csv"));
  }
  await using upstream = await startUpstream();
  await using configured = await configureUpstreams(upstream);
  lines.push(...await measure("HTTP, NDJSON, to CSV", configured, "arrays.csv"));
  lines.push(...await measure("a module to CSV", configured, "module.csv"));
  return table(["source", "rows", ...PEAKS], lines);
}

/** The memory of one server, for one file after the other. */
async function measure(name: string, configured: Configured, path: string): Promise<string[][]> {
  await using server = await startServer(configured);
  const get = (rows: number) => download(`${server.origin}/exports/${path}?rows=${rows}`);
  await get(WARM_UP_ROWS);
  const lines = [];
  for (const rows of SIZES) {
    const samples = await watchMemory(server.pid, () => get(rows));
    lines.push([name, countText(rows), ...peaks(samples)]);
  }
  return lines;
}
