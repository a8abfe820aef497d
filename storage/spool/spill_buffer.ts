/** Stands between a source and a slow reader: memory first, then the disk, so that the source can end. */

import { type Clock, systemClock } from "../clock.ts";
import { Alarm } from "./alarm.ts";
import { Backoff, type Delays } from "./backoff.ts";
import { Chunks } from "./chunks.ts";
import { DiskQueue, type DiskQueueOptions } from "./disk_queue.ts";
import type { RefusalReason } from "../disk/quota.ts";
import { type PaceLimits, ReaderPace } from "./reader_pace.ts";
import type { Spool } from "./mod.ts";

/** Bytes that a source may be ahead of its reader in memory: four chunks of the usual size. */
export const MEMORY_BYTES = 1024 * 1024;

/** Milliseconds without a read after which the source no longer waits. */
export const SPILL_AFTER_MS = 10_000;

/** Bytes a second under which the source no longer waits: 1 GiB would hold its cursor for 17 minutes. */
export const SPILL_RATE = 1024 * 1024;

/** Milliseconds without a read after which a reader has stalled. */
export const STALL_TIMEOUT_MS = 120_000;

/** Milliseconds until a disk that refused is asked again. */
const RETRY_MS: Delays = { first: 1_000, last: 30_000 };

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
   * Whether others wait for what the source holds: a reader that has it wait for half of a second has
   * fallen behind then, whatever `spillAfter` and `spillRate` say. {@linkcode SpillBuffer.look} is called
   * when the answer has changed. @default never
   */
  readonly contended?: (() => boolean) | undefined;
  /** Called once, when the first bytes are on the disk. */
  readonly onSpill?: (() => void) | undefined;
  /** Called each time that bytes were to be spilled and could not be: they stay in memory. */
  readonly onRefused?: ((why: RefusalReason | Error) => void) | undefined;
  /** Called with each chunk that the reader takes. */
  readonly onTake?: ((chunk: Uint8Array) => void) | undefined;
  /** The time. @default the system's */
  readonly clock?: Clock | undefined;
}

/** A reader that read nothing for too long, although there was something to read. */
export class StallError extends Error {
  override readonly name = "StallError";
}

/** Why a reader gets nothing more: it has everything, it has cancelled, or the file has failed. */
export type Delivery =
  | { readonly state: "complete" | "cancelled" }
  | { readonly state: "failed"; readonly error: Error };

type Chunk = Uint8Array<ArrayBuffer>;

/** What becomes of the source's chunks. */
type State =
  /** Nothing is on the disk: they go to the reader, or wait in memory for it. */
  | { readonly at: "memory" }
  /** The loop of `#spill` runs, and it alone gives the reader anything; `wake` while it has nothing to do. */
  | { readonly at: "disk"; wake: (() => void) | undefined }
  /** All of it was given, or nothing of it will be. */
  | { readonly at: "end" };

/** What the source does. */
type SourceState =
  /** It was asked for a chunk, and owes it. */
  | { readonly state: "asked" }
  /** It is not asked, as memory is full. */
  | { readonly state: "held up"; readonly resume: () => void }
  /** It has given everything. */
  | { readonly state: "ended" };

const IN_MEMORY: State = { at: "memory" };
const AT_END: State = { at: "end" };
const ASKED: SourceState = { state: "asked" };
const ENDED: SourceState = { state: "ended" };

/**
 * Reads a source ahead of its reader, and gives it on in order and whole.
 *
 * There is one queue: its front is on the disk, its end in memory. While the reader keeps up nothing is
 * on the disk. When it falls behind, what is in memory moves to the disk, one chunk after the other, as
 * fast as the source gives it; where the disk refuses, the memory fills up and the source has to wait.
 * Once the reader has read what was on the disk, chunks go from memory to it again.
 *
 * What always holds:
 * - What is on the disk comes before what is in memory, and only the spilling loop touches the disk.
 * - A reader that waits `at: "memory"` finds memory empty: it would have been given the chunk.
 * - The source is held up only while memory is full, and asked for one chunk at a time.
 * - Time is looked at while there is something to take, and only then is the alarm set.
 * - `at: "end"` is for ever: memory is empty, the alarm is off, the disk is closed; each promise has settled,
 *   but for `released`, which waits for the call to the disk that is under way.
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

  readonly #options: SpillOptions;
  readonly #source: ReadableStreamDefaultReader<Chunk>;
  readonly #memory = new Chunks();
  readonly #disk: DiskQueue | undefined;
  readonly #clock: Clock;
  readonly #pace: ReaderPace;
  readonly #alarm: Alarm;
  readonly #retry = new Backoff(RETRY_MS);
  readonly #begun = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<Delivery>();
  readonly #sourceEnded = Promise.withResolvers<void>();
  readonly #memoryFreed = Promise.withResolvers<void>();
  readonly #released = Promise.withResolvers<void>();
  #controller!: ReadableStreamDefaultController<Chunk>;
  #state = IN_MEMORY;
  #sourceState = ASKED;
  /** The reader has asked, and was not answered. */
  #wanted = false;
  #spilled = false;
  #maxMemoryBytes: number;
  /** Whether memory is to be empty soon, however well the reader reads. */
  #spillsAll = false;

  /** Begins to read the source. */
  constructor(source: ReadableStream<Chunk>, options: SpillOptions = {}) {
    this.#options = options;
    this.#source = source.getReader();
    this.#disk = options.spool && new DiskQueue(options.spool, options);
    this.#maxMemoryBytes = options.memoryBytes ?? MEMORY_BYTES;
    this.#clock = options.clock ?? systemClock;
    this.#alarm = new Alarm(this.#clock, () => this.look());
    this.#pace = new ReaderPace({
      spillAfter: options.spillAfter ?? SPILL_AFTER_MS,
      spillRate: options.spillRate ?? SPILL_RATE,
      stallTimeout: options.stallTimeout ?? STALL_TIMEOUT_MS,
      maxHeldUp: options.maxHeldUp ?? Infinity,
    });
    this.begun = this.#begun.promise;
    this.begun.catch(() => {});
    this.over = this.#over.promise;
    this.sourceEnded = this.#sourceEnded.promise;
    this.memoryFreed = this.#memoryFreed.promise;
    this.released = this.#released.promise;
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        this.#wanted = true;
        this.#serve();
      },
      cancel: async (reason) => {
        this.#end({ state: "cancelled" });
        await Promise.all([this.#source.cancel(reason), this.released]);
      },
      // A mark of 0: it is pulled when its reader reads, and only then.
    }, { highWaterMark: 0 });
    // An error is the reader's also while nothing is being read.
    this.#source.closed.catch((error) => this.abort(error));
    void this.#fill();
  }

  /** Whether any of it has been on the disk. */
  get spilled(): boolean {
    return this.#spilled;
  }

  /** Bytes that it holds in memory now. */
  get memoryBytes(): number {
    return this.#memory.bytes;
  }

  /** Bytes that it holds on the disk now. */
  get diskBytes(): number {
    return this.#disk?.held ?? 0;
  }

  /** Whether it waits for the source; while it does not, the source cannot be blamed for giving nothing. */
  get asking(): boolean {
    return this.#sourceState.state === "asked";
  }

  /** Takes all that the source has still to give, as it has it in memory already: it has done its work. */
  takeAll(): void {
    this.#maxMemoryBytes = Infinity;
    this.#resumeSource();
  }

  /** Moves what is in memory to the disk, however well its reader reads, as soon as the disk takes it. */
  spillAll(): void {
    this.#spillsAll = true;
    this.look();
  }

  /** Aborts it: the reader gets the error, whatever still waits, and the source is cancelled. */
  abort(reason: unknown): void {
    if (this.#state.at === "end") return;
    const error = reason instanceof Error ? reason : new Error(String(reason));
    this.#end({ state: "failed", error });
    this.#controller.error(error);
    this.#source.cancel(error).catch(() => {});
  }

  /** Looks whether the time has come for something, and sets the alarm; called too when `contended` changes. */
  look(): void {
    if (this.#state.at === "end" || this.#wanted || this.#unread === 0) return;
    const now = this.#clock.now();
    const { stalledAt, idleSince } = this.#pace;
    if (now >= stalledAt) {
      const idle = Math.round(now - idleSince);
      return this.abort(new StallError(`The reader took nothing for ${idle} ms`));
    }
    this.#alarm.set(Math.min(stalledAt, this.#spillIfDue(now)));
  }

  /** Begins to spill, or goes on, where it is time for that; when to look again, where it is not. */
  #spillIfDue(now: number): number {
    const disk = this.#disk;
    const spillsAll = this.#spillsAll && this.#memory.bytes > 0;
    if (!disk || !(spillsAll || this.#sourceState.state === "held up")) return Infinity;
    if (now < this.#retry.until) return this.#retry.until;
    if (this.#state.at === "disk") {
      this.#state.wake?.();
      return Infinity;
    }
    const contended = this.#options.contended?.() ?? false;
    if (!spillsAll && !this.#pace.hasFallenBehind(now, contended)) {
      return this.#pace.nextLook(now, contended);
    }
    void this.#spill(disk);
    return Infinity;
  }

  /** From the source to memory, or to a reader that waits for it. */
  async #fill(): Promise<void> {
    try {
      while (this.#state.at !== "end") {
        if (this.#memory.bytes >= this.#maxMemoryBytes) {
          await this.#holdUpSource();
          continue;
        }
        const { done, value } = await this.#source.read();
        if (this.#isOver) return;
        if (done) return this.#onSourceEnd();
        if (value.length > 0) this.#accept(value);
      }
    } catch (error) {
      this.abort(error);
    }
  }

  #accept(chunk: Chunk): void {
    this.#begun.resolve();
    if (this.#wanted && this.#state.at === "memory") return this.#give(chunk);
    if (this.#unread === 0) this.#pace.offered(this.#clock.now());
    this.#memory.push(chunk);
    this.#wakeSpill();
    if (!this.#alarm.isSet) this.look();
  }

  #holdUpSource(): Promise<void> {
    const { promise, resolve: resume } = Promise.withResolvers<void>();
    this.#sourceState = { state: "held up", resume };
    this.#pace.heldUp(this.#clock.now());
    this.look();
    return promise;
  }

  /** Has the source go on, where it is held up and there is room again. */
  #resumeSource(): void {
    if (this.#sourceState.state !== "held up") return;
    if (this.#memory.bytes >= this.#maxMemoryBytes) return;
    this.#sourceState.resume();
    this.#sourceState = ASKED;
    this.#pace.goesOn(this.#clock.now());
  }

  #onSourceEnd(): void {
    this.#sourceState = ENDED;
    this.#begun.resolve();
    this.#sourceEnded.resolve();
    if (this.#memory.bytes === 0) this.#memoryFreed.resolve();
    this.#wakeSpill();
    this.#closeIfRead();
  }

  /** Whether nothing is to be done any more; a getter, as it may have changed while something was awaited. */
  get #isOver(): boolean {
    return this.#state.at === "end";
  }

  /** Bytes that are here, and that the reader has not taken. */
  get #unread(): number {
    return this.#memory.bytes + (this.#disk?.unread ?? 0);
  }

  /** Answers a reader that waits: from memory, or by the loop that spills. */
  #serve(): void {
    if (this.#state.at !== "memory") return this.#wakeSpill();
    const chunk = this.#wanted ? this.#shift() : undefined;
    if (!chunk) return;
    this.#give(chunk);
    this.#closeIfRead();
  }

  #shift(): Chunk | undefined {
    const chunk = this.#memory.shift();
    if (this.#sourceState.state === "ended" && this.#memory.bytes === 0) {
      this.#memoryFreed.resolve();
    }
    this.#resumeSource();
    return chunk;
  }

  #give(chunk: Chunk): void {
    this.#wanted = false;
    this.#pace.took(chunk.length, this.#clock.now());
    this.#options.onTake?.(chunk);
    this.#controller.enqueue(chunk);
    if (!this.#alarm.isSet) this.look();
  }

  /**
   * From memory to the disk and from the disk to the reader, in turns and in this one loop, so that a read
   * and a write never meet; until the reader has taken all that is on the disk.
   */
  async #spill(disk: DiskQueue): Promise<void> {
    this.#state = { at: "disk", wake: undefined };
    try {
      do {
        const chunk = this.#memory.first;
        if (chunk && this.#clock.now() >= this.#retry.until) {
          this.#onPut(await disk.put(chunk));
        } else if (!this.#wanted) {
          if (this.#sourceState.state === "ended") disk.trim();
          await this.#sleep();
        }
        if (!this.#isOver && this.#wanted && disk.unread > 0) await this.#take(disk);
      } while (!this.#isOver && disk.unread > 0);
    } catch (error) {
      this.abort(error);
    }
    if (this.#isOver) return this.#released.resolve();
    this.#state = IN_MEMORY;
    disk.trim();
    this.#pace.caughtUp(this.#clock.now());
    this.#serve();
    this.#closeIfRead();
    this.look();
  }

  /** Until there is something to write, to read or to end. */
  async #sleep(): Promise<void> {
    if (this.#state.at !== "disk") return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const state = this.#state;
    state.wake = resolve;
    await promise;
    state.wake = undefined;
  }

  #wakeSpill(): void {
    if (this.#state.at === "disk") this.#state.wake?.();
  }

  #onPut(refusal: RefusalReason | Error | undefined): void {
    if (this.#isOver) return;
    if (refusal) {
      this.#retry.refused(this.#clock.now());
      this.#options.onRefused?.(refusal);
      return this.look();
    }
    this.#retry.succeeded();
    this.#shift();
    if (this.#spilled) return;
    this.#spilled = true;
    this.#options.onSpill?.();
  }

  async #take(disk: DiskQueue): Promise<void> {
    const { held } = disk;
    const chunk = await disk.take();
    if (this.#isOver) return;
    // A segment was freed: there is room again, be it our own.
    if (disk.held < held) this.#retry.skip();
    this.#give(chunk);
  }

  #closeIfRead(): void {
    if (this.#state.at !== "memory" || this.#sourceState.state !== "ended") return;
    if (this.#unread > 0) return;
    this.#end({ state: "complete" });
    this.#controller.close();
  }

  /** Releases everything; what is on the disk, where the loop has a call under way, after that. */
  #end(delivery: Delivery): void {
    const { at } = this.#state;
    this.#wakeSpill();
    this.#state = AT_END;
    this.#over.resolve(delivery);
    if (delivery.state === "failed") this.#begun.reject(delivery.error);
    this.#alarm.stop();
    this.#memory.clear();
    this.#disk?.close();
    if (this.#sourceState.state === "held up") this.#sourceState.resume();
    this.#sourceEnded.resolve();
    this.#memoryFreed.resolve();
    if (at !== "disk") this.#released.resolve();
  }
}
