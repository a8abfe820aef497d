/** Watches how much memory a process and its children take together. */

import { quantile } from "./statistics.ts";

/** What processes take together at one moment, in bytes. */
export interface Memory {
  /** Resident set size: pages that processes share are counted for each. */
  readonly rss: number;
  /** Proportional set size: pages that processes share are divided among them. */
  readonly pss: number;
}

/**
 * Prints the sizes of a process and its children over and over, an empty line after each time. A
 * shell reads them: Deno reads `/proc` only with every permission there is.
 */
const SCRIPT = `
while :; do
  files=/proc/$1/smaps_rollup
  for child in $(cat /proc/$1/task/*/children); do files="$files /proc/$child/smaps_rollup"; done
  cat $files
  echo
  sleep 0.05
done`;

/** Looks at what a process and its children take while work is done, every 60 ms or so. */
export async function watchMemory(pid: number, work: () => Promise<unknown>): Promise<Memory[]> {
  const shell = new Deno.Command("sh", {
    args: ["-c", SCRIPT, "sh", String(pid)],
    stdin: "null",
    stdout: "piped",
    // A child may end between being listed and being read.
    stderr: "null",
  }).spawn();
  const reading = readSamples(shell.stdout);
  try {
    await work();
  } finally {
    shell.kill();
    await shell.status;
  }
  return await reading;
}

async function readSamples(output: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Memory[]> {
  const samples: Memory[] = [];
  let text = "";
  for await (const piece of output.pipeThrough(new TextDecoderStream())) {
    const whole = (text + piece).split("\n\n");
    text = whole.pop()!;
    for (const sample of whole) {
      samples.push({
        rss: sum(sample, /^Rss: +(\d+) kB$/gm),
        pss: sum(sample, /^Pss: +(\d+) kB$/gm),
      });
    }
  }
  return samples;
}

function sum(sample: string, size: RegExp): number {
  return sample.matchAll(size).reduce(
    (total, [, kilobytes]) => total + Number(kilobytes) * 1024,
    0,
  );
}

/** What {@linkcode peaks} are. */
export const PEAKS = ["peak PSS, MB", "in the second half", "peak RSS, MB"];

/** The most of each size, and of the second half of the time, in which no peak is new if it is flat. */
export function peaks(samples: readonly Memory[]): string[] {
  const peak = (from: number, size: keyof Memory) =>
    (quantile(samples.slice(from).map((sample) => sample[size]), 1) / 1e6).toFixed(0);
  return [peak(0, "pss"), peak(Math.floor(samples.length / 2), "pss"), peak(0, "rss")];
}

/** The most that processes took together at once, in MB of their proportional sets. */
export function peakPss(samples: readonly Memory[]): number {
  return quantile(samples.map(({ pss }) => pss), 1) / 1e6;
}
