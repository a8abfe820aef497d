/** Measures how readers open a workbook: with text that repeats in a table, and in its cells. */

import { fileURLToPath } from "node:url";
import { ourEncoder } from "./ours.ts";
import { countText, spreadText, table } from "./report.ts";
import { ratios, spread } from "./statistics.ts";
import { auditBatches } from "./workload.ts";

const ROWS = 100_000;

const ROUNDS = 3;

/** The system's own Python, for which distributions package openpyxl. */
const PYTHON = "/usr/bin/python3";

/** Runs a command, and prints its seconds and the KiB that its largest process had. */
const MEASURE = "import resource, subprocess, sys, time\n" +
  "start = time.monotonic()\n" +
  "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n" +
  "print(time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n";

const OPENPYXL = "import openpyxl, sys\nopenpyxl.load_workbook(sys.argv[1])\n";

/** Readers by name; each opens a file in a folder where it may write. */
const READERS: Readonly<Record<string, (file: string, folder: string) => readonly string[]>> = {
  "openpyxl": (file) => [PYTHON, "-c", OPENPYXL, file],
  "LibreOffice, to CSV": (file, folder) => [
    "soffice",
    `-env:UserInstallation=file://${folder}/profile`,
    ...["--headless", "--convert-to", "csv", "--outdir", folder, file],
  ],
  "ExcelJS": (file) => [
    ...[Deno.execPath(), "run", "--allow-read", "--allow-env", "--allow-sys", "--quiet"],
    fileURLToPath(new URL("open_workbook.ts", import.meta.url)),
    file,
  ],
};

/** Measures each reader on both files, in turns. */
export async function readers(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-bench-" });
  try {
    const files = [await write(folder, true), await write(folder, false)];
    const lines: string[][] = [];
    for (const [name, command] of Object.entries(READERS)) {
      const seconds: [number[], number[]] = [[], []];
      const bytes: [number[], number[]] = [[], []];
      for (let round = 0; round < ROUNDS; round++) {
        for (const which of [0, 1] as const) {
          const measured = await measure(command(files[which]!, folder));
          seconds[which].push(measured.seconds);
          bytes[which].push(measured.bytes);
        }
      }
      for (const which of [0, 1] as const) {
        lines.push([
          `${name}, ${which === 0 ? "shared" : "in cells"}`,
          spreadText(spread(seconds[which])),
          (spread(bytes[which]).median / 1e6).toFixed(0),
          spreadText(spread(ratios(seconds[which], seconds[0])), 2),
          spreadText(spread(ratios(bytes[which], bytes[0])), 2),
        ]);
      }
    }
    return `${countText(ROWS)} rows, ${ROUNDS} rounds:\n\n` +
      table(
        ["reader, and where the text is", "seconds", "peak MB", "times the time", "the memory"],
        lines,
      );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function write(folder: string, sharedStrings: boolean): Promise<string> {
  const path = `${folder}/${sharedStrings ? "shared" : "inline"}.xlsx`;
  using file = await Deno.open(path, { create: true, write: true });
  await ourEncoder("", "xlsx", auditBatches(ROWS), { sharedStrings }).encode((chunk) => {
    for (let at = 0; at < chunk.length;) at += file.writeSync(chunk.subarray(at));
  });
  return path;
}

async function measure(command: readonly string[]): Promise<{ seconds: number; bytes: number }> {
  const { success, stdout, stderr } = await new Deno.Command(PYTHON, {
    args: ["-c", MEASURE, ...command],
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`Cannot run ${command[0]}: ${decoder.decode(stderr)}`);
  const [seconds, kibibytes] = decoder.decode(stdout).split(" ").map(Number);
  return { seconds: seconds!, bytes: kibibytes! * 1024 };
}
