/** Reads a workbook in a process of its own, and says how many rows there were and how much memory it took at most. */

import { openFile, openScratch } from "../../../../sources/upload/files.ts";
import { openSheet } from "../../../../sources/upload/xlsx/mod.ts";

const [path, scratchPath] = Deno.args;

using file = openFile(path!);
let rows = 0;
let error: string | undefined;
try {
  const sheet = await openSheet(file, {
    reading: {},
    limits: { maxCells: 1e9, maxRow: 2 ** 24 },
    note: () => {},
    scratch: () => openScratch(scratchPath!, Infinity),
  });
  for (let batch; (batch = await sheet.read());) rows += batch.rows.length;
} catch (cause) {
  error = (cause as Error).message;
}
const [, peak] = /VmHWM:\s+(\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status"))!;
console.log(JSON.stringify({ rows, error, peak: Number(peak) * 1024 }));
