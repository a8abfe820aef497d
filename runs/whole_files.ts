/** Whole files: an export is finished in the store before a byte of it is sent. */

import { ExpiryQueue } from "../storage/expiry_queue.ts";
import type { RefusalReason, Reservation } from "../storage/quota.ts";
import {
  type ByteRange,
  NoRoomError,
  type Store,
  type StoredFile,
  type StoredObject,
} from "../storage/store.ts";
import type { RunTask } from "./protocol.ts";
import type { Run, RunOptions, StartRun } from "./run.ts";

/** Bytes of room that a run must find before its query is run: a step of the store's. */
const FIRST_BYTES = 1024 * 1024;

/** What whole files need of their server. */
export interface WholeFilesDependencies {
  /** Runs an export. */
  readonly startRun: StartRun;
  /** Where the files live. */
  readonly store: Store & Required<Pick<Store, "delete" | "expire" | "evict">>;
  /** Asks for room in the store; the reason, where there is none. */
  readonly reserve: (bytes: number) => Promise<Reservation | RefusalReason>;
  /** Milliseconds for which a file can be asked for again. */
  readonly keep: number;
  /** The store's clock. @default the system's */
  readonly now?: (() => Date) | undefined;
}

/** How to make a file. */
export interface MakeOptions extends Pick<RunOptions, "client" | "owner" | "caps"> {
  /** The run's id, which the file is known by. */
  readonly id: string;
  /** The key of the request, which the file is found by. */
  readonly key: string;
  /** The value of `Content-Type`. */
  readonly mediaType: string;
  /** The name to save it under. */
  readonly filename: string;
  /** Aborted by a caller that leaves before the file is finished. */
  readonly abandoned: AbortSignal;
}

/** A file that is kept. */
export interface KeptFile {
  /** What is known of it. */
  readonly object: StoredObject;
  /** Whether it took the place of a file of other bytes, which some client may have a part of. */
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

/** Makes the access to whole files. */
export function createWholeFiles(dependencies: WholeFilesDependencies): WholeFiles {
  const { startRun, store, reserve, keep, now = () => new Date() } = dependencies;
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

  return {
    find(key) {
      const kept = latest.get(key);
      return kept && !kept.evicted && kept.object.expiresAt > now() ? kept : undefined;
    },
    async make(task, { id, key, mediaType, filename, abandoned, ...options }, use) {
      const reservation = await reserve(FIRST_BYTES);
      if (typeof reservation === "string") throw new NoRoomError(id, reservation);
      let run: Run;
      try {
        run = await startRun(id, task, { abandoned, whole: true, ...options });
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
          metadata: { mediaType, filename },
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
    read: (object, range) => store.get(object.key, range ? { range } : {}),
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
