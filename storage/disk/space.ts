/** What a disk holds of ours, and what it could still take: `statfs`, asked seldom. */

import type { FileSystemRoom } from "./file_system.ts";
import { createPeak } from "./peak.ts";

/**
 * Milliseconds that a reading of the disk is good for. What we write ourselves is counted exactly in
 * between, so the error is what others write in that time. A reading takes 45 microseconds.
 */
export const ROOM_AGE_MS = 250;

/**
 * How far above the least free space a disk must be again before it takes bytes after it was short,
 * as a part of that space: without it, every segment that is freed would let one in and fill it up.
 */
export const RECOVERY_MARGIN = 1 / 8;

/** Files that must be left: one for each segment, and an inode table that is full fails everybody. */
export const MIN_FREE_FILES = 1_000;

/** How to watch a disk. */
export interface DiskSpaceOptions {
  /** Bytes that must be left free. */
  readonly minFreeBytes: number;
  /** Reads the disk. */
  readonly room: () => Promise<FileSystemRoom>;
  /** The time in milliseconds. @default the monotonic clock */
  readonly now?: () => number;
}

/** The space of one disk. */
export interface DiskSpace {
  /** Bytes of ours that were written and not freed yet. */
  readonly writtenBytes: number;
  /** The highest that was of late; see {@linkcode createPeak}. */
  readonly peakBytes: number;
  /** Counts bytes that were written. */
  wrote(bytes: number): void;
  /** Counts bytes that were freed. */
  freed(bytes: number): void;
  /** Reads the disk, unless that was done {@linkcode ROOM_AGE_MS} ago or later. */
  refresh(): Promise<void>;
  /** Forgets the reading, and holds the disk for short until it has recovered: a write failed. */
  invalidate(): void;
  /** Whether so many bytes fit beside what is reserved, by the last reading. */
  fits(bytes: number, reservedBytes: number): boolean;
  /** Of bytes that do not fit, how many must be given back until they do; none, where that is no help. */
  missing(bytes: number, reservedBytes: number): number | undefined;
}

/** Watches a disk. */
export function createDiskSpace(options: DiskSpaceOptions): DiskSpace {
  const { minFreeBytes, room, now = () => performance.now() } = options;
  const recoveredBytes = minFreeBytes + Math.ceil(minFreeBytes * RECOVERY_MARGIN);
  const peak = createPeak(now);
  let writtenBytes = 0;
  let short = false;
  let filesLeft = true;
  // What the disk could hold of ours: free bytes and our own. Our writing, freeing and reserving
  // leave it as it is; only others change it between two readings.
  let capacity = 0;
  let readAt = -Infinity;
  let reading: Promise<void> | undefined;
  let invalidations = 0;
  // A reading may see a file that was freed while it ran, or not: the least that we had meanwhile
  // errs to the safe side, at most by the writes in flight.
  let minWritten = 0;

  /** Reads the disk; forgotten, where it was invalidated meanwhile. */
  function read(): Promise<void> {
    minWritten = writtenBytes;
    const startedAt = now();
    const mine = room().then((found) => {
      if (reading !== mine) return;
      capacity = found.freeBytes + minWritten;
      // A file system that makes inodes as it needs them says 0 in all (btrfs).
      const minFiles = Math.min(MIN_FREE_FILES, Math.ceil(found.totalFiles / 100));
      filesLeft = found.freeFiles >= minFiles;
      readAt = startedAt;
    }).finally(() => {
      if (reading === mine) reading = undefined;
    });
    return mine;
  }

  return {
    get writtenBytes() {
      return writtenBytes;
    },
    get peakBytes() {
      return peak.value;
    },
    wrote(bytes) {
      writtenBytes += bytes;
      peak.set(writtenBytes);
    },
    freed(bytes) {
      writtenBytes -= bytes;
      peak.set(writtenBytes);
      minWritten = Math.min(minWritten, writtenBytes);
    },
    async refresh() {
      while (now() - readAt > ROOM_AGE_MS) {
        const before = invalidations;
        await (reading ??= read());
        if (before === invalidations) return;
      }
    },
    invalidate() {
      invalidations++;
      short = true;
      readAt = -Infinity;
      reading = undefined;
    },
    fits(bytes, reservedBytes) {
      const free = capacity - reservedBytes; // once everything reserved is written
      const enough = filesLeft && free - bytes >= minFreeBytes;
      if (filesLeft && free >= recoveredBytes) short = false;
      // A request that is too large for a disk with room to spare does not make the disk short.
      else if (!enough) short = true;
      return enough && !short;
    },
    missing(bytes, reservedBytes) {
      if (!filesLeft) return undefined;
      const needed = short ? Math.max(minFreeBytes + bytes, recoveredBytes) : minFreeBytes + bytes;
      return needed - (capacity - reservedBytes);
    },
  };
}
