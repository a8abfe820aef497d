/** Whether others could put something of theirs where our files are: after sshd's `StrictModes`. */

import { dirname } from "node:path";
import type { FileInfo, FileSystem } from "./file_system.ts";

/** Lets only the owners of names in a directory rename and remove them, as in `/tmp`. */
const STICKY = 0o1000;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;

/**
 * Why others could put another directory in the place of one, or files of theirs into it; nothing, where
 * they could not. It and all above it must be ours or root's, and for their owner alone to write. Two
 * things pass: a sticky directory above it, where others can neither rename nor remove what is ours, and
 * one that a group may write to whose number is our user's, which is a group of our own on Debian, on
 * Fedora and in a container (`USER 65532:65532`, `fsGroup: 65532`).
 *
 * @param dir without symbolic links
 * @param us our user id; null where the system has none, and nothing can be said
 * @param shared whether others may write to them all the same; the directory itself must be ours or root's
 */
export async function whyUnsafe(
  files: FileSystem,
  dir: string,
  us: number | null,
  shared: boolean,
): Promise<string | undefined> {
  if (us === null) return undefined;
  for (let path = dir;; path = dirname(path)) {
    const { owner, group, mode }: FileInfo = await files.stat(path);
    const it = path === dir ? "it" : `${path} above it`;
    if (owner !== us && owner !== 0) {
      return `${it} belongs to user ${owner}, and this is user ${us}`;
    }
    if (shared) return undefined;
    const bits = mode ?? 0;
    const writer = bits & OTHERS_WRITE
      ? "anybody"
      : bits & GROUP_WRITES && group !== us
      ? `group ${group}`
      : undefined;
    const isProtected = path !== dir && (bits & STICKY) !== 0;
    if (writer !== undefined && !isProtected) {
      const octal = bits.toString(8).padStart(4, "0");
      return `${writer} can write to ${it} (mode ${octal}); take that permission away, ` +
        "or set allow_shared: true where nobody else is on this system";
    }
    if (path === dirname(path)) return undefined;
  }
}
