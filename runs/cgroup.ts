/** Reads what Linux lets a group of processes take of memory, and what they take: cgroups of version 1 and 2. */

/** What is taken of memory, and what may be. */
export interface MemoryReading {
  /** Bytes that are taken, without those of files that the kernel drops when it needs room. */
  readonly used: number;
  /** Bytes at which the kernel ends processes, or slows them down. */
  readonly limit: number;
}

/** Gives the text of a file; undefined where it is not there or may not be read. */
export type ReadText = (path: string) => string | undefined;

/** A version 1 group without a limit has one of nearly 2^63. */
export const NO_LIMIT = 2 ** 60;

/** How a version names things. */
interface Version {
  /** Where its groups are. */
  readonly root: string;
  /** Files of its limits: the kernel acts at the lowest. */
  readonly limits: readonly string[];
  readonly usage: string;
  /** The line of `memory.stat` with the bytes of files that were not used lately, of groups below too. */
  readonly inactive: string;
}

const VERSION_1: Version = {
  root: "/sys/fs/cgroup/memory",
  limits: ["memory.limit_in_bytes"],
  usage: "memory.usage_in_bytes",
  inactive: "total_inactive_file",
};

const VERSION_2: Version = {
  root: "/sys/fs/cgroup",
  limits: ["memory.max", "memory.high"],
  usage: "memory.current",
  inactive: "inactive_file",
};

/**
 * Reads the memory of this process's group, or of the group above it that is nearest to its limit.
 *
 * @returns nothing where no group has a limit, or none can be read
 */
export function readCgroupMemory(readText: ReadText): MemoryReading | undefined {
  const found = findGroup(readText("/proc/self/cgroup") ?? "");
  if (!found) return undefined;
  const readings = groupsOf(found.path).flatMap((path) =>
    readGroup(found.version, found.version.root + path, readText) ?? []
  );
  // A container often has its group mounted at the root, while its path is that of the host.
  const [first, ...others] = readings;
  return first && others.reduce((one, other) => part(other) > part(one) ? other : one, first);
}

function part({ used, limit }: MemoryReading): number {
  return used / limit;
}

/** Which version accounts for memory, and the path of the group: `man 7 cgroups`, "/proc files". */
function findGroup(text: string): { readonly version: Version; readonly path: string } | undefined {
  const lines = text.split("\n").map((line) => /^(\d+):([^:]*):(\/.*)$/.exec(line));
  const old = lines.find((line) => line?.[2]?.split(",").includes("memory"));
  if (old) return { version: VERSION_1, path: old[3]! };
  const unified = lines.find((line) => line?.[1] === "0");
  return unified ? { version: VERSION_2, path: unified[3]! } : undefined;
}

/** The path of a group and of all above it, the root as an empty text. */
function groupsOf(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "");
  return Array.from(
    { length: names.length + 1 },
    (_, above) => names.slice(0, names.length - above).map((name) => `/${name}`).join(""),
  );
}

function readGroup(
  version: Version,
  folder: string,
  readText: ReadText,
): MemoryReading | undefined {
  const read = (name: string) => readText(`${folder}/${name}`);
  const limits = version.limits.map((name) => toBytes(read(name)))
    .filter((bytes) => bytes < NO_LIMIT);
  const usage = toBytes(read(version.usage));
  if (limits.length === 0 || !Number.isFinite(usage)) return undefined;
  const stat = new RegExp(`^${version.inactive} (\\d+)$`, "m").exec(read("memory.stat") ?? "");
  return { used: Math.max(0, usage - Number(stat?.[1] ?? 0)), limit: Math.min(...limits) };
}

/** A number; `max`, and what is not there, are no limit. */
function toBytes(text: string | undefined): number {
  const digits = /^\d+$/.exec(text?.trim() ?? "")?.[0];
  return digits === undefined ? Infinity : Number(digits);
}
