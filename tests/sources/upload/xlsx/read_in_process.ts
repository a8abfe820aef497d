/** Reads a workbook in a process of its own, and says how many rows there were and how much memory it took at most. */

import { openSheet } from "../../../../sources/upload/xlsx/mod.ts";
import type { ScratchFile } from "../../../../sources/upload/reader.ts";
import { openFile } from "../../../clients/spillway_reader.ts";

const [path, scratchPath] = Deno.args;

function createScratch(): ScratchFile {
  const file = Deno.openSync(scratchPath!, { create: true, read: true, write: true });
  let size = 0;
  return {
    get size() {
      return size;
    },
    append(bytes) {
      file.seekSync(size, Deno.SeekMode.Start);
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      size += bytes.length;
    },
    readAt(offset, into) {
      file.seekSync(offset, Deno.SeekMode.Start);
      let length = 0;
      while (length < into.length) {
        const count = file.readSync(into.subarray(length));
        if (count === null) break;
        length += count;
      }
      return length;
    },
  };
}

using file = openFile(path!);
let rows = 0;
let error: string | undefined;
try {
  const sheet = await openSheet(file, {
    reading: {},
    limits: { maxCells: 1e9, maxRow: 2 ** 24 },
    note: () => {},
    scratch: createScratch,
  });
  for (let batch; (batch = await sheet.read());) rows += batch.rows.length;
} catch (cause) {
  error = (cause as Error).message;
}
const [, peak] = /VmHWM:\s+(\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status"))!;
console.log(JSON.stringify({ rows, error, peak: Number(peak) * 1024 }));
