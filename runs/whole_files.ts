/** Whole files: an export is finished in the store before a byte of it is sent. */

import type { RunRequest } from "../requests/run_request.ts";
import { ExpiryQueue } from "../storage/expiry_queue.ts";
import type { RefusalReason, Reservation } from "../storage/disk/quota.ts";
import {
  type ByteRange,
  NoRoomError,
  type Store,
  type StoredFile,
  type StoredObject,
} from "../storage/store.ts";
import { settlesWithin } from "../storage/settles_within.ts";
import { AdmissionError } from "./admission_error.ts";
import type { RunTask } from "./protocol.ts";
import type { RunDelivery } from "./receipt.ts";
import { isRest } from "./resumable_download.ts";
import type { Receipts } from "./receipts.ts";
import { CancelledError, type Run, type StartRun, tenantOf } from "./run.ts";
import { InterruptedError } from "./run_problem.ts";

/** Bytes of room that a run must find before its query is run: a step of the store's. */
const FIRST_BYTES = 1024 * 1024;

/** Milliseconds that a file waits for its run to be written down as one that is about to be published. */
const WRITTEN_MS = 5_000;

/** What whole files need of their server. */
export interface WholeFilesDependencies {
  /** Where the files live. */
  readonly store: Store & Required<Pick<Store, "range" | "list" | "delete" | "expire" | "evict">>;
  /** Asks for room in the store; the reason, where there is none. */
  readonly reserve: (bytes: number, tenant?: string) => Promise<Reservation | RefusalReason>;
  /** Milliseconds for which a file can be asked for again. */
  readonly keep: number;
  /** The store's clock. @default the system's */
  readonly now?: (() => Date) | undefined;
  /** What is told of what becomes of files. @default nothing */
  readonly receipts?: Pick<Receipts, "conclude" | "expire" | "written" | "handOver"> | undefined;
}

/** How to make a file. */
export interface MakeOptions {
  /** Runs the task. */
  readonly startRun: StartRun;
  /** The run's id, which the file is known by. */
  readonly id: string;
  /** The key of the request, which the file is found by. @default it is found by the run's id alone */
  readonly key?: string;
  /** Whether an equal request that comes meanwhile may have the same file. @default false */
  readonly joins?: boolean;
  /** How the file gets to who asked. @default "whole" */
  readonly delivery?: Exclude<RunDelivery, "direct">;
  /** Milliseconds for which it is kept. @default as long as the others */
  readonly keep?: number;
  /** The value of `Content-Type`. */
  readonly mediaType: string;
  /** The name to save it under. */
  readonly filename: string;
  /** Aborted by a caller that cancels before the file is finished. */
  readonly signal: AbortSignal;
  /** What the task was made of. */
  readonly request?: RunRequest | undefined;
  /** The address of the client that asks for it, for observers. */
  readonly client?: string | undefined;
}

/** A file that is kept. */
export interface KeptFile {
  /** What is known of it. */
  readonly object: StoredObject;
  /** Whether it replaced a file of other bytes, which some client may have a part of. */
  readonly replacedOther: boolean;
  /** The exports that end before their rows do. */
  readonly truncated: readonly string[];
}

/** Whole files, by the keys of the requests that they are made for. */
export interface WholeFiles {
  /** What is known of the file that was made last for such a request, while it is kept. */
  find(key: string): KeptFile | undefined;
  /** What is known of the file of a run, while it is kept. */
  get(id: string): KeptFile | undefined;
  /**
   * Runs a task to its end. What fails on the way is a plain rejection that leaves nothing behind: an
   * `AdmissionError`, a `TaskError`, a `RunTimeoutError`, a `NoRoomError`, a `DiskError`.
   *
   * Where the file of an equal request is being made, and joins are allowed, it is that one; it is cancelled
   * when all that wait for it have.
   *
   * @param use begins to read it; not before that is it deleted for a newer one
   */
  make<Result>(
    task: RunTask,
    options: MakeOptions,
    use: (object: StoredObject, truncated: readonly string[]) => Promise<Result>,
  ): Promise<Result>;
  /** The bytes of a file; undefined where it is gone. */
  read(object: StoredObject, range?: ByteRange): Promise<StoredFile | undefined>;
  /** Removes what need not be kept any more. */
  expire(): Promise<void>;
  /**
   * Removes what was read least recently, until so many bytes of room are free; whether it did. What is being
   * read stays, and what a client waits for.
   */
  evict(bytes: number): Promise<boolean>;
}

/** A file, and the request that it is of. */
interface Entry extends KeptFile {
  /** The key of the request; absent where it is found by its run's id alone. */
  readonly key: string | undefined;
  /** Whether it stays until it expires, as its caller comes for it later. */
  readonly promised: boolean;
  /** Whether it had to go before it expired; some client may have a part of it. */
  evicted: boolean;
}

/** A file that is made, or about to be read, for those who asked for it. */
interface Making {
  /** The file, once it is there. */
  readonly made: Promise<Made>;
  /** Ends its run. */
  readonly stop: AbortController;
  /** How many wait for it, or begin to read it. */
  waiting: number;
  /** Whether there is a newer one already. */
  replaced: boolean;
}

/** A file that is there. */
interface Made {
  readonly object: StoredObject;
  readonly truncated: readonly string[];
}

/** What is kept of a file with it, so that the next process finds it and knows whether it may be resumed. */
const METADATA = {
  /** The key of its request. */
  request: "request",
  /** The tag of the file that it replaces, or {@linkcode SEVERAL}; absent where it replaces none. */
  previous: "previous",
  /** How it gets to who asked; absent where it was sent at once. */
  delivery: "delivery",
} as const;

/** In the place of a tag, where a file replaces several of other bytes. */
const SEVERAL = "several";

/** Whether a file was made for a caller that comes for it later. */
export function isPromised({ metadata }: StoredObject): boolean {
  return metadata[METADATA.delivery] === "background";
}

/** Makes the access to whole files, those of the process before among them. */
export async function createWholeFiles(dependencies: WholeFilesDependencies): Promise<WholeFiles> {
  const { store, reserve, receipts, now = () => new Date() } = dependencies;
  /** The last file of each request: an older one would be of older rows. */
  const latest = new Map<string, Entry>();
  /** The same files, by their key. */
  const entries = new Map<string, Entry>();
  const expiries = new ExpiryQueue<Entry>();
  /** Files that those who asked for them wait for or are about to read, by the ids of their runs. */
  const awaited = new Map<string, Making>();
  /** Files that are being made and may be joined, by the keys of their requests. */
  const joinable = new Map<string, Making>();

  function remember(entry: Entry): void {
    if (entry.key !== undefined) latest.set(entry.key, entry);
    entries.set(entry.object.key, entry);
    expiries.add(entry, entry.object.expiresAt);
  }

  function forget(entry: Entry): void {
    const { key } = entry;
    if (key !== undefined && latest.get(key) === entry) latest.delete(key);
    entries.delete(entry.object.key);
    expiries.delete(entry);
  }

  async function expire(): Promise<void> {
    const time = now();
    const expired = expiries.takeExpired(time);
    expired.forEach(forget);
    await store.expire(time);
    for (const { object } of expired) receipts?.expire(object.key);
  }

  /** Deletes a file; one that cannot be deleted expires. */
  async function remove({ key }: StoredObject): Promise<void> {
    await store.delete(key).catch(() => {});
    receipts?.expire(key);
  }

  /** Ends a run whose file is not there. */
  function fail(id: string, error: unknown, signal: AbortSignal): void {
    const cancelled = error === signal.reason && !(error instanceof InterruptedError);
    receipts?.conclude(id, { error: cancelled ? new CancelledError() : error });
  }

  /**
   * The body of a run, which ends when it is written down that its file is about to be published: whatever
   * happens then, the next process knows what the file is of.
   */
  function announced({ id, body, ended }: Run): Run["body"] {
    return endingAfter(body, async () => {
      await ended;
      if (receipts) await settlesWithin(receipts.written(id), WRITTEN_MS);
    });
  }

  /** Deletes a file that there is a newer one for, once it was read from. */
  async function replace(object: StoredObject): Promise<void> {
    const making = awaited.get(object.key);
    if (making) making.replaced = true;
    else await remove(object);
  }

  /** Runs a task, and keeps its file. */
  async function produce(task: RunTask, options: MakeOptions): Promise<Made> {
    const { startRun, id, key, mediaType, filename, signal, request, client } = options;
    const { delivery = "whole", keep = dependencies.keep } = options;
    /** The file of an equal request before this one. */
    const former = () => key === undefined ? undefined : latest.get(key);
    const tenant = tenantOf(request);
    const reservation = await reserve(FIRST_BYTES, tenant);
    if (typeof reservation === "string") throw new NoRoomError(id, reservation);
    let run: Run;
    try {
      run = await startRun(id, task, { signal, whole: true, delivery, request, client });
    } catch (error) {
      reservation.release();
      // One that found no slot may try again.
      if (!(error instanceof AdmissionError)) fail(id, error, signal);
      throw error;
    }
    const promised = delivery === "background";
    const object = await store.put(id, announced(run), {
      reservation,
      metadata: {
        mediaType,
        filename,
        ...(key === undefined || canEndEarly(task) ? {} : { [METADATA.request]: key }),
        ...previousOf(former()),
        ...(promised ? { [METADATA.delivery]: delivery } : {}),
        ...(tenant === undefined ? {} : { tenant }),
      },
      // From its end on: a run may take longer than its file is kept.
      expiresAt: (createdAt) => new Date(createdAt.getTime() + keep),
    }).catch((error) => {
      fail(id, error, signal);
      throw error;
    });
    receipts?.conclude(id, { object });
    const previous = former();
    const replacedOther = previous !== undefined &&
      (previous.replacedOther || previous.object.etag !== object.etag);
    if (previous) forget(previous);
    const { truncated = [] } = run;
    remember({ key, object, promised, replacedOther, truncated, evicted: false });
    if (previous) await replace(previous.object);
    return { object, truncated };
  }

  /** Begins to make a file. */
  function begin(task: RunTask, options: MakeOptions): Making {
    const { id, key, joins = false } = options;
    const stop = new AbortController();
    const made = produce(task, { ...options, signal: stop.signal });
    const making: Making = { made, stop, waiting: 0, replaced: false };
    // Before it is there: from then on it could be evicted.
    awaited.set(id, making);
    if (key !== undefined && joins) joinable.set(key, making);
    made.then(
      () => close(making, key),
      () => {
        awaited.delete(id);
        close(making, key);
      },
    );
    return making;
  }

  /** Has no other request join a file. */
  function close(making: Making, key: string | undefined): void {
    if (key !== undefined && joinable.get(key) === making) joinable.delete(key);
  }

  /**
   * Waits for a file; a caller that cancels leaves it to the others, or ends its run.
   *
   * @param stopWaiting called once, when the caller waits no more
   */
  async function wait(making: Making, { key, signal }: MakeOptions, stopWaiting: () => void) {
    const { promise: left, reject } = Promise.withResolvers<never>();
    left.catch(() => {});
    const abort = () => {
      stopWaiting();
      if (making.waiting > 0) return reject(signal.reason);
      close(making, key);
      making.stop.abort(signal.reason);
    };
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    try {
      return await Promise.race([making.made, left]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  const found = await store.list();
  for (const object of found.toSorted((one, other) => +one.createdAt - +other.createdAt)) {
    const { [METADATA.request]: key, [METADATA.previous]: previous } = object.metadata;
    const replacedOther = previous !== undefined && previous !== object.etag;
    const promised = isPromised(object);
    remember({ key, object, promised, replacedOther, truncated: [], evicted: false });
  }

  function live(kept: Entry | undefined): Entry | undefined {
    return kept && !kept.evicted && kept.object.expiresAt > now() ? kept : undefined;
  }

  return {
    find: (key) => live(latest.get(key)),
    get: (id) => live(entries.get(id)),
    async make(task, options, use) {
      const joined = options.key !== undefined && options.joins
        ? joinable.get(options.key)
        : undefined;
      const making = joined ?? begin(task, options);
      making.waiting++;
      let waits = true;
      const stopWaiting = () => {
        if (waits) making.waiting--;
        waits = false;
      };
      let made: Made | undefined;
      try {
        made = await wait(making, options, stopWaiting);
        return await use(made.object, made.truncated);
      } finally {
        stopWaiting();
        if (made && making.waiting === 0) {
          awaited.delete(made.object.key);
          // What is being read stays on the disk until it was, without a name.
          if (making.replaced) await remove(made.object);
        }
      }
    },
    async read({ key, size }, range) {
      const file = await (range ? store.range(key, range) : store.get(key));
      if (!file) receipts?.expire(key);
      const toItsEnd = !range || range.last === size - 1;
      if (!file || !toItsEnd || !receipts) return file;
      return { ...file, body: endingAfter(file.body, () => receipts.handOver(key)) };
    },
    expire,
    async evict(bytes) {
      const isNeeded = (key: string) =>
        isRest(key) || awaited.has(key) || (entries.get(key)?.promised ?? false);
      const evicted = await store.evict(bytes, isNeeded);
      for (const { key } of evicted) {
        const entry = entries.get(key);
        if (entry) entry.evicted = true;
        receipts?.expire(key);
      }
      return evicted.length > 0;
    },
  };
}

/** The same bytes; the end waits until something is done. */
function endingAfter(body: Run["body"], done: () => Promise<void> | void): Run["body"] {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      const read = await reader.read();
      if (!read.done) return controller.enqueue(read.value);
      await done();
      controller.close();
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** Whether a file may not hold all rows: whether it does is known when it is written, and not kept with it. */
function canEndEarly({ tables }: RunTask): boolean {
  return tables.some(({ truncate }) => truncate);
}

/** What is kept with a file of the one that it replaces. Of two that are made at once neither knows the other. */
function previousOf(entry: Entry | undefined): Readonly<Record<string, string>> {
  if (!entry) return {};
  return { [METADATA.previous]: entry.replacedOther ? SEVERAL : entry.object.etag };
}
