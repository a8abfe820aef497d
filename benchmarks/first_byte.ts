/** Measures how long a client waits for the first byte of a file. */

import { setTimeout } from "node:timers/promises";
import { FORMATS } from "../exporters/mod.ts";
import { countText, table } from "./report.ts";
import { createWorkplace, startServer } from "./server.ts";
import { quantile } from "./statistics.ts";

/** Rows of the files. */
const SIZES = [1_000, 1_000_000];

/** Requests for each format and size, after some that do not count. */
const REQUESTS = 30;
const WARM_UP_REQUESTS = 3;

/** Milliseconds between requests, in which the worker of the one before lets go. */
const PAUSE_MS = 50;

/** Measures every format. */
export async function firstByte(): Promise<string> {
  await using workplace = await createWorkplace();
  await using server = await startServer(workplace);
  const formats = Object.keys(FORMATS);
  const lines = [];
  for (const format of formats) {
    const cells = [];
    for (const rows of SIZES) {
      const waits = [];
      for (let request = -WARM_UP_REQUESTS; request < REQUESTS; request++) {
        const wait = await waitFor(`${server.origin}/exports/rows.${format}?rows=${rows}`);
        if (request >= 0) waits.push(wait);
        await setTimeout(PAUSE_MS);
      }
      cells.push(`${quantile(waits, 0.5).toFixed(1)} / ${quantile(waits, 0.95).toFixed(1)}`);
    }
    lines.push([format.toUpperCase(), ...cells]);
  }
  return `Milliseconds, p50 / p95 of ${REQUESTS} requests:\n\n` +
    table(["format", ...SIZES.map((rows) => `${countText(rows)} rows`)], lines);
}

/** Milliseconds from asking to the first byte of the body; the rest is not waited for. */
async function waitFor(url: string): Promise<number> {
  const asked = performance.now();
  const response = await fetch(url, { headers: { "accept-encoding": "identity" } });
  if (!response.ok) throw new Error(`Cannot download ${url}: ${response.status}`);
  const reader = response.body!.getReader();
  await reader.read();
  const wait = performance.now() - asked;
  await reader.cancel();
  return wait;
}
