/** Whole files: an export is finished in the store before a byte of it is sent. */

import { createHash } from "node:crypto";
import type { RefusalReason, Reservation } from "../storage/quota.ts";
import {
  type ByteRange,
  NoRoomError,
  type Store,
  type StoredFile,
  type StoredObject,
} from "../storage/store.ts";
import { type RunTask, toJson } from "./protocol.ts";
import type { StartRun } from "./run.ts";

/** Bytes of room that a run must find before its query is run: a step of the store's. */
const FIRST_BYTES = 1024 * 1024;

/** What whole files need of their server. */
export interface WholeFilesDependencies {
  /** Runs an export. */
  readonly startRun: StartRun;
  /** Where the files live. */
  readonly store: Store & Required<Pick<Store, "delete" | "expire">>;
  /** Asks for room in the store; the reason, where there is none. */
  readonly reserve: (bytes: number) => Promise<Reservation | RefusalReason>;
  /** Milliseconds for which a file can be asked for again. */
  readonly keep: number;
  /** Milliseconds for which a reader may take nothing of a file. */
  readonly stallTimeout: number;
  /** The store's clock. @default the system's */
  readonly now?: (() => Date) | undefined;
}

/** How to make a file. */
export interface MakeOptions {
  /** The run's id, which the file is known by. */
  readonly id: string;
  /** The value of `Content-Type`. */
  readonly mediaType: string;
  /** The name to save it under. */
  readonly filename: string;
  /** Aborted by a caller that leaves before the file is finished. */
  readonly abandoned: AbortSignal;
  /** The address of the client that asks for it, for the report. */
  readonly client?: string | undefined;
}

/** A file that is kept. */
export interface KeptFile {
  /** What is known of it. */
  readonly object: StoredObject;
  /** Whether it took the place of a file of other bytes, which some client may have a part of. */
  readonly replacedOther: boolean;
}

/** Whole files, by the task that makes them. */
export interface WholeFiles {
  /** What is known of the file that an equal task made last, while it is kept. */
  find(task: RunTask): KeptFile | undefined;
  /**
   * Runs a task to its end. What fails on the way is a plain rejection that leaves nothing behind: an
   * `AdmissionError`, a `TaskError`, a `RunTimeoutError`, a `NoRoomError`, a `DiskError`.
   *
   * @param use begins to read it; not before that is it deleted for a newer one
   */
  make<Result>(
    task: RunTask,
    options: MakeOptions,
    use: (object: StoredObject) => Promise<Result>,
  ): Promise<Result>;
  /** The bytes of a file; undefined where it is gone. */
  read(object: StoredObject, range?: ByteRange): Promise<StoredFile | undefined>;
  /** Milliseconds for which a reader may take nothing of a file. */
  readonly stallTimeout: number;
  /** Removes what need not be kept any more. */
  expire(): Promise<void>;
}

/** Makes the access to whole files. */
export function createWholeFiles(dependencies: WholeFilesDependencies): WholeFiles {
  const { startRun, store, reserve, keep, stallTimeout, now = () => new Date() } = dependencies;
  /** The last file of each task: an older one would be of older rows. */
  const latest = new Map<string, KeptFile>();
  /** Files that those who asked for them are about to read, and whether there is a newer one already. */
  const awaited = new Map<string, { replaced: boolean }>();

  async function expire(): Promise<void> {
    const time = now();
    for (const [digest, { object }] of latest) if (object.expiresAt <= time) latest.delete(digest);
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
    find(task) {
      const kept = latest.get(digestOf(task));
      return kept && kept.object.expiresAt > now() ? kept : undefined;
    },
    async make(task, { id, mediaType, filename, abandoned, client }, use) {
      // What cannot be removed is tried again; there may be room all the same.
      await expire().catch(() => {});
      const reservation = await reserve(FIRST_BYTES);
      if (typeof reservation === "string") throw new NoRoomError(id, reservation);
      let body: ReadableStream<Uint8Array>;
      try {
        ({ body } = await startRun(id, task, { abandoned, whole: true, client }));
      } catch (error) {
        reservation.release();
        throw error;
      }
      const object = await store.put(id, body, {
        reservation,
        metadata: { mediaType, filename },
        // From its end on: a run may take longer than its file is kept.
        expiresAt: (createdAt) => new Date(createdAt.getTime() + keep),
      });
      const digest = digestOf(task);
      const previous = latest.get(digest);
      const replacedOther = previous !== undefined &&
        (previous.replacedOther || previous.object.etag !== object.etag);
      latest.set(digest, { object, replacedOther });
      const reader = { replaced: false };
      awaited.set(id, reader);
      if (previous) await replace(previous.object);
      try {
        return await use(object);
      } finally {
        awaited.delete(id);
        // What is being read stays on the disk until it was, without a name.
        if (reader.replaced) await remove(object);
      }
    },
    read: (object, range) => store.get(object.key, range ? { range } : {}),
    stallTimeout,
    expire,
  };
}

/**
 * Equal tasks have equal digests: all that decides a file's bytes is in a task, but for the rows. When
 * it was asked for makes no other task: who resumes a download asks for the file that there is.
 */
function digestOf(task: RunTask): string {
  const { time: _, ...options } = task.options;
  return createHash("sha256").update(toJson({ ...task, options })).digest("hex");
}
