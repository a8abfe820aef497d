/** libxlsxwriter, a writer in C, as a peer: a program of ours that is built where gcc and it are there. */

import { fileURLToPath } from "node:url";
import type { Encoder } from "../encoder.ts";
import { type Batches, TITLES, type WorksheetCell } from "../workload.ts";

/** The peer; disposing it ends its program. */
export interface XlsxWriter extends AsyncDisposable {
  readonly encoder: Encoder;
}

/** From 1899-12-30 to 1970-01-01, in days. */
const EPOCH = 25_569;

const DAY_MS = 86_400_000;

/** Starts it with rows of its own; says why, and gives nothing, where it cannot be built. */
export async function startXlsxWriter(
  batches: Batches<WorksheetCell>,
): Promise<XlsxWriter | undefined> {
  const folder = await Deno.makeTempDir({ prefix: "spillway-bench-" });
  const remove = () => Deno.remove(folder, { recursive: true });
  const program = `${folder}/write_audit`;
  if (!await build(program)) {
    await remove();
    return undefined;
  }
  const rows = batches.flat();
  const fields = [TITLES, ...rows.map((row) => row.map(field))].flat();
  await Deno.writeTextFile(`${folder}/rows`, fields.map((text) => `${text}\0`).join(""));
  const file = `${folder}/audit.xlsx`;
  const child = new Deno.Command(program, {
    args: [`${folder}/rows`, String(rows.length), file],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const commands = child.stdin.getWriter();
  const answers = child.stdout.getReader();
  return {
    encoder: {
      // It has no setting for the level, and takes zlib's.
      name: "libxlsxwriter in C, constant memory, level 6",
      async encode(sink) {
        await commands.write(new TextEncoder().encode("\n"));
        const { done } = await answers.read();
        if (done) throw new Error("Cannot measure libxlsxwriter: its program ended");
        // It writes to files alone; reading one takes a thousandth of the time.
        sink(await Deno.readFile(file));
      },
    },
    async [Symbol.asyncDispose]() {
      await commands.close();
      await answers.cancel();
      await child.status;
      await remove();
    },
  };
}

function field(cell: WorksheetCell): string {
  if (cell === null) return "\x01";
  if (cell instanceof Date) return String(cell.getTime() / DAY_MS + EPOCH);
  return typeof cell === "boolean" ? String(Number(cell)) : String(cell);
}

async function build(program: string): Promise<boolean> {
  const source = fileURLToPath(new URL("write_audit.c", import.meta.url));
  try {
    const { success, stderr } = await new Deno.Command("gcc", {
      args: ["-O2", "-std=c11", "-Wall", "-o", program, source, "-lxlsxwriter"],
    }).output();
    if (!success) console.error(`Without libxlsxwriter: ${new TextDecoder().decode(stderr)}`);
    return success;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("Without libxlsxwriter: there is no gcc");
    return false;
  }
}
