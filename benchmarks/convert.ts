/** Measures converting a file, XLSX to CSV and back, beside what people convert with. */

import { fileURLToPath } from "node:url";
import { ourEncoder } from "./ours.ts";
import { peakPss, watchMemory } from "./process_memory.ts";
import { countText, spreadText, table } from "./report.ts";
import { ratios, spread } from "./statistics.ts";
import { auditBatches } from "./workload.ts";

const ROWS = 1_000_000;

const ROUNDS = 2;

/** The system's own Python, for which distributions package openpyxl. */
const PYTHON = "/usr/bin/python3";

/** The libraries on Node, as npm installs them into a folder of the benchmark's own. */
const PACKAGES = ["hucre@1.0.0", "exceljs@4.4.0", "xlsx@0.18.5", "csv-parse@7.0.3"];

const OPENPYXL = `
import csv, openpyxl, sys
source, target = sys.argv[1:]
if target.endswith(".csv"):
    book = openpyxl.load_workbook(source, read_only=True)
    with open(target, "w", newline="") as file:
        csv.writer(file).writerows(book.active.values)
else:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    def typed(text):
        try: return int(text) if text.isdigit() and (text[0] != "0" or text == "0") else float(text)
        except ValueError: return text
    with open(source, newline="") as file:
        for row in csv.reader(file): sheet.append([typed(text) for text in row])
    book.save(target)
`;

/** Where the converters work. */
interface Folder {
  readonly path: string;
}

/** Converters by name, ours first: the command for an input and an output. */
const CONVERTERS: Readonly<
  Record<string, (input: string, output: string, folder: Folder) => readonly string[]>
> = {
  "Spillway": (input, output) => [
    ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--cached-only"],
    ...["--v8-flags=--max-semi-space-size=4", "--allow-read", "--allow-write", "--allow-env"],
    `--allow-run=${Deno.execPath()},nice`,
    fileURLToPath(new URL("../main.ts", import.meta.url)),
    ...["convert", input, output],
  ],
  "hucre": (input, output, folder) => onNode("hucre", input, output, folder),
  "ExcelJS, streaming": (input, output, folder) => onNode("exceljs", input, output, folder),
  "SheetJS": (input, output, folder) => onNode("sheetjs", input, output, folder),
  "openpyxl, read-only and write-only": (input, output) => [
    PYTHON,
    "-c",
    OPENPYXL,
    input,
    output,
  ],
  "LibreOffice": (input, output, { path }) => [
    "soffice",
    `-env:UserInstallation=file://${path}/profile`,
    ...[
      "--headless",
      "--convert-to",
      output.split(".").at(-1)!,
      "--outdir",
      `${path}/office`,
      input,
    ],
  ],
};

function onNode(library: string, input: string, output: string, { path }: Folder): string[] {
  return ["node", "--max-old-space-size=8192", `${path}/convert.mjs`, library, input, output];
}

/** Measures each converter on both files, in turns. */
export async function convert(rows = ROWS): Promise<string> {
  const path = await Deno.makeTempDir({ prefix: "spillway-bench-" });
  try {
    const folder = await prepare(path);
    const sections: string[] = [];
    for (const [from, to] of [["xlsx", "csv"], ["csv", "xlsx"]] as const) {
      const input = `${path}/audit.${from}`;
      await write(input, from, rows);
      sections.push(`${from.toUpperCase()} to ${to.toUpperCase()}, ${await sizeOf(input)}:\n`);
      sections.push(await compare(input, to, rows, folder));
    }
    return `${countText(rows)} rows of the audit log, ${ROUNDS} rounds:\n\n${sections.join("\n")}`;
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

async function prepare(path: string): Promise<Folder> {
  await Deno.writeTextFile(`${path}/package.json`, "{}");
  const { success } = await new Deno.Command("npm", {
    args: ["install", "--silent", "--no-audit", "--no-fund", ...PACKAGES],
    cwd: path,
  }).output();
  if (!success) throw new Error("Cannot install the libraries for Node");
  await Deno.copyFile(new URL("peers/convert.mjs", import.meta.url), `${path}/convert.mjs`);
  return { path };
}

async function sizeOf(path: string): Promise<string> {
  return `${Math.round((await Deno.stat(path)).size / 1e6)} MB`;
}

async function compare(
  input: string,
  to: string,
  rows: number,
  folder: Folder,
): Promise<string> {
  const seconds = new Map<string, number[]>();
  const peaks = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, command] of Object.entries(CONVERTERS)) {
      const output = `${folder.path}/${name.split(/\W/)[0]}.${to}`;
      const measured = await run(command(input, output, folder));
      console.error(`  ${name}: ${measured ? `${measured.seconds.toFixed(1)} s` : "failed"}`);
      if (!measured) continue;
      seconds.set(name, [...seconds.get(name) ?? [], measured.seconds]);
      peaks.set(name, [...peaks.get(name) ?? [], measured.megabytes]);
    }
  }
  const ours = seconds.get("Spillway")!;
  const lines = Object.keys(CONVERTERS).map((name) => {
    const took = seconds.get(name);
    if (!took) return [name, "fails", "", "", ""];
    const { median } = spread(took);
    return [
      name,
      spreadText(spread(took)),
      countText(Math.round(rows / median / 1000)),
      spread(peaks.get(name)!).median.toFixed(0),
      spreadText(spread(ratios(took, ours))),
    ];
  });
  return table(["converter", "seconds", "1,000 rows/s", "peak MB", "times our time"], lines);
}

/** Runs a command to its end; nothing where it fails, as one may that runs out of memory. */
async function run(
  [program, ...args]: readonly string[],
): Promise<{ readonly seconds: number; readonly megabytes: number } | undefined> {
  const start = performance.now();
  const child = new Deno.Command(program!, { args, stdout: "null", stderr: "null" }).spawn();
  let success = false;
  const samples = await watchMemory(child.pid, async () => {
    ({ success } = await child.status);
  });
  const seconds = (performance.now() - start) / 1000;
  return success ? { seconds, megabytes: peakPss(samples) } : undefined;
}

async function write(path: string, format: "csv" | "xlsx", rows: number): Promise<void> {
  using file = await Deno.open(path, { create: true, write: true });
  await ourEncoder("", format, auditBatches(rows)).encode((chunk) => {
    for (let at = 0; at < chunk.length;) at += file.writeSync(chunk.subarray(at));
  });
}
