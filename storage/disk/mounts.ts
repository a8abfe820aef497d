/** Where a path is mounted, and on what kind of file system. */

import { dirname, resolve } from "node:path";
import type { FileSystem } from "./file_system.ts";

/** Kinds by the number that `statfs(2)` gives, from its manual page and `linux/magic.h`. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
  [0x958458f6, "hugetlbfs"],
  [0xef53, "ext4"], // ext2 and ext3 have the same number
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x2fc12fc1, "zfs"],
  [0xf2f52010, "f2fs"],
  [0xca451a4e, "bcachefs"],
  [0x794c7630, "overlay"],
  [0x6969, "nfs"],
  [0xff534d42, "cifs"],
  [0xfe534d42, "smb2"],
  [0x00c36400, "ceph"],
  [0x65735546, "fuse"],
  [0x01021997, "9p"],
  [0x73717368, "squashfs"],
]);

/** Kinds whose files are in memory: filling one takes from the process what it needs to live. */
const MEMORY: ReadonlySet<string> = new Set(["tmpfs", "ramfs", "hugetlbfs"]);

/** The name of a kind of file system: `tmpfs`; of one that has none here, its number. */
export function fileSystemName(type: number): string {
  return NAMES.get(type) ?? `a file system of type 0x${type.toString(16)}`;
}

/** Whether the files of a kind of file system are in memory. */
export function isMemory(type: number): boolean {
  return MEMORY.has(fileSystemName(type));
}

/**
 * Where the file system of a path is mounted: the highest directory above it on the same device.
 * The path need not exist; then it is that of the nearest directory above it that does. A directory
 * that may not be looked at ends the climb, so that what comes back is for people to read.
 *
 * `/proc/self/mountinfo` would tell bind mounts apart too, but is for Linux alone and takes every
 * permission on Deno.
 */
export async function mountPoint(files: FileSystem, path: string): Promise<string> {
  let here = await nearest(files, resolve(path));
  for (;;) {
    const parent = dirname(here);
    if (parent === here || !(await sameDevice(files, here, parent))) return here;
    here = parent;
  }
}

/** The path without symbolic links, of it or of the nearest directory above it. */
async function nearest(files: FileSystem, path: string): Promise<string> {
  try {
    return await files.realPath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : await nearest(files, parent);
  }
}

/** Whether two directories are known to be on one device. */
async function sameDevice(files: FileSystem, one: string, other: string): Promise<boolean> {
  try {
    return (await files.stat(one)).device === (await files.stat(other)).device;
  } catch {
    return false;
  }
}
