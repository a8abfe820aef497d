/** Measures one download of a gigabyte: how long it takes, whose processor time, and how much memory. */

import { cpuSeconds } from "./process_time.ts";
import { peakPss, watchMemory } from "./process_memory.ts";
import { countText, spreadText, table } from "./report.ts";
import { createWorkplace, download, startServer, type Workplace } from "./server.ts";
import { spread } from "./statistics.ts";
import { type Version, versions } from "./version.ts";

/** Formats, and rows that make about a gigabyte of the text; a workbook of so many is a tenth of it. */
const DOWNLOADS = [["csv", 5_600_000], ["ndjson", 3_500_000], ["xlsx", 2_000_000]] as const;

/** Downloads of each version, in turns. */
const ROUNDS = 3;

/** What one download took. */
interface Cost {
  readonly bytes: number;
  readonly seconds: number;
  readonly server: number;
  readonly workers: number;
  readonly pss: number;
}

/** Measures SQLite in three formats, this version beside another. */
export async function downloads(): Promise<string> {
  await using workplace = await createWorkplace();
  const lines: string[][] = [];
  for (const [format, rows] of DOWNLOADS) {
    const costs = new Map<Version, Cost[]>(versions().map((version) => [version, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [version, list] of costs) {
        list.push(await measure(workplace, version, `rows.${format}?rows=${rows}`));
      }
    }
    const first = costs.values().next().value!;
    for (const [{ name }, list] of costs) {
      const of = (number: (cost: Cost, round: number) => number) =>
        spreadText(spread(list.map(number)), 2);
      lines.push([
        format.toUpperCase(),
        name,
        countText(Math.round(list[0]!.bytes / 1e6)),
        of(({ seconds }) => seconds),
        of(({ seconds }, round) => seconds / first[round]!.seconds),
        of(({ server }) => server),
        of(({ workers }) => workers),
        of(({ pss }) => pss),
      ]);
    }
  }
  return table([
    ...["format", "version", "MB", "seconds", "times the first one's"],
    ...["server, CPU s", "workers, CPU s", "peak PSS, MB"],
  ], lines);
}

async function measure(workplace: Workplace, { folder }: Version, path: string): Promise<Cost> {
  await using server = await startServer(workplace, folder);
  await download(`${server.origin}/exports/rows.csv?rows=300000`);
  const before = await cpuSeconds(server.pid);
  let result = { bytes: 0, seconds: 0 };
  const samples = await watchMemory(server.pid, async () => {
    result = await download(`${server.origin}/exports/${path}`);
  });
  const after = await cpuSeconds(server.pid);
  return {
    ...result,
    server: after.own - before.own,
    workers: after.children - before.children,
    pss: peakPss(samples),
  };
}
