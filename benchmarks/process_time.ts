/** Tells how much processor time a process and its children have taken. */

/** Processor time in seconds. */
export interface ProcessorTime {
  /** Of the process itself. */
  readonly own: number;
  /** Of its children that live, and of those that it has waited for. */
  readonly children: number;
}

/** Prints the `stat` of a process and of its children. A shell reads them, see `process_memory.ts`. */
const SCRIPT = `
cat /proc/$1/stat
for child in $(cat /proc/$1/task/*/children); do cat /proc/$child/stat; done
getconf CLK_TCK`;

/** Reads the time so far. */
export async function cpuSeconds(pid: number): Promise<ProcessorTime> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", SCRIPT, "sh", String(pid)],
    stderr: "null",
  }).output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  const ticks = Number(lines.pop());
  // Behind the name in parentheses: state (3), … utime (14), stime (15), cutime (16), cstime (17).
  const fields = lines.map((line) => line.slice(line.lastIndexOf(")") + 2).split(" ").map(Number));
  const [own = [], ...children] = fields;
  const time = (one: readonly number[]) => (one[11]! + one[12]!) / ticks;
  return {
    own: time(own),
    children: children.reduce((sum, one) => sum + time(one), (own[13]! + own[14]!) / ticks),
  };
}
