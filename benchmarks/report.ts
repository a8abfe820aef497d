/** Turns measurements into Markdown, and puts it into the README. */

import { cpus } from "node:os";
import type { Spread } from "./statistics.ts";

/** Writes a table; the first column is words, the others are numbers. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(3, ...[title, ...rows.map((row) => row[column]!)].map(({ length }) => length))
  );
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!);
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : "-".repeat(width - 1) + ":"
  );
  return [header.map(pad), rule, ...rows.map((row) => row.map(pad))]
    .map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

/** `12.3 (11.0 to 12.9)`: the median, and between which ends it lies. */
export function spreadText({ median, least, most }: Spread, digits = 1): string {
  return `${median.toFixed(digits)} (${least.toFixed(digits)} to ${most.toFixed(digits)})`;
}

/** `1,048,576`. */
export function countText(count: number): string {
  return count.toLocaleString("en");
}

/** Says what a part was measured with: command, commit, date, machine; a line each, as they are long. */
export async function measuredWith(part: string): Promise<string> {
  const memory = Math.round(Deno.systemMemoryInfo().total / 2 ** 30);
  const load = Deno.loadavg()[0]!.toFixed(1);
  return [
    `Command: \`deno task bench ${part}\``,
    `Commit: ${await commit()}`,
    `Date: ${new Date().toISOString().slice(0, 10)}`,
    `Machine: ${cpus().length} cores of ${cpus()[0]!.model}, ${memory} GiB, ${Deno.build.os}`,
    `Load before the start: ${load}`,
    `Deno: ${Deno.version.deno}`,
  ].map((line) => `- ${line}\n`).join("");
}

async function commit(): Promise<string> {
  const [hash, changes] = await Promise.all([
    git("rev-parse", "--short", "HEAD"),
    git("status", "--porcelain"),
  ]);
  return changes === "" ? hash : `${hash}, with changes since`;
}

async function git(...args: string[]): Promise<string> {
  const { success, stdout } = await new Deno.Command("git", { args, stderr: "null" }).output();
  return success ? new TextDecoder().decode(stdout).trim() : "unknown";
}

/**
 * Replaces what stands in a text between the markers of a part.
 *
 * @throws {Error} when they are not there
 */
export function replacePart(text: string, part: string, content: string): string {
  const begin = `<!-- ${part}: begin -->\n`;
  const end = `<!-- ${part}: end -->\n`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`Cannot find the markers of ${JSON.stringify(part)}`);
  return text.slice(0, from + begin.length) + `\n${content}\n` + text.slice(to);
}
