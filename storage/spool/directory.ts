/** The directory that the spool is given: looked at, locked, swept, and one of our own made in it. */

import { basename, join } from "node:path";
import {
  type FileInfo,
  type FileSystem,
  type FileSystemRoom,
  openOrCreate,
} from "../disk/file_system.ts";
import { fileSystemName, isMemory, mountPoint } from "../disk/mounts.ts";
import { whyUnsafe } from "../disk/strict_modes.ts";

/** A directory that the spool cannot be opened in. The message says which, where mounted, and why. */
export class SpoolError extends Error {
  override readonly name = "SpoolError";
}

/** What the directory must allow. */
export interface DirectoryOptions {
  /** The directory, which must exist. */
  readonly dir: string;
  /** Bytes that will be written in it, at most. */
  readonly maxBytes: number;
  /** Bytes that must be left free on its disk. */
  readonly minFreeBytes: number;
  /** Whether it may be in memory. */
  readonly allowMemory: boolean;
  /** Whether others may write to it, or to a directory above it. @default false */
  readonly allowShared?: boolean;
}

/** A directory of our own in the one that was given, which no other process has while it is open. */
export interface SpoolDirectory extends AsyncDisposable {
  /** Its path. */
  readonly path: string;
  /** Beside it, for files that outlive this process; not made, and not removed. */
  readonly keptPath: string;
  /** Where its file system is mounted. */
  readonly mount: string;
  /** The name of its kind of file system: `ext4`. */
  readonly fileSystem: string;
  /** The room that was found. */
  readonly room: FileSystemRoom;
  /**
   * Makes it again where it was removed, as a cleaner of old files may do; does nothing where it is there.
   *
   * @throws {SpoolError} where that cannot be
   */
  restore(): Promise<void>;
}

/**
 * The file in the given directory whose lock is the right to spool there. It stays empty, so that a
 * full disk cannot fail it, and is never removed: a process that had opened it before would lock a file that
 * no other finds.
 */
const LOCK = "spillway.lock";

/** The directory in the given one for files that the next process shall find. */
const KEPT = "spillway-files";

/** Directories of our own, named after the process that made them; what is left of a probe. */
const OURS = /^spillway-(?:(\d+)-[0-9a-f]{8}|probe-.+)$/;

/**
 * Opens a directory: refuses one that is not fit, takes its lock, removes what a dead process left and
 * makes one for this process.
 *
 * One process a directory: two would share one disk and know nothing of each other's reservations.
 *
 * @throws {SpoolError} saying why
 */
export async function openSpoolDirectory(
  files: FileSystem,
  options: DirectoryOptions,
): Promise<SpoolDirectory> {
  const refuse = (reason: string) => async (cause: unknown) => {
    throw await refusal(files, options.dir, reason, cause);
  };
  const dir = await files.realPath(options.dir).catch(async (error) => {
    if (!(error instanceof Deno.errors.NotFound)) return await refuse("it cannot be found")(error);
    throw await refusal(files, options.dir, "there is no such directory");
  });
  const found = await files.stat(dir).catch(refuse("it cannot be looked at"));
  const room = await files.room(dir).catch(refuse("its room cannot be told"));
  const unfit = whyUnfit(options, found, room);
  if (unfit !== undefined) throw await refusal(files, options.dir, unfit);

  const us = await probe(files, dir).catch(refuse("it cannot be written"));
  // Any other owner could put another directory where ours is. Root could anyhow, and owns the volumes
  // that Kubernetes mounts; sshd trusts the same two (`StrictModes`).
  const unsafe = await whyUnsafe(files, dir, us, options.allowShared ?? false)
    .catch(refuse("what is above it cannot be looked at"));
  if (unsafe !== undefined) throw await refusal(files, options.dir, unsafe);

  const lock = await openOrCreate(files, join(dir, LOCK)).catch(refuse("it cannot be locked"));
  try {
    if (!await lock.tryLock()) {
      const reason = `${await holder(files, dir)} spools there already; each needs one of its own`;
      throw await refusal(files, options.dir, reason);
    }
    await sweep(files, dir, us);
    const keptPath = join(dir, KEPT);
    const kept = await ifThere(files.statName(keptPath));
    if (kept && !(kept.isDirectory && kept.owner === us)) {
      throw await refusal(files, options.dir, `${KEPT} in it is no directory of user ${us}`);
    }
    // No other user can guess the name and have a directory of that name ready for us.
    const path = join(dir, `spillway-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`);
    await files.makeDirectory(path);
    return {
      path,
      keptPath,
      mount: await mountPoint(files, dir),
      fileSystem: fileSystemName(room.type),
      room,
      async restore() {
        const there = await ifThere(files.statName(path));
        if (there?.isDirectory && there.owner === us) return;
        const given = await ifThere(files.stat(dir));
        // The lock went with the one that was given: another process may spool in a new one.
        if (given?.device !== found.device || given.inode !== found.inode) {
          throw await refusal(files, options.dir, "it was removed while it was in use");
        }
        if (there) {
          const reason = `${basename(path)} in it was replaced while it was in use`;
          throw await refusal(files, options.dir, reason);
        }
        await files.makeDirectory(path);
      },
      async [Symbol.asyncDispose]() {
        try {
          await removeTree(files, path);
        } finally {
          lock.close();
        }
      },
    };
  } catch (error) {
    lock.close();
    if (error instanceof SpoolError) throw error;
    return await refuse("it cannot be made ready")(error);
  }
}

/** Why a directory is not fit, as far as can be told without writing in it. */
function whyUnfit(
  { maxBytes, minFreeBytes, allowMemory }: DirectoryOptions,
  { isDirectory }: FileInfo,
  { type, totalBytes }: FileSystemRoom,
): string | undefined {
  if (!isDirectory) return "it is not a directory";
  if (isMemory(type) && !allowMemory) {
    return "memory, not disk; set allow_memory: true to use it all the same";
  }
  if (maxBytes > totalBytes) {
    return `max_bytes is ${maxBytes}, more than the ${totalBytes} bytes of the disk`;
  }
  if (minFreeBytes >= totalBytes) {
    return `min_free is ${minFreeBytes}, and the disk has no more than ${totalBytes} bytes`;
  }
  return undefined;
}

/** Makes a file and removes it: whether that can be done, and the user that it is done as. */
async function probe(files: FileSystem, dir: string): Promise<number | null> {
  const path = await files.makeTempFile({ dir, prefix: "spillway-probe-" });
  try {
    return (await files.stat(path)).owner;
  } finally {
    await files.remove(path);
  }
}

/** Who spools in a directory, as far as its name tells. */
async function holder(files: FileSystem, dir: string): Promise<string> {
  const pids = (await files.list(dir)).flatMap((name) => OURS.exec(name)?.[1] ?? []);
  return pids.length === 0 ? "another process" : `process ${pids.join(" or ")}`;
}

/** What is known of a name; nothing, where there is none. */
async function ifThere(info: Promise<FileInfo>): Promise<FileInfo | undefined> {
  try {
    return await info;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Removes what dead processes left; no living process has the lock. */
async function sweep(files: FileSystem, dir: string, us: number | null): Promise<void> {
  for (const name of await files.list(dir)) {
    if (!OURS.test(name)) continue;
    const path = join(dir, name);
    // The probe of a process that is about to be refused, and a link that leads nowhere, are not there.
    const found = await ifThere(files.stat(path));
    // Its owner could put a link to another place into it while we remove what is there.
    if (found !== undefined && found.owner !== us) {
      throw new Error(`${name} in it belongs to user ${found.owner}`);
    }
    await removeTree(files, path);
  }
}

/** Removes a file or a directory with all that is in it. A symbolic link is removed, never followed. */
async function removeTree(files: FileSystem, path: string): Promise<void> {
  try {
    await files.remove(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    // Only a directory that is not empty can be listed.
    const names = await files.list(path).catch(() => {
      throw error;
    });
    for (const name of names) await removeTree(files, join(path, name));
    await files.remove(path);
  }
}

/** The error for a directory that is not fit. */
async function refusal(
  files: FileSystem,
  dir: string,
  reason: string,
  cause?: unknown,
): Promise<SpoolError> {
  const mount = await mountPoint(files, dir);
  const kind = await files.room(mount).then(({ type }) => fileSystemName(type), () => "a disk");
  const why = cause instanceof Error ? ` (${cause.message})` : "";
  return new SpoolError(
    `Cannot spool: ${dir} is on ${kind}, mounted at ${mount}: ${reason}${why}`,
    cause === undefined ? {} : { cause },
  );
}
