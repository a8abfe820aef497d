/** Gets the same rows in several ways, each in turn, and makes a table of what they took. */

import { countText, spreadText, table } from "./report.ts";
import { download, type Server } from "./server.ts";
import { ratios, spread } from "./statistics.ts";

/** What one way took, and gave. */
export interface Taken {
  readonly seconds: number;
  /** Bytes; not counted where a pipe ends in `cat`. */
  readonly bytes?: number;
}

/** A way to get all rows. */
export interface Way {
  readonly name: string;
  /** Gets them, and forgets them. */
  take(): Promise<Taken>;
}

/**
 * Rounds that do not count: V8 has compiled all of a worker for a format once it has written some
 * million rows of it, which a server that runs for days has.
 */
const WARM_UP_ROUNDS = 3;

/** How turns are taken. */
export interface TurnsOptions {
  /** Rows that each way gets. */
  readonly rows: number;
  /** Whose time the others are compared with, the first way's: `the shell's`. */
  readonly first: string;
  /** Rounds that count. @default 7 */
  readonly rounds?: number;
}

/** Takes every way once a round, and makes a table of all of them. */
export async function takeTurns(
  ways: readonly Way[],
  { rows, first, rounds = 7 }: TurnsOptions,
): Promise<string> {
  const taken = ways.map((): Taken[] => []);
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [index, way] of ways.entries()) {
      const one = await way.take();
      if (round >= 0) taken[index]!.push(one);
    }
  }
  const seconds = taken.map((rounds) => rounds.map(({ seconds }) => seconds));
  const lines = ways.map(({ name }, index) => [
    name,
    spreadText(spread(seconds[index]!.map((time) => rows / time / 1e6)), 2),
    ((taken[index]![0]!.bytes ?? NaN) / 1e6).toFixed(0).replace("NaN", ""),
    spreadText(spread(ratios(seconds[index]!, seconds[0]!)), 2),
  ]);
  return `${countText(rows)} rows, ${rounds} rounds:\n\n` +
    table(["way", "M rows/s", "MB", `times ${first} time`], lines);
}

/** A file of the server, fetched by curl. */
export function served(name: string, { origin }: Server, path: string): Way {
  return { name, take: () => download(`${origin}/exports/${path}`) };
}

/** A command whose output a pipe takes to `cat`, which forgets it. */
export function piped(name: string, ...command: readonly string[]): Way {
  return { name, take: () => takePipe(name, command) };
}

async function takePipe(name: string, command: readonly string[]): Promise<Taken> {
  const started = performance.now();
  const { success, stderr } = await new Deno.Command("bash", {
    args: ["-c", 'set -o pipefail; "$@" | cat > /dev/null', "bash", ...command],
    stdin: "null",
    stdout: "null",
  }).output();
  const seconds = (performance.now() - started) / 1000;
  if (!success) throw new Error(`Cannot take ${name}: ${new TextDecoder().decode(stderr)}`);
  return { seconds };
}
