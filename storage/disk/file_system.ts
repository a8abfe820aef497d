/** The calls that storage makes of a file system, so that tests can put in one that fails on purpose. */

import { statfs } from "node:fs/promises";

/** An open file. Reads and writes go on where the last one ended. */
export interface OpenFile {
  /** Fills `into` with what is there, at most; null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some of `from`, at least one byte; how many. A full disk shows in a short write first. */
  write(from: Uint8Array): Promise<number>;
  /** Goes to a byte offset from the start. */
  seek(offset: number): Promise<void>;
  /** Resolves once the bytes are on the disk (fdatasync). */
  syncData(): Promise<void>;
  /** What is known of it, whatever has its name by now. */
  stat(): Promise<FileInfo>;
  /** Takes the lock on the file, for as long as it is open; false where another process holds it. */
  tryLock(): Promise<boolean>;
  /** Closes it; never fails, and does nothing the second time. */
  close(): void;
}

/** How to open a file. */
export interface OpenMode {
  /** To read it. */
  readonly read?: boolean;
  /** To write it, from its first byte on. */
  readonly write?: boolean;
  /** To write at its end, wherever that is by then; makes it, for its owner alone (0600), where there is none. */
  readonly append?: boolean;
  /** Makes it, for its owner alone (0600), and fails where there is one. */
  readonly createNew?: boolean;
}

/** What is known of a file. */
export interface FileInfo {
  /** Its bytes. */
  readonly size: number;
  /** When it was last written. */
  readonly modified: Date;
  /** Whether it is a regular file. */
  readonly isFile: boolean;
  /** Whether it is a directory. */
  readonly isDirectory: boolean;
  /** Device number: changes where another file system is mounted. */
  readonly device: number;
  /** Its number on its device: another file has another one; null where the system has none. */
  readonly inode: number | null;
  /** Owner, as a user id; null where the system has none. */
  readonly owner: number | null;
  /** Group, as a group id; null where the system has none. */
  readonly group: number | null;
  /** Permission bits; null where the system has none. */
  readonly mode: number | null;
}

/** The room of a file system. */
export interface FileSystemRoom {
  /** Its kind, as `statfs(2)` numbers it: 0x01021994 is tmpfs. */
  readonly type: number;
  /** Bytes in all. */
  readonly totalBytes: number;
  /** Bytes that an ordinary user may still take. */
  readonly freeBytes: number;
  /** Files in all; 0 where the file system does not count them (btrfs). */
  readonly totalFiles: number;
  /** Files that may still be made. */
  readonly freeFiles: number;
}

/** A file system. Every call rejects with the platform's own error. */
export interface FileSystem {
  /** Opens a file. */
  open(path: string, mode: OpenMode): Promise<OpenFile>;
  /** Makes an empty file with a name of its own, for its owner alone (0600); its path. */
  makeTempFile(options: { readonly dir: string; readonly prefix: string }): Promise<string>;
  /** Makes a directory for its owner alone (0700), and its parents; content with one that is there. */
  makeDirectory(path: string): Promise<void>;
  /** The path without symbolic links, absolute. */
  realPath(path: string): Promise<string>;
  /** What is known of a file; of the one that a symbolic link leads to. */
  stat(path: string): Promise<FileInfo>;
  /** What is known of a name; of a symbolic link itself, which is neither a file nor a directory. */
  statName(path: string): Promise<FileInfo>;
  /** Names in a directory. */
  list(path: string): Promise<string[]>;
  /** Gives a file another name, replacing what has that name. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a name: of a file, of a symbolic link (not of what it leads to), of an empty directory. */
  remove(path: string): Promise<void>;
  /** Resolves once the names in a directory are on the disk (fsync). */
  syncDirectory(path: string): Promise<void>;
  /** How much room is left. */
  room(path: string): Promise<FileSystemRoom>;
}

/** The file system of the machine. `room` takes the permission `--allow-sys=statfs`. */
export const systemFiles: FileSystem = {
  open: async (path, mode) =>
    openFile(await Deno.open(path, { ...mode, create: mode.append ?? false, mode: 0o600 })),
  makeTempFile: (options) => Deno.makeTempFile(options),
  makeDirectory: (path) => Deno.mkdir(path, { recursive: true, mode: 0o700 }),
  realPath: (path) => Deno.realPath(path),
  stat: async (path) => fileInfo(await Deno.stat(path)),
  statName: async (path) => fileInfo(await Deno.lstat(path)),
  list: async (path) => {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(path)) names.push(name);
    return names;
  },
  rename: (from, to) => Deno.rename(from, to),
  remove: (path) => Deno.remove(path),
  syncDirectory: async (path) => {
    using directory = await Deno.open(path);
    await directory.sync();
  },
  room: async (path) => {
    // Blocks are counted in fragments: a FUSE mount may name 1 MiB as the block size that it likes
    // and 4 KiB as the unit it counts in (statvfs(3), `f_frsize`). Deno's types leave the field out.
    const room: StatFs = await statfs(path);
    const unit = room.frsize || room.bsize;
    return {
      type: room.type >>> 0, // signed where `f_type` is a 32-bit word
      totalBytes: room.blocks * unit,
      freeBytes: room.bavail * unit,
      totalFiles: room.files,
      freeFiles: room.ffree,
    };
  },
};

/** What `statfs` answers on Deno. */
interface StatFs {
  readonly type: number;
  readonly bsize: number;
  readonly frsize?: number;
  readonly blocks: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
}

function fileInfo(info: Deno.FileInfo): FileInfo {
  return {
    size: info.size,
    modified: info.mtime ?? new Date(0),
    isFile: info.isFile,
    isDirectory: info.isDirectory,
    device: info.dev,
    inode: info.ino,
    owner: info.uid,
    group: info.gid,
    mode: info.mode === null ? null : info.mode & 0o7777,
  };
}

/** An open file of the machine. */
function openFile(file: Deno.FsFile): OpenFile {
  let open = true;
  return {
    read: (into) => file.read(into),
    write: (from) => file.write(from),
    seek: async (offset) => {
      await file.seek(offset, Deno.SeekMode.Start);
    },
    syncData: () => file.syncData(),
    stat: async () => fileInfo(await file.stat()),
    tryLock: () => file.tryLock(true),
    close: () => {
      if (open) file.close();
      open = false;
    },
  };
}
