/**
 * The audit log as a file: lines are added at its end, whatever becomes of its disk, its size and its name.
 *
 * No line is lost or torn by a rotation, be it this one's or another program's: a line that an old file ends
 * within stands whole in the new one.
 */

import type { AuditRotation, AuditSettings } from "../catalog/config.ts";
import { type FileSystem, type OpenFile, systemFiles } from "../storage/disk/file_system.ts";
import type { LogSink } from "./log_writer.ts";

/** How the file is written. */
export interface AuditFileOptions {
  /** The file system. @default the system's */
  readonly files?: FileSystem;
  /** Called with why another file could not be begun, once until one is; lines go to the old one then. */
  readonly onRotateError?: (error: unknown) => void;
}

/** A file that is written at its end. */
export interface AuditFile extends LogSink {
  /** Opens it anew where another program has moved or removed it; every write sees to that itself. */
  reopen(): Promise<void>;
  /** Closes it. */
  close(): void;
}

const LINE_FEED = 10;

/**
 * Opens the file, and makes it where there is none.
 *
 * Where it would be larger than `maxBytes`, it is renamed to `audit.log.1`, that one before to `audit.log.2`
 * and so on, and the oldest of `keep` is replaced.
 */
export async function openAuditFile(
  { file: path, rotation }: AuditSettings,
  { files = systemFiles, onRotateError }: AuditFileOptions = {},
): Promise<AuditFile> {
  let current: OpenFile | undefined;
  /** Which file that is, as names lead to another one after a rotation. */
  let identity = "";
  let size = 0;
  /** The begin of a line, as far as it is in the file. */
  let line: Uint8Array = new Uint8Array();
  /** What goes to a file that was just opened before anything else. */
  let first: Uint8Array = line;
  let rotateFailed = false;
  /** A reopening and a write never overlap. */
  let turn: Promise<unknown> = Promise.resolve();

  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = turn.then(work, work);
    turn = result.catch(() => {});
    return result;
  }

  async function open(): Promise<void> {
    const opened = await files.open(path, { read: true, append: true });
    try {
      const info = await opened.stat();
      const torn = info.isFile && info.size > 0 && await lastByte(opened, info.size) !== LINE_FEED;
      first = torn ? concat(Uint8Array.of(LINE_FEED), line) : line;
      size = info.size;
      identity = `${info.device} ${info.inode}`;
    } catch (error) {
      opened.close();
      throw error;
    }
    current?.close();
    current = opened;
  }

  async function openWhereMoved(): Promise<void> {
    let named = identity;
    try {
      const { device, inode } = await files.stat(path);
      named = `${device} ${inode}`;
    } catch (error) {
      // What cannot be asked may be there all the same.
      if (error instanceof Deno.errors.NotFound) named = "";
    }
    if (named !== identity) await open();
  }

  /** Makes room for another file; false where that failed, and this one goes on. */
  async function rotate(keep: number): Promise<boolean> {
    try {
      // After a rotation that failed there is a gap: what is behind it stays.
      let index = 1;
      while (index < keep && await exists(files, `${path}.${index}`)) index++;
      for (; index > 0; index--) {
        await files.rename(index === 1 ? path : `${path}.${index - 1}`, `${path}.${index}`);
      }
    } catch (error) {
      if (!rotateFailed) onRotateError?.(error);
      rotateFailed = true;
      return false;
    }
    rotateFailed = false;
    await open();
    return true;
  }

  /** What the file has room for, which is another one where this one has none. */
  async function partOf(bytes: Uint8Array, { maxBytes, keep }: AuditRotation): Promise<Uint8Array> {
    // A line that is begun ends where it is; one that is longer than a file has a file of its own.
    const firstLine = bytes.subarray(0, bytes.indexOf(LINE_FEED) + 1);
    if (line.length > 0) return firstLine;
    const part = wholeLines(bytes, maxBytes - size);
    if (part.length > 0) return part;
    if (size === 0) return firstLine;
    return await rotate(keep) ? partOf(bytes, { maxBytes, keep }) : bytes;
  }

  async function write(bytes: Uint8Array): Promise<number> {
    await openWhereMoved();
    const part = rotation ? await partOf(bytes, rotation) : bytes;
    while (first.length > 0) {
      const count = await current!.write(first);
      size += count;
      first = first.subarray(count);
    }
    const count = await current!.write(part);
    size += count;
    const written = part.subarray(0, count);
    const end = written.lastIndexOf(LINE_FEED) + 1;
    line = concat(end > 0 ? new Uint8Array() : line, written.subarray(end));
    return count;
  }

  await open();
  return {
    write: (bytes) => inTurn(() => write(bytes)),
    reopen: () => inTurn(openWhereMoved),
    close: () => current?.close(),
  };
}

/** The lines of several that a number of bytes holds. */
function wholeLines(bytes: Uint8Array, room: number): Uint8Array {
  if (bytes.length <= room) return bytes;
  return bytes.subarray(0, room <= 0 ? 0 : bytes.lastIndexOf(LINE_FEED, room - 1) + 1);
}

async function lastByte(file: OpenFile, size: number): Promise<number | undefined> {
  const byte = new Uint8Array(1);
  await file.seek(size - 1);
  await file.read(byte);
  return byte[0];
}

async function exists(files: FileSystem, path: string): Promise<boolean> {
  try {
    await files.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function concat(one: Uint8Array, other: Uint8Array): Uint8Array {
  const all = new Uint8Array(one.length + other.length);
  all.set(one);
  all.set(other, one.length);
  return all;
}
