/** One stretch of bytes on the disk, written once and read once. */

import { crc32 } from "node:zlib";
import type { FileSystem, OpenFile } from "../disk/file_system.ts";

/**
 * A stretch of bytes on the disk, written once and read once. Its file has no name any more, so that
 * even SIGKILL leaves nothing behind. One write and one read may run at the same time, not two.
 */
export interface Segment {
  /** Bytes that were written. */
  readonly written: number;
  /** Writes all of `bytes`, finishing short writes; a {@linkcode DiskError} tells how many got there. */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Reads the next bytes that were written, at most so many; null where there are none yet.
   *
   * @throws {DiskError} EIO, where what comes back is not what was written
   */
  read(maxBytes: number): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Closes it, which frees its disk space; does nothing the second time. */
  close(): void;
}

/** What a segment reports to its maker. */
export interface SegmentOwner {
  /** Counts bytes that were written. */
  wrote(bytes: number): void;
  /** Counts bytes that were freed. */
  freed(bytes: number): void;
  /** The error to throw for one that the file met, `written` bytes into a write. */
  failed(action: "write" | "read", error: unknown, written: number): Promise<unknown>;
}

/** Begins the names of the files. */
const PREFIX = "segment-";

/**
 * Makes an empty segment in a directory: a file opened twice, so that writing and reading keep a
 * position each, and then removed.
 */
export async function createSegment(
  files: FileSystem,
  dir: string,
  owner: SegmentOwner,
): Promise<Segment> {
  const path = await files.makeTempFile({ dir, prefix: PREFIX });
  const opened: OpenFile[] = [];
  try {
    const writer = await files.open(path, { write: true });
    opened.push(writer);
    const reader = await files.open(path, { read: true });
    opened.push(reader);
    await files.remove(path);
    return segment(writer, reader, owner);
  } catch (error) {
    for (const file of opened) file.close();
    // What cannot be removed even now is empty, and goes with the directory.
    await files.remove(path).catch(() => {});
    throw error;
  }
}

function segment(writer: OpenFile, reader: OpenFile, owner: SegmentOwner): Segment {
  let written = 0;
  let read = 0;
  let closed = false;
  // `write` succeeds when the kernel has the bytes. It tells of a lost write-back to `fsync` alone,
  // and waiting for that would cost what the page cache saves, so what is read back is checked: where
  // the reader catches up, and at the end of the last whole write, where one stops after a write that
  // failed. CRC-32 runs at 10 GB/s.
  let writtenChecksum = 0;
  let readChecksum = 0;
  let whole = { end: 0, checksum: 0 };

  /** Whether the bytes read so far are those that were written, where that can be told. */
  function intact(): boolean {
    if (read === written) return readChecksum === writtenChecksum;
    return read !== whole.end || readChecksum === whole.checksum;
  }

  return {
    get written() {
      return written;
    },
    async write(bytes) {
      if (closed) throw closedError();
      let done = 0;
      while (done < bytes.length) {
        let count: number;
        try {
          count = await writer.write(done === 0 ? bytes : bytes.subarray(done));
        } catch (error) {
          throw closed ? closedError() : await owner.failed("write", error, done);
        }
        if (closed) throw closedError(); // its bytes went with it
        if (count === 0) throw await owner.failed("write", broken("took no byte"), done);
        writtenChecksum = crc32(bytes.subarray(done, done + count), writtenChecksum);
        done += count;
        written += count;
        owner.wrote(count);
      }
      whole = { end: written, checksum: writtenChecksum };
    },
    async read(maxBytes) {
      if (closed) throw closedError();
      const into = new Uint8Array(Math.min(maxBytes, written - read));
      if (into.length === 0) return null;
      let count: number | null;
      try {
        count = await reader.read(into);
      } catch (error) {
        throw closed ? closedError() : await owner.failed("read", error, 0);
      }
      if (!count) throw await owner.failed("read", broken("ends too early"), 0);
      const bytes = into.subarray(0, count);
      read += count;
      readChecksum = crc32(bytes, readChecksum);
      if (!intact()) {
        throw await owner.failed("read", broken("has other bytes than were written"), 0);
      }
      return bytes;
    },
    close() {
      if (closed) return;
      closed = true;
      writer.close();
      reader.close();
      owner.freed(written);
    },
  };
}

/** An error of a disk that did not say so itself. */
function broken(what: string): Error {
  return Object.assign(new Error(`The file ${what}`), { code: "EIO" });
}

function closedError(): Error {
  return new Error("Cannot use a segment that was closed");
}
