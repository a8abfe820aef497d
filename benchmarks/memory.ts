/** Measures memory while whole files are downloaded: the server's and its workers', together. */

import { setTimeout } from "node:timers/promises";
import { type Memory, PEAKS, peaks, watchMemory } from "./process_memory.ts";
import { countText, table } from "./report.ts";
import { createWorkplace, download, startServer, type Workplace } from "./server.ts";

/** Formats: one of text, and the one of XML inside a ZIP. */
const FORMATS = ["csv", "xlsx"] as const;

/** Sizes of a file; the last must take no more than the one before. */
const SIZES = [100_000, 1_000_000, 10_000_000];

/** Rows of the file that a server has sent before it is looked at: a heap finds its level with use. */
const WARM_UP_ROWS = 2_000_000;

/** Exports at once: what the server lets run by default. */
const AT_ONCE = 32;

/** Rows of each of them: seconds, so that all of them overlap. */
const ROWS_AT_ONCE = 100_000;

/** Milliseconds that a server without a client is watched for. */
const IDLE_MS = 1000;

/** Measures each size and each format with a server of its own. */
export async function memory(): Promise<string> {
  await using workplace = await createWorkplace();
  const idle = await measure(workplace, () => setTimeout(IDLE_MS));
  const lines = [line("no export", "", idle)];
  for (const format of FORMATS) {
    for (const rows of SIZES) {
      const url = (origin: string, count: number) =>
        `${origin}/exports/rows.${format}?rows=${count}`;
      const samples = await measure(
        workplace,
        (origin) => download(url(origin, rows)),
        (origin) => download(url(origin, WARM_UP_ROWS)),
      );
      lines.push(line(`1 ${format.toUpperCase()}`, countText(rows), samples));
    }
  }
  for (const format of FORMATS) {
    const samples = await measure(workplace, async (origin) => {
      const url = `${origin}/exports/rows.${format}?rows=${ROWS_AT_ONCE}`;
      await Promise.all(Array.from({ length: AT_ONCE }, () => download(url)));
    });
    lines.push(line(`${AT_ONCE} ${format.toUpperCase()}`, countText(ROWS_AT_ONCE), samples));
  }
  return table(["exports at once", "rows of each", ...PEAKS], lines);
}

function line(exports: string, rows: string, samples: readonly Memory[]): string[] {
  return [exports, rows, ...peaks(samples)];
}

/** Looks at a new server's memory while something is done with it, after it was warmed up. */
async function measure(
  workplace: Workplace,
  use: (origin: string) => Promise<unknown>,
  warmUp?: (origin: string) => Promise<unknown>,
): Promise<Memory[]> {
  await using server = await startServer(workplace);
  await warmUp?.(server.origin);
  return await watchMemory(server.pid, () => use(server.origin));
}
