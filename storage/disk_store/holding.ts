/** What one stored file holds of a disk: its names, its bytes and the room that they are reserved. */

import { type DiskRoom, UNLIMITED } from "../disk/disk_room.ts";
import type { FileSystem } from "../disk/file_system.ts";
import type { RefusalReason, Reservation } from "../disk/quota.ts";

/** Bytes are reserved in steps of this size, so that not every chunk asks the disk for its room. */
export const RESERVE_BYTES = 4 * 1024 * 1024;

/**
 * Most file systems hand their space out in blocks of 4 KiB, and stored files stay: without rounding up,
 * ten thousand of them would take 20 MB that are not reserved.
 */
const BLOCK_BYTES = 4 * 1024;

/** The room that so many bytes take on a disk. */
export function wholeBlocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/** A file's hold on the disk. It ends when the last name is removed and the last reader has released it. */
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
   * @returns whether there was room; where not, neither it nor its bytes are counted
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

  /** Keeps the bytes for a reader, until it calls once what this returns. */
  acquire(): () => void {
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
