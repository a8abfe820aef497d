/** Measures SQLite to a client over HTTP, beside the `sqlite3` shell writing CSV to a pipe. */

import { countText, spreadText, table } from "./report.ts";
import {
  AUDIT_QUERY,
  AUDIT_ROWS,
  createWorkplace,
  download,
  startServer,
  type Workplace,
} from "./server.ts";
import { ratios, spread } from "./statistics.ts";

/** Rounds that count, after one that does not. */
const ROUNDS = 7;

/** What one way took, and gave. */
interface Taken {
  readonly seconds: number;
  /** Bytes; not counted of the shell, whose pipe ends in `cat`. */
  readonly bytes?: number;
}

/** A way to get the whole table. */
interface Way {
  readonly name: string;
  /** Runs it. */
  readonly take: () => Promise<Taken>;
}

/** Measures the whole table, each way in turn. */
export async function http(): Promise<string> {
  await using workplace = await createWorkplace();
  await using server = await startServer(workplace);
  const get = (name: string, path: string): Way => ({
    name,
    take: () => download(`${server.origin}/exports/${path}`),
  });
  const ways = [
    { name: "sqlite3 shell, CSV to a pipe", take: () => runShell(workplace) },
    get("**Spillway CSV**", "audit.csv"),
    get("Spillway CSV, datetimes moved to Asia/Seoul", "audit-seoul.csv"),
    get("Spillway NDJSON", "audit.ndjson"),
    get("Spillway XLSX", "audit.xlsx"),
  ];
  const taken = ways.map((): Taken[] => []);
  for (let round = -1; round < ROUNDS; round++) {
    for (const [index, { take }] of ways.entries()) {
      const one = await take();
      if (round >= 0) taken[index]!.push(one);
    }
  }
  const seconds = taken.map((rounds) => rounds.map(({ seconds }) => seconds));
  const lines = ways.map(({ name }, index) => [
    name,
    spreadText(spread(seconds[index]!.map((time) => AUDIT_ROWS / time / 1e6)), 2),
    ((taken[index]![0]!.bytes ?? NaN) / 1e6).toFixed(0).replace("NaN", ""),
    spreadText(spread(ratios(seconds[index]!, seconds[0]!)), 2),
  ]);
  return `${countText(AUDIT_ROWS)} rows, ${ROUNDS} rounds:\n\n` +
    table(["way", "M rows/s", "MB", "times the shell's time"], lines);
}

async function runShell({ database }: Workplace): Promise<Taken> {
  const started = performance.now();
  const { success } = await new Deno.Command("sh", {
    args: ["-c", 'sqlite3 -header -csv "$1" "$2" | cat > /dev/null', "sh", database, AUDIT_QUERY],
    stdout: "null",
  }).output();
  if (!success) throw new Error("Cannot run the sqlite3 shell: is it installed?");
  return { seconds: (performance.now() - started) / 1000 };
}
