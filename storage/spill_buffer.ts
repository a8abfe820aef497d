/** Stands between a source and a slow reader: memory first, then the disk, so that the source can end. */

import { type Clock, systemClock } from "./clock.ts";
import { DiskQueue, type DiskQueueOptions } from "./disk_queue.ts";
import type { RefusalReason } from "./quota.ts";
import { type PaceLimits, ReaderPace } from "./reader_pace.ts";
import type { Spool } from "./spool.ts";

/** Bytes that a source may be ahead of its reader in memory: four chunks of the usual size. */
export const MEMORY_BYTES = 1024 * 1024;

/** Milliseconds without a read after which the source no longer waits. */
export const SPILL_AFTER_MS = 10_000;

/** Bytes a second under which the source no longer waits: 1 GiB would hold its cursor for 17 minutes. */
export const SPILL_RATE = 1024 * 1024;

/** Milliseconds without a read after which a reader is given up. */
export const STALL_TIMEOUT_MS = 120_000;

/** Milliseconds until a disk that refused is asked again; doubled each time, up to the second. */
const RETRY_MS = { first: 1_000, last: 30_000 };

/** How to stand between a source and its reader. */
export interface SpillOptions extends Partial<PaceLimits>, DiskQueueOptions {
  /** Where to spill; without one there is plain backpressure. */
  readonly spool?: Spool | undefined;
  /**
   * Bytes to hold in memory, at least 1; the chunk that reaches it may go beyond.
   *
   * @default {@linkcode MEMORY_BYTES}
   */
  readonly memoryBytes?: number | undefined;
  /**
   * Whether others wait for what the source holds: a reader that has it wait for most of a second has
   * fallen behind then, whatever `spillAfter` and `spillRate` say. {@linkcode SpillBuffer.look} tells
   * that the answer has changed. @default never
   */
  readonly contended?: (() => boolean) | undefined;
  /** Told once, when the first bytes are on the disk. */
  readonly onSpill?: (() => void) | undefined;
  /** Told each time that bytes were to be spilled and could not be: they stay in memory. */
  readonly onRefused?: ((why: RefusalReason | Error) => void) | undefined;
  /** Told of each chunk that the reader takes, by its bytes. */
  readonly onTake?: ((bytes: number) => void) | undefined;
  /** What tells the time. @default the system's */
  readonly clock?: Clock | undefined;
}

/** A reader that read nothing for too long, although there was something to read. */
export class StallError extends Error {
  /** Tells it from other errors in a log. */
  override readonly name = "StallError";
}

/** Why a reader gets nothing more: it has everything, it has left, or an error has taken its place. */
export type Delivery =
  | { readonly state: "complete" | "cancelled" }
  | { readonly state: "failed"; readonly error: Error };

type Chunk = Uint8Array<ArrayBuffer>;

/**
 * Reads a source ahead of its reader, and gives it on in order and whole.
 *
 * There is one queue: its front is on the disk, its end in memory. While the reader keeps up nothing is
 * on the disk. When it falls behind, what is in memory moves to the disk, one chunk after the other, as
 * fast as the source gives it; where the disk refuses, the memory fills up and the source has to wait.
 * Once the reader has read what was on the disk, chunks go from memory to it again.
 */
export class SpillBuffer {
  /**
   * What the source gives. An error of the source is its error at once, whatever still waits to be read:
   * half a file is worth nothing. Cancelling it cancels the source and frees everything.
   */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Resolves with the source's first chunk or its end; rejects with an error that comes before. */
  readonly begun: Promise<void>;
  /** Resolves to what became of it for the reader; never rejects. */
  readonly over: Promise<Delivery>;
  /** Resolves once nothing more is read of the source: it ended, broke or was cancelled. Never rejects. */
  readonly sourceEnded: Promise<void>;
  /** Resolves once the source ended and nothing waits in memory, but at most on the disk. Never rejects. */
  readonly memoryFreed: Promise<void>;
  /** Resolves once the disk holds nothing of it any more and never will again. Never rejects. */
  readonly released: Promise<void>;

  readonly #source: ReadableStreamDefaultReader<Chunk>;
  readonly #disk: DiskQueue | undefined;
  readonly #pace: ReaderPace;
  readonly #clock: Clock;
  readonly #options: SpillOptions;
  readonly #begin: () => void;
  readonly #refuse: (error: Error) => void;
  readonly #deliver: (delivery: Delivery) => void;
  readonly #endSource: () => void;
  readonly #freeMemory: () => void;
  readonly #release: () => void;
  readonly #memory: Chunk[] = [];
  #controller!: ReadableStreamDefaultController<Chunk>;
  #memoryBytes: number;
  #inMemory = 0;
  /** The reader has asked and was not answered. */
  #wanted = false;
  /** The source has been asked and did not answer. */
  #asking = false;
  /** The source has given everything. */
  #ended = false;
  /** Nothing is to be done any more. */
  #over = false;
  #spilled = false;
  /** What is in memory goes to the disk, whatever the reader's pace. */
  #spillsAll = false;
  /** `#spill` runs: only it may give the reader something. */
  #spilling = false;
  #retryAt = 0;
  #retryMs = RETRY_MS.first;
  /** Has the source go on; present while it is held up. */
  #makeRoom: (() => void) | undefined;
  /** Has `#spill` go on; present while it has nothing to do. */
  #wake: (() => void) | undefined;
  #timer: { readonly due: number; readonly stop: () => void } | undefined;

  /** Begins to read the source. */
  constructor(source: ReadableStream<Chunk>, options: SpillOptions = {}) {
    this.#options = options;
    this.#source = source.getReader();
    this.#disk = options.spool && new DiskQueue(options.spool, options);
    this.#memoryBytes = options.memoryBytes ?? MEMORY_BYTES;
    this.#clock = options.clock ?? systemClock;
    this.#pace = new ReaderPace({
      spillAfter: options.spillAfter ?? SPILL_AFTER_MS,
      spillRate: options.spillRate ?? SPILL_RATE,
      stallTimeout: options.stallTimeout ?? STALL_TIMEOUT_MS,
      maxHeldUp: options.maxHeldUp ?? Infinity,
    });
    const begun = Promise.withResolvers<void>();
    ({ promise: this.begun, resolve: this.#begin, reject: this.#refuse } = begun);
    this.begun.catch(() => {});
    ({ promise: this.over, resolve: this.#deliver } = Promise.withResolvers<Delivery>());
    ({ promise: this.sourceEnded, resolve: this.#endSource } = Promise.withResolvers<void>());
    ({ promise: this.memoryFreed, resolve: this.#freeMemory } = Promise.withResolvers<void>());
    ({ promise: this.released, resolve: this.#release } = Promise.withResolvers<void>());
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        this.#wanted = true;
        this.#serve();
      },
      cancel: async (reason) => {
        this.#finish({ state: "cancelled" });
        await Promise.all([this.#source.cancel(reason), this.released]);
      },
      // A mark of 0: it is pulled when somebody reads, and only then.
    }, { highWaterMark: 0 });
    // Tells of an error also while nothing is being read.
    this.#source.closed.catch((error) => this.abort(error));
    void this.#fill();
  }

  /** Whether any of it has been on the disk. */
  get spilled(): boolean {
    return this.#spilled;
  }

  /** Bytes that it holds in memory now. */
  get memoryBytes(): number {
    return this.#inMemory;
  }

  /** Bytes that it holds on the disk now. */
  get diskBytes(): number {
    return this.#disk?.held ?? 0;
  }

  /** Whether it waits for the source; while it does not, the source cannot be blamed for giving nothing. */
  get asking(): boolean {
    return this.#asking;
  }

  /** Looks at the reader's pace now, as what `contended` says has changed. */
  look(): void {
    this.#watch();
  }

  /** Takes all that the source has still to give, as it has it in memory already: it has done its work. */
  takeAll(): void {
    this.#memoryBytes = Infinity;
    this.#goOn();
  }

  /** Moves what is in memory to the disk, however well its reader reads, as soon as the disk takes it. */
  spillAll(): void {
    this.#spillsAll = true;
    this.#watch();
  }

  /** Gives up: the reader gets the error, whatever still waits, and the source is cancelled. */
  abort(reason: unknown): void {
    if (this.#over) return;
    const error = reason instanceof Error ? reason : new Error(String(reason));
    this.#finish({ state: "failed", error });
    this.#controller.error(error);
    this.#source.cancel(error).catch(() => {});
  }

  /** From the source to memory, or to a reader that waits for it. */
  async #fill(): Promise<void> {
    try {
      while (!this.#over) {
        if (this.#inMemory >= this.#memoryBytes) {
          await this.#room();
          continue;
        }
        this.#asking = true;
        const { done, value } = await this.#source.read();
        this.#asking = false;
        if (this.#over) return;
        if (done) return this.#end();
        if (value.length > 0) this.#accept(value);
      }
    } catch (error) {
      this.abort(error);
    }
  }

  #accept(chunk: Chunk): void {
    this.#begin();
    if (this.#wanted && !this.#spilling) return this.#give(chunk);
    if (this.#unread === 0) this.#pace.offered(this.#clock.now());
    this.#memory.push(chunk);
    this.#inMemory += chunk.length;
    this.#wake?.();
    if (!this.#timer) this.#watch();
  }

  #room(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#makeRoom = resolve;
    this.#pace.heldUp(this.#clock.now());
    this.#watch();
    return promise;
  }

  #end(): void {
    this.#ended = true;
    this.#begin();
    this.#endSource();
    if (this.#inMemory === 0) this.#freeMemory();
    this.#wake?.();
    this.#closeIfRead();
  }

  /** Bytes that the reader has still to come, as far as they are here. */
  get #unread(): number {
    return this.#inMemory + (this.#disk?.unread ?? 0);
  }

  /** From memory to the reader, while nothing is on the disk. */
  #serve(): void {
    if (this.#over || !this.#wanted) return;
    if (this.#spilling) return this.#wake?.();
    const chunk = this.#shift();
    if (!chunk) return;
    this.#give(chunk);
    this.#closeIfRead();
  }

  #shift(): Chunk | undefined {
    const chunk = this.#memory.shift();
    if (chunk) this.#inMemory -= chunk.length;
    if (this.#ended && this.#inMemory === 0) this.#freeMemory();
    this.#goOn();
    return chunk;
  }

  /** Has the source go on, where there is room again. */
  #goOn(): void {
    if (!this.#makeRoom || this.#inMemory >= this.#memoryBytes) return;
    this.#makeRoom();
    this.#makeRoom = undefined;
    this.#pace.goesOn(this.#clock.now());
  }

  #give(chunk: Chunk): void {
    this.#wanted = false;
    this.#pace.took(chunk.length, this.#clock.now());
    this.#options.onTake?.(chunk.length);
    this.#controller.enqueue(chunk);
    if (!this.#timer) this.#watch();
  }

  /**
   * From memory to the disk and from the disk to the reader, in turns and in this one loop, so that a read
   * and a write never meet; until the reader has taken all that is on the disk.
   */
  async #spill(disk: DiskQueue): Promise<void> {
    this.#spilling = true;
    try {
      do {
        const chunk = this.#memory[0];
        if (chunk && this.#clock.now() >= this.#retryAt) {
          this.#onPut(await disk.put(chunk));
        } else if (!this.#wanted) {
          if (this.#ended) disk.trim();
          const { promise, resolve } = Promise.withResolvers<void>();
          this.#wake = resolve;
          await promise;
          this.#wake = undefined;
        }
        if (!this.#over && this.#wanted && disk.unread > 0) await this.#take(disk);
      } while (!this.#over && disk.unread > 0);
    } catch (error) {
      this.abort(error);
    }
    this.#spilling = false;
    if (this.#over) return this.#release();
    disk.trim();
    this.#pace.caughtUp(this.#clock.now());
    this.#serve();
    this.#closeIfRead();
    this.#watch();
  }

  #onPut(refusal: RefusalReason | Error | undefined): void {
    if (this.#over) return;
    if (refusal) {
      this.#retryAt = this.#clock.now() + this.#retryMs;
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS.last);
      this.#options.onRefused?.(refusal);
      return this.#watch();
    }
    this.#retryMs = RETRY_MS.first;
    this.#shift();
    if (this.#spilled) return;
    this.#spilled = true;
    this.#options.onSpill?.();
  }

  async #take(disk: DiskQueue): Promise<void> {
    const { held } = disk;
    const chunk = await disk.take();
    if (this.#over) return;
    // A segment was freed: there is room again, be it our own.
    if (disk.held < held) this.#retryAt = 0;
    this.#give(chunk);
  }

  /** Looks whether the time has come for something, and when to look again. */
  #watch(): void {
    if (this.#over || this.#wanted || this.#unread === 0) return;
    const now = this.#clock.now();
    let due = this.#pace.stalledAt;
    if (now >= due) return this.#stall(now);
    const spillsAll = this.#spillsAll && this.#inMemory > 0;
    if (this.#disk && (this.#makeRoom || spillsAll)) {
      const contended = this.#options.contended?.() ?? false;
      if (now < this.#retryAt) due = Math.min(due, this.#retryAt);
      else if (this.#spilling) this.#wake?.();
      else if (spillsAll || this.#pace.hasFallenBehind(now, contended)) {
        void this.#spill(this.#disk);
      } else due = Math.min(due, this.#pace.nextLook(now, contended));
    }
    // One that is due earlier is left: it looks again. So a reader that reads costs no timer a chunk.
    if (this.#timer && this.#timer.due <= due) return;
    this.#timer?.stop();
    const stop = this.#clock.after(due - now, () => {
      this.#timer = undefined;
      this.#watch();
    });
    this.#timer = { due, stop };
  }

  #stall(now: number): void {
    const idle = Math.round(now - this.#pace.idleSince);
    this.abort(new StallError(`The reader took nothing for ${idle} ms`));
  }

  #closeIfRead(): void {
    if (this.#over || !this.#ended || this.#spilling || this.#unread > 0) return;
    this.#finish({ state: "complete" });
    this.#controller.close();
  }

  /** Lets go of everything. */
  #finish(delivery: Delivery): void {
    this.#over = true;
    this.#deliver(delivery);
    if (delivery.state === "failed") this.#refuse(delivery.error);
    this.#timer?.stop();
    this.#timer = undefined;
    this.#memory.length = 0;
    this.#inMemory = 0;
    this.#disk?.close();
    this.#makeRoom?.();
    this.#wake?.();
    this.#endSource();
    this.#freeMemory();
    if (!this.#spilling) this.#release();
  }
}
