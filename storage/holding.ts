/** What one stored file holds of a disk: its names, its bytes and the room that they are reserved. */

import type { FileSystem } from "./file_system.ts";
import type { RefusalReason, Reservation } from "./quota.ts";

/** Who gives stored files room on a disk, and counts what is written. */
export interface DiskRoom {
  /** Asks for bytes on the disk; the reason, where there is no room. */
  reserve(bytes: number, tenant?: string): Promise<Reservation | RefusalReason>;
  /** Counts bytes that were written. */
  wrote(bytes: number): void;
  /** Counts bytes that were freed. */
  freed(bytes: number): void;
  /**
   * The error to throw for one that a stored file met: a `DiskError` where it is the disk's. It is told
   * to whoever watches the disk.
   *
   * @param action what was tried, as it stands after `Cannot`
   * @param written bytes of the failed write that got there
   */
  failed(action: string, error: unknown, written?: number): Promise<unknown>;
  /** Tells whoever watches the disk of what is no failure of it, and does not hinder reservations. */
  noticed(action: string, error: unknown): Promise<void>;
  /** Makes the directory again that the files are kept below, where it was removed. */
  restore(): Promise<void>;
}

/** Bytes are reserved in steps of this size, so that not every chunk asks the disk for its room. */
export const RESERVE_BYTES = 4 * 1024 * 1024;

/**
 * Most file systems hand their space out in blocks of 4 KiB, and stored files stay: without rounding up,
 * ten thousand of them would take 20 MB that nobody reserved.
 */
const BLOCK_BYTES = 4 * 1024;

/** The room that so many bytes take on a disk. */
export function wholeBlocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/** As much as the disk has: reserved by nobody. */
export const UNLIMITED: Reservation = {
  bytes: Infinity,
  grow: () => Promise.resolve(undefined),
  shrink() {},
  release() {},
};

/** A file's hold on the disk. It ends when the last name is removed and the last reader has left. */
export class Holding {
  /** The paths that the file may have by now. */
  paths: readonly string[];
  readonly #room: DiskRoom;
  #reservation: Reservation;
  #written = 0;
  #readers = 0;
  #removed = false;

  /** Takes a reservation over, for a file that is to be written or is there. */
  constructor(paths: readonly string[], reservation: Reservation, room: DiskRoom) {
    this.paths = paths;
    this.#reservation = reservation;
    this.#room = room;
  }

  /** Bytes of room that come back with it, as far as they are counted. */
  get reservedBytes(): number {
    return this.#reservation === UNLIMITED ? 0 : this.#reservation.bytes;
  }

  /** Whether it is being read. */
  get isRead(): boolean {
    return this.#readers > 0;
  }

  /** Whether no name leads to it any more. */
  get removed(): boolean {
    return this.#removed;
  }

  /** Reserves enough for a file of so many bytes, a step ahead; the reason, where it is refused. */
  async cover(bytes: number): Promise<RefusalReason | undefined> {
    const missing = wholeBlocks(bytes) - this.#reservation.bytes;
    if (missing <= 0) return undefined;
    return await this.#reservation.grow(Math.max(missing, RESERVE_BYTES));
  }

  /** Counts bytes that were written. */
  wrote(bytes: number): void {
    this.#written += bytes;
    this.#room.wrote(bytes);
  }

  /** Gives back what was reserved ahead: no more will be written. */
  trim(): void {
    const { bytes } = this.#reservation;
    if (bytes !== Infinity) this.#reservation.shrink(bytes - wholeBlocks(this.#written));
  }

  /**
   * Reserves room for what is written already, of a file that was there before.
   *
   * @returns whether there was room; where not, nobody has counted it, nor its bytes
   */
  async countIn(tenant: string | undefined): Promise<boolean> {
    const reservation = await this.#room.reserve(wholeBlocks(this.#written), tenant);
    const counted = typeof reservation !== "string";
    if (counted) {
      this.#reservation = reservation;
    } else {
      this.#room.freed(this.#written);
      this.#written = 0;
    }
    this.#settle();
    return counted;
  }

  /** Lets a reader in; what it calls once when it leaves. The bytes stay until then. */
  enter(): () => void {
    this.#readers++;
    return () => {
      this.#readers--;
      this.#settle();
    };
  }

  /** Removes every name of it; does nothing to one that is gone. */
  async remove(files: FileSystem): Promise<void> {
    for (const path of this.paths) {
      try {
        await files.remove(path);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    this.#removed = true;
    this.#settle();
  }

  #settle(): void {
    if (!this.#removed || this.#readers > 0) return;
    this.#room.freed(this.#written);
    this.#written = 0;
    this.#reservation.release();
  }
}
