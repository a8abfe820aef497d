/** A queue of bytes on the disk: put at its end, taken from its front, one call at a time. */

import type { RefusalReason, Reservation } from "../disk/quota.ts";
import type { Segment, Spool } from "./mod.ts";

/**
 * Bytes of a segment, at least. What was read comes back by the segment, so the smaller they are the
 * sooner; 16 MiB are 64 writes, next to which the 0.2 ms that a new file takes are nothing.
 */
export const SEGMENT_BYTES = 16 * 1024 * 1024;

/**
 * A segment may grow to this part of what the queue holds. Each has two descriptors open: 20 GiB in
 * segments of 16 MiB would be 1,280 of them, growing by this they are 53.
 */
const SEGMENT_SHARE = 1 / 8;

/** Bytes are reserved in steps of this size, so that not every chunk asks the disk for its room. */
export const RESERVE_BYTES = 4 * 1024 * 1024;

/** Bytes to take at once: the size that chunks have everywhere. */
const TAKE_BYTES = 256 * 1024;

/** How a queue uses its spool. */
export interface DiskQueueOptions {
  /** Whose share of the quota it takes from. */
  readonly tenant?: string | undefined;
  /** Bytes of a segment, at least. @default {@linkcode SEGMENT_BYTES} */
  readonly segmentBytes?: number | undefined;
  /** Bytes to reserve at once, at least. @default {@linkcode RESERVE_BYTES} */
  readonly reserveBytes?: number | undefined;
}

/** A segment and how far it is. */
interface Stretch {
  readonly segment: Segment;
  /** Bytes that are known to be written and were not taken. */
  unread: number;
  /** Bytes that it may hold on the disk, those of a write that failed included. */
  held: number;
  /** Whether a write failed: nothing may come after the part of it that got there. */
  sealed: boolean;
}

/**
 * A queue on the disk. Calls do not overlap: each of `put` and `take` is awaited before the next.
 */
export class DiskQueue {
  readonly #spool: Pick<Spool, "reserve" | "createSegment">;
  readonly #tenant: string | undefined;
  readonly #segmentBytes: number;
  readonly #reserveBytes: number;
  readonly #stretches: Stretch[] = [];
  #reservation: Reservation | undefined;
  #unread = 0;
  #held = 0;
  #working = false;
  #closed = false;

  /** Touches the disk only with the first `put`. */
  constructor(
    spool: Pick<Spool, "reserve" | "createSegment">,
    options: DiskQueueOptions = {},
  ) {
    this.#spool = spool;
    this.#tenant = options.tenant;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#reserveBytes = options.reserveBytes ?? RESERVE_BYTES;
  }

  /** Bytes that were put and not taken. */
  get unread(): number {
    return this.#unread;
  }

  /** Bytes on the disk: those that were taken count until their segment is freed. */
  get held(): number {
    return this.#held;
  }

  /**
   * Puts all of a chunk, or nothing of it: why not, where the quota or the disk refuse. The queue is
   * as good as before then, and may be tried again.
   */
  async put(chunk: Uint8Array): Promise<RefusalReason | Error | undefined> {
    return await this.#work(async () => {
      const refusal = await this.#write(chunk).catch(toError);
      // What was reserved ahead is of use to others now.
      if (refusal) this.trim();
      return refusal;
    });
  }

  /**
   * Takes the next bytes, of which there must be some.
   *
   * @throws {DiskError} when they cannot be read back
   */
  async take(): Promise<Uint8Array<ArrayBuffer>> {
    return await this.#work(async () => {
      const first = this.#stretches[0];
      if (!first) throw new Error("Cannot take from a disk queue that is empty");
      const bytes = await first.segment.read(Math.min(TAKE_BYTES, first.unread));
      if (!bytes?.length) {
        throw new Error(`Cannot read ${first.unread} spilled bytes back: their segment has ended`);
      }
      first.unread -= bytes.length;
      this.#unread -= bytes.length;
      if (first.unread === 0) this.#free(first);
      return bytes;
    });
  }

  /** Frees what was put first, by the segment, as long as so many bytes stay; not while a call is under way. */
  forget(keep: number): void {
    if (this.#working) throw new Error("Cannot use a disk queue twice at once");
    for (
      let first = this.#stretches[0];
      first && this.#unread - first.unread >= keep;
      first = this.#stretches[0]
    ) {
      this.#unread -= first.unread;
      this.#free(first);
    }
  }

  /** Gives back what was reserved ahead. */
  trim(): void {
    const reservation = this.#reservation;
    if (!reservation) return;
    if (this.#held > 0) return reservation.shrink(reservation.bytes - this.#held);
    reservation.release();
    this.#reservation = undefined;
  }

  /**
   * Gives everything back: at once, or with the end of the call that is under way, whose file cannot
   * be freed and whose bytes still count until the disk has answered it.
   */
  close(): void {
    this.#closed = true;
    if (!this.#working) this.#freeAll();
  }

  async #work<Result>(call: () => Promise<Result>): Promise<Result> {
    if (this.#working) throw new Error("Cannot use a disk queue twice at once");
    if (this.#closed) throw new Error("Cannot use a disk queue that is closed");
    this.#working = true;
    try {
      return await call();
    } finally {
      this.#working = false;
      if (this.#closed) this.#freeAll();
    }
  }

  async #write(chunk: Uint8Array): Promise<RefusalReason | undefined> {
    const refusal = await this.#reserve(this.#held + chunk.length);
    if (refusal || this.#closed) return refusal;
    const stretch = this.#open() ?? await this.#create();
    if (this.#closed) return;
    stretch.held += chunk.length;
    this.#held += chunk.length;
    try {
      await stretch.segment.write(chunk);
    } catch (error) {
      // However much of it got there: nothing is read that was not acknowledged, nothing is written
      // behind it, and the whole chunk goes elsewhere. So every byte is in the output exactly once.
      stretch.sealed = true;
      if (stretch.unread === 0) this.#free(stretch);
      throw error;
    }
    stretch.unread += chunk.length;
    this.#unread += chunk.length;
  }

  /** Makes the reservation at least so large. */
  async #reserve(bytes: number): Promise<RefusalReason | undefined> {
    const missing = bytes - (this.#reservation?.bytes ?? 0);
    if (missing <= 0) return;
    const step = Math.max(missing, this.#reserveBytes);
    if (this.#reservation) return await this.#reservation.grow(step);
    const answer = await this.#spool.reserve(step, this.#tenant);
    if (typeof answer === "string") return answer;
    this.#reservation = answer;
  }

  /** The segment that the next chunk may go to, where there is one. */
  #open(): Stretch | undefined {
    const last = this.#stretches.at(-1);
    if (!last || last.sealed) return;
    return last.held < Math.max(this.#segmentBytes, this.#held * SEGMENT_SHARE) ? last : undefined;
  }

  async #create(): Promise<Stretch> {
    const segment = await this.#spool.createSegment();
    const stretch = { segment, unread: 0, held: 0, sealed: false };
    this.#stretches.push(stretch);
    return stretch;
  }

  #free(stretch: Stretch): void {
    stretch.segment.close();
    this.#stretches.splice(this.#stretches.indexOf(stretch), 1);
    this.#held -= stretch.held;
    this.#reservation?.shrink(stretch.held);
  }

  #freeAll(): void {
    for (const { segment } of this.#stretches.splice(0)) segment.close();
    this.#unread = 0;
    this.#held = 0;
    this.trim();
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error("Cannot use the spool", { cause: error });
}
