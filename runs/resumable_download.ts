/** A download that is streamed, and that its client goes on with where its connection broke. */

import { type Clock, systemClock } from "../storage/clock.ts";
import type { RefusalReason, Reservation } from "../storage/disk/quota.ts";
import { settlesWithin } from "../storage/settles_within.ts";
import { DiskQueue } from "../storage/spool/disk_queue.ts";
import type { Spool } from "../storage/spool/mod.ts";
import type { Delivery } from "../storage/spool/spill_buffer.ts";
import { type ByteRange, NoRoomError, type Store, type StoredObject } from "../storage/store.ts";

type Chunk = Uint8Array<ArrayBuffer>;

/**
 * Bytes that are kept of what was sent last, as its client may not have them: Linux lets each end of a
 * connection hold 4 MiB that were not sent and 6 MiB that were not read (`tcp_wmem`, `tcp_rmem`), and a proxy
 * makes two connections of one.
 */
export const TAIL_BYTES: number = 20 * 1024 * 1024;

/** Bytes of a segment of them; what is older comes back by the segment. */
const SEGMENT_BYTES = 8 * 1024 * 1024;

/** Bytes of room that the rest of a file must find at first: a step of the store's. */
const FIRST_BYTES = 1024 * 1024;

/** What downloads are kept with. */
export interface ResumableDependencies {
  /** Where what was sent lately is. */
  readonly tails: Pick<Spool, "reserve" | "createSegment">;
  /** Where the rest of a file is, once its client has left. */
  readonly store: Store & Required<Pick<Store, "range" | "delete">>;
  /** Asks for room in the store; the reason, where there is none. */
  readonly reserve: (bytes: number, tenant?: string) => Promise<Reservation | RefusalReason>;
  /** The time. @default the system's */
  readonly clock?: Clock | undefined;
}

/** What a download is known by. */
export interface ResumableOptions {
  /** The id of its run. */
  readonly id: string;
  /** The key of its request: who goes on with it asks for the same. */
  readonly key: string;
  /** Whether its client asked for the rest of another one, and had the start of this one instead. @default false */
  readonly instead?: boolean;
  /** Milliseconds for which it waits for a client that has left. */
  readonly window: number;
  /** Whose share of the disk it takes. */
  readonly tenant?: string | undefined;
}

/** A file of which the end is kept. */
export interface HeldFile {
  /** Bytes of the whole file. */
  readonly size: number;
  /** The SHA-256 of the whole file, in hexadecimal. @default not known */
  readonly sha256: string | undefined;
  /** Some of what is kept; undefined where it is gone. Its window begins again with the end of it. */
  read(range: ByteRange): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | undefined>;
  /** Says that its client has all of it. */
  complete(): void;
}

/**
 * What becomes of the file:
 * - `sending`: it goes to its client as it is made, and what was sent last is on the disk as well;
 * - `sent`: it was sent, and what was sent last waits for a client that did not get it;
 * - `storing`: its client has left, and what it may not have is put into the store, as it is made;
 * - `held`: that is there;
 * - `over`: nothing of it is kept.
 */
export type Phase = "sending" | "sent" | "storing" | "held" | "over";

/**
 * Stands between a run and its client. While the client reads, it gives on what the run gives. Where the
 * client leaves, the run goes on to the store, and its file waits there for the client to come back.
 */
export class ResumableDownload {
  /** What its client reads. Cancelling it cancels the run only where the client could not come back. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What it is known by. */
  readonly options: ResumableOptions;
  readonly #dependencies: ResumableDependencies;
  readonly #clock: Clock;
  readonly #onOver: (delivery: Delivery) => void;
  readonly #source: ReadableStreamDefaultReader<Chunk>;
  readonly #sent = Promise.withResolvers<void>();
  readonly #drained = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<Delivery>();
  #controller!: ReadableStreamDefaultController<Chunk>;
  #phase: Phase = "sending";
  /** Bytes that the source has given, and the chunks that its client had of them. */
  #bytes = 0;
  #chunks = 0;
  /** The source has no more. */
  #ended = false;
  /** A read of the source that has not come back. */
  #reading: Promise<unknown> | undefined;
  /** What was sent last; absent where the disk did not take it. */
  #tail: DiskQueue | undefined;
  /** Why the disk did not take it. */
  #refusal: RefusalReason | Error | undefined;
  /** The offset of the first byte that is kept. */
  #first = 0;
  /** The offset behind the last byte that a client may have. */
  #given = 0;
  /** The writes to the disk; never rejects. */
  #writing: Promise<void> = Promise.resolve();
  #storing: Promise<void> | undefined;
  #file: StoredObject | undefined;
  #sha256: string | undefined;
  /** What breaks those off that read what is held. */
  readonly #readers = new Set<(error: Error) => void>();
  /** Requests that wait for it. */
  #requests = 0;
  #complete = false;
  #stopWindow: () => void = () => {};

  /** @param onOver called once, when nothing is kept any more */
  constructor(
    source: ReadableStream<Chunk>,
    dependencies: ResumableDependencies,
    options: ResumableOptions,
    onOver: (delivery: Delivery) => void = () => {},
  ) {
    this.options = options;
    this.#dependencies = dependencies;
    this.#clock = dependencies.clock ?? systemClock;
    this.#onOver = onOver;
    this.#source = source.getReader();
    const { tenant } = options;
    this.#tail = new DiskQueue(dependencies.tails, { tenant, segmentBytes: SEGMENT_BYTES });
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: (reason) => this.#onClientGone(reason),
    }, { highWaterMark: 0 });
    this.#source.closed.then(() => this.#ended = true, (error) => this.abort(error));
    void this.#over.promise.then(({ state }) => this.#complete = state === "complete");
  }

  /** What becomes of the file now. */
  get phase(): Phase {
    return this.#phase;
  }

  /** Whether it waits for a client to come back. */
  get waits(): boolean {
    return this.#phase !== "sending" && this.#phase !== "over" && !this.#isAsked;
  }

  /** Whether what it keeps is of use only to a client that has not got what it was sent. */
  get isSpare(): boolean {
    return this.waits && this.#complete;
  }

  /** Bytes of what was sent last, as far as they are kept beside what is being sent. */
  get tailBytes(): number {
    return this.#tail?.held ?? 0;
  }

  /** Resolves once its client reads it no more: it has everything, or has left. Never rejects. */
  get sent(): Promise<void> {
    return this.#sent.promise;
  }

  /**
   * Resolves to what became of it, once its run has given everything; never rejects. It is complete where all of
   * it was handed over, in however many pieces.
   *
   * @param sha256 that of the file, where it is known
   */
  delivered(sha256: string | undefined): Promise<Delivery> {
    this.#sha256 = sha256;
    this.#drained.resolve();
    return this.#over.promise;
  }

  /** Whether a client that has so many bytes may have them of this file, and the next one is kept. */
  follows(bytes: number): boolean {
    const kept = this.#isTailed ? this.#tail !== undefined : this.#phase !== "over";
    return kept && this.#first <= bytes && bytes <= this.#given;
  }

  /**
   * The file, for a client that comes back for what {@linkcode follows} the bytes that it has; breaks off what is
   * sent on another connection. Its window begins again.
   *
   * @returns `later` where its end is not there within so many milliseconds; undefined where it is gone
   */
  async resume(milliseconds: number): Promise<HeldFile | "later" | undefined> {
    if (this.#phase === "sending") {
      this.#controller.error(new Error("The download goes on over another connection"));
      this.#onClientGone(undefined);
    } else if (this.#phase === "sent") this.#store();
    const there = Promise.all([this.#storing, this.#drained.promise]);
    this.#stopWindow();
    this.#requests++;
    try {
      if (!await settlesWithin(there, milliseconds, this.#clock)) return "later";
    } finally {
      this.#requests--;
      this.#beginWindow();
    }
    const file = this.#file;
    return file && {
      size: this.#bytes,
      sha256: this.#sha256,
      read: (range) => this.#read(file, range),
      complete: () => this.#over.resolve({ state: "complete" }),
    };
  }

  /** Keeps nothing of what is being sent, or was: when its client leaves, its run is cancelled. */
  forget(): void {
    if (!this.#isTailed) return;
    this.#tail?.close();
    this.#tail = undefined;
    if (this.#phase === "sent") this.#end({ state: "complete" });
  }

  /** Ends it: what is kept is freed, and a run that goes on is cancelled. */
  abort(reason: unknown): void {
    const error = reason instanceof Error ? reason : new Error(String(reason));
    if (this.#phase === "sending") this.#controller.error(error);
    this.#end({ state: "failed", error });
  }

  /** Whether only the tail of it is kept. */
  get #isTailed(): boolean {
    return this.#phase === "sending" || this.#phase === "sent";
  }

  get #isAsked(): boolean {
    return this.#readers.size + this.#requests > 0;
  }

  async #pull(): Promise<void> {
    const reading = this.#take();
    this.#reading = reading;
    const chunk = await reading;
    if (this.#phase !== "sending") return;
    if (chunk) {
      this.#chunks++;
      this.#given = this.#bytes;
      this.#controller.enqueue(chunk);
    }
    if (!chunk || this.#ended) this.#close();
  }

  /** Takes the next chunk of the source, which is written to the disk while the client has it. */
  async #take(): Promise<Chunk | undefined> {
    const { done, value } = await this.#source.read();
    if (done) {
      this.#ended = true;
      return undefined;
    }
    this.#bytes += value.length;
    const end = this.#bytes;
    const before = this.#writing;
    this.#writing = before.then(() => this.#remember(value, end));
    // No more than one chunk waits for the disk.
    await before;
    return value;
  }

  /** Writes a chunk behind what was sent before, of which the oldest goes while there is more to come. */
  async #remember(chunk: Chunk, end: number): Promise<void> {
    const tail = this.#tail;
    if (!tail || this.#phase === "over") return;
    const refusal = await tail.put(chunk).catch((error) => error);
    if (refusal !== undefined) {
      this.#refusal = refusal;
      return this.forget();
    }
    if (this.#phase !== "sending" || tail !== this.#tail) return;
    tail.forget(TAIL_BYTES);
    this.#first = end - tail.unread;
  }

  /** Its client has everything, as far as the connection tells. */
  #close(): void {
    this.#controller.close();
    this.#over.resolve({ state: "complete" });
    // What came in one piece costs nothing to ask for again.
    if (this.#chunks < 2 || !this.#tail) return this.#end({ state: "complete" });
    this.#phase = "sent";
    this.#sent.resolve();
    void this.#writing.then(() => this.#tail?.trim());
    this.#beginWindow();
  }

  #onClientGone(reason: unknown): void {
    if (this.#phase !== "sending") return;
    if (this.#given > 0 && this.#tail) return this.#store();
    this.#end({ state: "cancelled" }, reason);
  }

  /** Begins to put what its client may not have into the store. */
  #store(): void {
    this.#phase = "storing";
    this.#sent.resolve();
    this.#beginWindow();
    this.#storing = this.#putRest().then((file) => {
      this.#file = file;
      if (this.#phase === "over") this.#free();
      else this.#phase = "held";
    }, (error) => this.abort(error));
  }

  async #putRest(): Promise<StoredObject> {
    const { store, reserve } = this.#dependencies;
    const { id, tenant } = this.options;
    const reservation = await reserve(FIRST_BYTES, tenant);
    if (typeof reservation === "string") throw new NoRoomError(id, reservation);
    return await store.put(restKey(id), ReadableStream.from(this.#rest()), {
      reservation,
      metadata: { ...METADATA, ...(tenant === undefined ? {} : { tenant }) },
      // Its window tells when it goes; this is for one that could not be removed then.
      expiresAt: (createdAt) => new Date(createdAt.getTime() + MAX_KEPT_MS),
    });
  }

  /** What was sent last, and all that comes behind it. */
  async *#rest(): AsyncGenerator<Chunk, void> {
    await this.#reading?.catch(() => {});
    await this.#writing;
    const tail = this.#tail;
    const refusal = this.#refusal;
    if (!tail || refusal instanceof Error) throw refusal ?? new Error("It is not kept any more");
    if (refusal !== undefined) throw new NoRoomError(this.options.id, refusal);
    while (tail.unread > 0) yield await tail.take();
    tail.close();
    while (!this.#ended) {
      const { done, value } = await this.#source.read();
      if (this.#phase === "over") throw new Error("The rest is not wanted any more");
      if (done) return;
      this.#bytes += value.length;
      yield value;
    }
  }

  async #read(
    file: StoredObject,
    { first, last }: ByteRange,
  ): Promise<ReadableStream<Chunk> | undefined> {
    const offset = this.#bytes - file.size;
    const range = { first: first - offset, last: last - offset };
    const stored = await this.#dependencies.store.range(file.key, range);
    if (!stored || this.#phase === "over") {
      await stored?.body.cancel();
      this.#end({ state: "cancelled" });
      return undefined;
    }
    const reader = stored.body.getReader();
    let next = first;
    let stop: (error: Error) => void;
    const stopped = () => {
      if (this.#readers.delete(stop)) this.#beginWindow();
    };
    return new ReadableStream({
      start: (controller) => {
        stop = (error) => {
          controller.error(error);
          reader.cancel(error).catch(() => {});
        };
        this.#stopWindow();
        this.#readers.add(stop);
      },
      pull: async (controller) => {
        let chunk: Chunk | undefined;
        try {
          chunk = (await reader.read()).value;
        } catch (error) {
          stopped();
          throw error;
        }
        // It was broken off meanwhile.
        if (!chunk) return;
        next += chunk.length;
        this.#given = Math.max(this.#given, next);
        controller.enqueue(chunk);
        if (next <= last) return;
        controller.close();
        if (next === this.#bytes) this.#over.resolve({ state: "complete" });
        stopped();
        await reader.cancel();
      },
      cancel: async (reason) => {
        stopped();
        await reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }

  /** From now on, its client has so long to come back. */
  #beginWindow(): void {
    this.#stopWindow();
    if (this.#isAsked || this.#phase === "over") return;
    const { window } = this.options;
    this.#stopWindow = this.#clock.after(window, () => this.#end({ state: "cancelled" }));
  }

  #end(delivery: Delivery, reason?: unknown): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#stopWindow();
    this.#sent.resolve();
    this.#drained.resolve();
    this.#over.resolve(delivery);
    const error = delivery.state === "failed" ? delivery.error : new Error("Its window has ended");
    for (const stop of this.#readers) stop(error);
    // A queue frees what it has at the end of the call that is under way.
    this.#tail?.close();
    this.#tail = undefined;
    this.#source.cancel(reason ?? error).catch(() => {});
    this.#free();
    void this.#over.promise.then(this.#onOver);
  }

  /** Removes what is in the store; what cannot be removed expires. */
  #free(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file) void this.#dependencies.store.delete(file.key).catch(() => {});
  }
}

/** Milliseconds for which the rest of a file that could not be removed is kept: a day. */
const MAX_KEPT_MS = 86_400_000;

/** What a store wants to know of a file: this one is read by its server alone. */
const METADATA = { mediaType: "application/octet-stream", filename: "rest" };

const PREFIX = "rest-";

/** The key of what is kept of a run's file, which is not all of it. */
function restKey(id: string): string {
  return `${PREFIX}${id}`;
}

/** Whether a key is of what was kept of a file, by this process or one before. */
export function isRest(key: string): boolean {
  return key.startsWith(PREFIX);
}
