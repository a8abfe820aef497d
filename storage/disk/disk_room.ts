/** Room on a disk for files that stay: what is asked for, counted and reported. */

import { toDiskError } from "./error.ts";
import type { FileSystem } from "./file_system.ts";
import { mountPoint } from "./mounts.ts";
import type { RefusalReason, Reservation } from "./quota.ts";

/** Who gives stored files room on a disk, and counts what is written. */
export interface DiskRoom {
  /** Asks for bytes on the disk; the reason, where there is no room. */
  reserve(bytes: number, tenant?: string): Promise<Reservation | RefusalReason>;
  /** Why so many bytes can never be had, whatever others give back; undefined where they can. */
  neverFits(bytes: number, tenant?: string): RefusalReason | undefined;
  /** Counts bytes that were written. */
  wrote(bytes: number): void;
  /** Counts bytes that were freed. */
  freed(bytes: number): void;
  /**
   * The error to throw for one that a stored file met: a `DiskError` where it is the disk's. Who
   * watches the disk learns of it.
   *
   * @param action what was tried, as it stands after `Cannot`
   * @param written bytes of the failed write that got there
   */
  failed(action: string, error: unknown, written?: number): Promise<unknown>;
  /** Reports to who watches the disk what is no failure of it, and does not hinder reservations. */
  noticed(action: string, error: unknown): Promise<void>;
  /** Makes the directory again that the files are kept below, where it was removed. */
  restore(): Promise<void>;
}

/** As much as the disk has: not reserved. */
export const UNLIMITED: Reservation = {
  bytes: Infinity,
  grow: () => Promise.resolve(undefined),
  shrink() {},
  release() {},
};

/** The room of a disk without a quota, which is not watched. */
export function wholeDisk(files: FileSystem, dir: string): DiskRoom {
  return {
    reserve: () => Promise.resolve(UNLIMITED),
    neverFits: () => undefined,
    wrote() {},
    freed() {},
    noticed: () => Promise.resolve(),
    restore: () => Promise.resolve(),
    async failed(action, error) {
      const [mount, freeBytes] = await Promise.all([
        mountPoint(files, dir).catch(() => dir),
        files.room(dir).then((found) => found.freeBytes, () => 0),
      ]);
      return toDiskError(error, { action, mount, freeBytes, reservedBytes: 0 });
    },
  };
}
