/**
 * Tells a database file that was overwritten from one that a writer of SQLite's wrote, or that another
 * file took the place of.
 *
 * SQLite reads pages as it needs them, and what is copied over its file takes no lock: half of the rows
 * would be of one database, and half of another. The file is looked at by its path and never opened: a
 * process that closes a file loses all of its locks on it, SQLite's too
 * (https://www.sqlite.org/howtocorrupt.html, 2.2).
 */

/** What the file system says of a file. */
export interface FileState {
  /** The device that it is on. */
  readonly device: number;
  /** Its number there; null where the system has none. */
  readonly inode: number | null;
  /** Its length in bytes. */
  readonly size: number;
  /** When it was written to, in milliseconds. */
  readonly modified: number | undefined;
}

/** Looks at a file; nothing where there is none, or none to be looked at. */
export function fileState(path: string): FileState | undefined {
  try {
    const { dev, ino, size, mtime } = Deno.statSync(path);
    return { device: dev, inode: ino, size, modified: mtime?.getTime() };
  } catch {
    return undefined;
  }
}

/** Whether it is one file, whatever stands in it. */
export function isSameFile(one: FileState | undefined, other: FileState | undefined): boolean {
  return one?.inode === other?.inode && one?.device === other?.device;
}

/** Whether it is one file, and nothing was written to it. */
export function isUnchanged(one: FileState | undefined, other: FileState | undefined): boolean {
  return isSameFile(one, other) && one?.size === other?.size && one?.modified === other?.modified;
}
