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
import type { RunTask } from "./protocol.ts";
import { type Run, type StartRun, tenantOf } from "./run.ts";

/** Bytes of room that a run must find before its query is run: a step of the store's. */
const FIRST_BYTES = 1024 * 1024;

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
}

/** How to make a file. */
export interface MakeOptions {
  /** Runs the task. */
  readonly startRun: StartRun;
  /** The run's id, which the file is known by. */
  readonly id: string;
  /** The key of the request, which the file is found by. */
  readonly key: string;
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
  /**
   * Runs a task to its end. What fails on the way is a plain rejection that leaves nothing behind: an
   * `AdmissionError`, a `TaskError`, a `RunTimeoutError`, a `NoRoomError`, a `DiskError`.
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
  readonly key: string;
  /** Whether it had to go before it expired; some client may have a part of it. */
  evicted: boolean;
}

/** What is kept of a file with it, so that the next process finds it and knows whether it may be resumed. */
const METADATA = {
  /** The key of its request. */
  request: "request",
  /** The tag of the file that it replaces, or {@linkcode SEVERAL}; absent where it replaces none. */
  previous: "previous",
} as const;

/** In the place of a tag, where a file replaces several of other bytes. */
const SEVERAL = "several";

/** Makes the access to whole files, those of the process before among them. */
export async function createWholeFiles(dependencies: WholeFilesDependencies): Promise<WholeFiles> {
  const { store, reserve, keep, now = () => new Date() } = dependencies;
  /** The last file of each request: an older one would be of older rows. */
  const latest = new Map<string, Entry>();
  /** The same files, by their key. */
  const entries = new Map<string, Entry>();
  const expiries = new ExpiryQueue<Entry>();
  /** Files that those who asked for them are about to read, and whether there is a newer one already. */
  const awaited = new Map<string, { replaced: boolean }>();

  function remember(entry: Entry): void {
    latest.set(entry.key, entry);
    entries.set(entry.object.key, entry);
    expiries.add(entry, entry.object.expiresAt);
  }

  function forget(entry: Entry): void {
    if (latest.get(entry.key) === entry) latest.delete(entry.key);
    entries.delete(entry.object.key);
    expiries.delete(entry);
  }

  async function expire(): Promise<void> {
    const time = now();
    expiries.takeExpired(time).forEach(forget);
    await store.expire(time);
  }

  /** Deletes a file; one that cannot be deleted expires. */
  async function remove({ key }: StoredObject): Promise<void> {
    await store.delete(key).catch(() => {});
  }

  /** Deletes a file that there is a newer one for, once it was read from. */
  async function replace(object: StoredObject): Promise<void> {
    const reader = awaited.get(object.key);
    if (reader) reader.replaced = true;
    else await remove(object);
  }

  const found = await store.list();
  for (const object of found.toSorted((one, other) => +one.createdAt - +other.createdAt)) {
    const { [METADATA.request]: key, [METADATA.previous]: previous } = object.metadata;
    if (key === undefined) continue;
    const replacedOther = previous !== undefined && previous !== object.etag;
    remember({ key, object, replacedOther, truncated: [], evicted: false });
  }

  return {
    find(key) {
      const kept = latest.get(key);
      return kept && !kept.evicted && kept.object.expiresAt > now() ? kept : undefined;
    },
    async make(task, options, use) {
      const { startRun, id, key, mediaType, filename, signal, request, client } = options;
      const tenant = tenantOf(request);
      const reservation = await reserve(FIRST_BYTES, tenant);
      if (typeof reservation === "string") throw new NoRoomError(id, reservation);
      let run: Run;
      try {
        run = await startRun(id, task, { signal, whole: true, request, client });
      } catch (error) {
        reservation.release();
        throw error;
      }
      // Before it is there: from then on it could be evicted.
      const reader = { replaced: false };
      awaited.set(id, reader);
      try {
        const object = await store.put(id, run.body, {
          reservation,
          metadata: {
            mediaType,
            filename,
            ...(canEndEarly(task) ? {} : { [METADATA.request]: key }),
            ...previousOf(latest.get(key)),
            ...(tenant === undefined ? {} : { tenant }),
          },
          // From its end on: a run may take longer than its file is kept.
          expiresAt: (createdAt) => new Date(createdAt.getTime() + keep),
        });
        const previous = latest.get(key);
        const replacedOther = previous !== undefined &&
          (previous.replacedOther || previous.object.etag !== object.etag);
        if (previous) forget(previous);
        const { truncated = [] } = run;
        remember({ key, object, replacedOther, truncated, evicted: false });
        if (previous) await replace(previous.object);
        try {
          return await use(object, truncated);
        } finally {
          // What is being read stays on the disk until it was, without a name.
          if (reader.replaced) await remove(object);
        }
      } finally {
        awaited.delete(id);
      }
    },
    read: ({ key }, range) => range ? store.range(key, range) : store.get(key),
    expire,
    async evict(bytes) {
      const evicted = await store.evict(bytes, (key) => awaited.has(key));
      for (const { key } of evicted) {
        const entry = entries.get(key);
        if (entry) entry.evicted = true;
      }
      return evicted.length > 0;
    },
  };
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
