/** Watches how much memory a process and its children take together. */

/** Bytes. */
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

/** The most that a process and its children took while work was done; looks every 60 ms or so. */
export async function peakMemory(pid: number, work: () => Promise<void>): Promise<Memory> {
  const shell = new Deno.Command("sh", {
    args: ["-c", SCRIPT, "sh", String(pid)],
    stdin: "null",
    stdout: "piped",
    // A child may end between being listed and being read.
    stderr: "null",
  }).spawn();
  const reading = readPeak(shell.stdout);
  try {
    await work();
  } finally {
    shell.kill();
    await shell.status;
  }
  const peak = await reading;
  if (peak.rss === 0) throw new Error("Cannot read how much memory the processes take");
  return peak;
}

async function readPeak(output: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Memory> {
  let peak: Memory = { rss: 0, pss: 0 };
  let text = "";
  for await (const piece of output.pipeThrough(new TextDecoderStream())) {
    const samples = (text + piece).split("\n\n");
    text = samples.pop()!;
    for (const sample of samples) {
      peak = {
        rss: Math.max(peak.rss, sum(sample, /^Rss: +(\d+) kB$/gm)),
        pss: Math.max(peak.pss, sum(sample, /^Pss: +(\d+) kB$/gm)),
      };
    }
  }
  return peak;
}

function sum(sample: string, size: RegExp): number {
  return sample.matchAll(size).reduce(
    (total, [, kilobytes]) => total + Number(kilobytes) * 1024,
    0,
  );
}
