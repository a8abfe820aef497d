/** A download that is streamed, and that its client goes on with where its connection broke. */

import { type Clock, systemClock } from "../storage/clock.ts";
import type { RefusalReason, Reservation } from "../storage/disk/quota.ts";
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
  readonly spool: Spool;
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
  /** Milliseconds for which it waits for a client that has left. */
  readonly window: number;
  /** Whose share of the disk it takes. */
  readonly tenant?: string | undefined;
  /** The value of `Content-Type`. */
  readonly mediaType: string;
  /** The name to save it under. */
  readonly filename: string;
}

/** A file of which the end is kept. */
export interface HeldFile {
  /** Bytes of the whole file. */
  readonly size: number;
  /** The offset of the first byte that is kept. */
  readonly first: number;
  /** The SHA-256 of the whole file, in hexadecimal. @default not known */
  readonly sha256: string | undefined;
  /** Some of it; undefined where it is gone. Its window begins again once the last byte was read, or its reader left. */
  read(range: ByteRange): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | undefined>;
}

/**
 * What becomes of the file:
 * - `sending`: it goes to its client as it is made, and what was sent last is on the disk as well;
 * - `sent`: it was sent, and what was sent last waits for a client that did not get it;
 * - `storing`: its client has left, and what it may not have is put into the store, as it is made;
 * - `held`: that is there;
 * - `over`: nothing of it is kept.
 */
type Phase = "sending" | "sent" | "storing" | "held" | "over";

/**
 * Stands between a run and its client. While the client reads, it gives on what the run gives. Where the
 * client leaves, the run goes on to the store, and its file waits there for the client to come back.
 */
export class ResumableDownload {
  /** What its client reads. Cancelling it cancels the run only where the client could not come back. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #dependencies: ResumableDependencies;
  readonly #options: ResumableOptions;
  readonly #clock: Clock;
  readonly #onOver: () => void;
  readonly #source: ReadableStreamDefaultReader<Chunk>;
  readonly #over = Promise.withResolvers<Delivery>();
  readonly #sent = Promise.withResolvers<void>();
  #controller!: ReadableStreamDefaultController<Chunk>;
  #phase: Phase = "sending";
  /** Bytes that the source has given. */
  #bytes = 0;
  /** The source has no more. */
  #ended = false;
  /** A read of the source that has not come back. */
  #reading: Promise<unknown> | undefined;
  /** What was sent last; absent where the disk did not take it. */
  #tail: DiskQueue | undefined;
  /** The write to it that is under way; never rejects. */
  #writing: Promise<void> = Promise.resolve();
  #storing: Promise<void> | undefined;
  #file: StoredObject | undefined;
  #sha256: string | undefined;
  /** Clients that read what is held. */
  #readers = 0;
  #stopWindow: () => void = () => {};

  /** @param onOver called once, when nothing is kept any more */
  constructor(
    source: ReadableStream<Chunk>,
    dependencies: ResumableDependencies,
    options: ResumableOptions,
    onOver: () => void = () => {},
  ) {
    this.#dependencies = dependencies;
    this.#options = options;
    this.#clock = dependencies.clock ?? systemClock;
    this.#onOver = onOver;
    this.#source = source.getReader();
    this.#tail = new DiskQueue(dependencies.spool, {
      tenant: options.tenant,
      segmentBytes: SEGMENT_BYTES,
    });
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: (reason) => this.#onClientGone(reason),
    }, { highWaterMark: 0 });
    this.#source.closed.then(() => this.#ended = true, (error) => this.abort(error));
  }

  /** The id of its run. */
  get id(): string {
    return this.#options.id;
  }

  /** The key of its request. */
  get key(): string {
    return this.#options.key;
  }

  /** Whether its client reads it still, as far as is known. */
  get sending(): boolean {
    return this.#phase === "sending";
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
    return this.#over.promise;
  }

  /**
   * The file, for a client that comes back; breaks off what is sent on another connection. Its window begins again.
   *
   * @returns `later` where its end is not there within so many milliseconds; undefined where it is gone
   */
  async resume(milliseconds: number): Promise<HeldFile | "later" | undefined> {
    if (this.#phase === "sending") {
      this.#controller.error(new Error("The download goes on over another connection"));
      this.#onClientGone(undefined);
    } else if (this.#phase === "sent") this.#store();
    if (this.#phase === "over") return undefined;
    this.#beginWindow();
    if (this.#phase === "storing" && !await this.#isStoredWithin(milliseconds)) return "later";
    const file = this.#file;
    if (!file) return undefined;
    return {
      size: this.#bytes,
      first: this.#bytes - file.size,
      sha256: this.#sha256,
      read: (range) => this.#read(file, range),
    };
  }

  /** Ends it: what is kept is freed, and a run that goes on is cancelled. */
  abort(reason: unknown): void {
    const error = reason instanceof Error ? reason : new Error(String(reason));
    if (this.#phase === "sending") this.#controller.error(error);
    this.#end({ state: "failed", error });
  }

  async #pull(): Promise<void> {
    const reading = this.#take();
    this.#reading = reading;
    const chunk = await reading;
    if (this.#phase !== "sending") return;
    if (chunk) this.#controller.enqueue(chunk);
    if (!chunk || this.#ended) this.#close(this.#bytes === chunk?.length);
  }

  /** Takes the next chunk of the source, which is written to the disk while the client has it. */
  async #take(): Promise<Chunk | undefined> {
    const { done, value } = await this.#source.read();
    if (done) {
      this.#ended = true;
      return undefined;
    }
    this.#bytes += value.length;
    const before = this.#writing;
    this.#writing = before.then(() => this.#remember(value));
    // No more than one chunk waits for the disk.
    await before;
    return value;
  }

  /** Writes a chunk behind what was sent before, of which the oldest goes. */
  async #remember(chunk: Chunk): Promise<void> {
    const tail = this.#tail;
    if (!tail || this.#phase === "over") return;
    const refusal = await tail.put(chunk).catch((error) => error);
    if (refusal !== undefined) return this.#forget();
    tail.forget(TAIL_BYTES);
  }

  /** What is not kept cannot be asked for again: the download is like any other. */
  #forget(): void {
    this.#tail?.close();
    this.#tail = undefined;
  }

  /** Its client has everything, as far as the connection tells. */
  #close(inOnePiece: boolean): void {
    this.#controller.close();
    this.#over.resolve({ state: "complete" });
    // What came in one piece costs nothing to ask for again.
    if (inOnePiece || !this.#tail) return this.#end({ state: "complete" });
    this.#phase = "sent";
    this.#sent.resolve();
    this.#beginWindow();
  }

  /** Its client has left. */
  #onClientGone(reason: unknown): void {
    if (this.#phase !== "sending") return;
    if (this.#bytes > 0 && this.#tail) return this.#store();
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
    }, (error) => this.#end({ state: "cancelled" }, error));
  }

  async #putRest(): Promise<StoredObject> {
    const { store, reserve } = this.#dependencies;
    const { id, tenant, mediaType, filename, window } = this.#options;
    const reservation = await reserve(FIRST_BYTES, tenant);
    if (typeof reservation === "string") throw new NoRoomError(id, reservation);
    return await store.put(restKey(id), ReadableStream.from(this.#rest()), {
      reservation,
      metadata: { mediaType, filename, ...(tenant === undefined ? {} : { tenant }) },
      // Its window tells when it goes; this is for one that a server which was killed left behind.
      expiresAt: (createdAt) => new Date(createdAt.getTime() + window + LEFT_MS),
    });
  }

  /** What was sent last, and all that comes behind it. */
  async *#rest(): AsyncGenerator<Chunk, void> {
    await this.#reading?.catch(() => {});
    await this.#writing;
    const tail = this.#tail;
    if (!tail) throw new Error("What was sent last is not kept");
    while (tail.unread > 0) yield await tail.take();
    this.#forget();
    while (!this.#ended) {
      const { done, value } = await this.#source.read();
      if (this.#phase === "over") throw new Error("The rest is not wanted any more");
      if (done) return;
      this.#bytes += value.length;
      yield value;
    }
  }

  async #isStoredWithin(milliseconds: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const stop = this.#clock.after(milliseconds, () => resolve(false));
    const stored = this.#storing!.then(() => true);
    return await Promise.race([stored, promise]).finally(stop);
  }

  async #read(file: StoredObject, { first, last }: ByteRange): Promise<
    ReadableStream<Chunk> | undefined
  > {
    const offset = this.#bytes - file.size;
    const range = { first: first - offset, last: last - offset };
    const stored = await this.#dependencies.store.range(file.key, range);
    if (!stored) {
      this.#end({ state: "cancelled" });
      return undefined;
    }
    const isAtEnd = last === this.#bytes - 1;
    this.#stopWindow();
    this.#readers++;
    const stop = () => {
      this.#readers--;
      this.#beginWindow();
    };
    const reader = stored.body.getReader();
    return new ReadableStream({
      pull: async (controller) => {
        const { done, value } = await reader.read().catch((error) => {
          stop();
          throw error;
        });
        if (!done) return controller.enqueue(value);
        controller.close();
        if (isAtEnd) this.#over.resolve({ state: "complete" });
        stop();
      },
      cancel: async (reason) => {
        stop();
        await reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }

  /** From now on, its client has so long to come back. */
  #beginWindow(): void {
    this.#stopWindow();
    if (this.#readers > 0 || this.#phase === "over") return;
    const { window } = this.#options;
    this.#stopWindow = this.#clock.after(window, () => this.#end({ state: "cancelled" }));
  }

  #end(delivery: Delivery, reason?: unknown): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#stopWindow();
    this.#sent.resolve();
    this.#over.resolve(delivery);
    // A queue frees what it has at the end of the call that is under way.
    this.#forget();
    const cancelled = delivery.state === "failed" ? delivery.error : reason;
    this.#source.cancel(cancelled).catch(() => {});
    this.#free();
    this.#onOver();
  }

  /** Removes what is in the store; what cannot be removed expires. */
  #free(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file) void this.#dependencies.store.delete(file.key).catch(() => {});
  }
}

/** Milliseconds after its window for which the rest of a file stays that its server did not remove. */
const LEFT_MS = 60_000;

const PREFIX = "rest-";

/** The key of what is kept of a run's file, which is not all of it. */
function restKey(id: string): string {
  return `${PREFIX}${id}`;
}

/** Whether a key is of what was kept of a file, by this process or one before. */
export function isRest(key: string): boolean {
  return key.startsWith(PREFIX);
}
