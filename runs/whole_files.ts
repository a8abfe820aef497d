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
import { commandLine, type RunTask } from "./protocol.ts";
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
}

/** Whole files, by the task that makes them. */
export interface WholeFiles {
  /** What is known of the file that an equal task made last, while it is kept. */
  find(task: RunTask): StoredObject | undefined;
  /**
   * Runs a task to its end. What fails on the way is a plain rejection that leaves nothing behind: an
   * `AdmissionError`, a `TaskError`, a `RunTimeoutError`, a `NoRoomError`, a `DiskError`.
   */
  make(task: RunTask, options: MakeOptions): Promise<StoredObject>;
  /** The bytes of a file; undefined where it is gone. */
  read(object: StoredObject, range?: ByteRange): Promise<StoredFile | undefined>;
  /** Removes what need not be kept any more. */
  expire(): Promise<void>;
}

/** Makes the access to whole files. */
export function createWholeFiles(dependencies: WholeFilesDependencies): WholeFiles {
  const { startRun, store, reserve, keep } = dependencies;
  /** The last file of each task: an older one would be of older rows. */
  const latest = new Map<string, StoredObject>();

  async function expire(): Promise<void> {
    const now = new Date();
    for (const [digest, { expiresAt }] of latest) if (expiresAt <= now) latest.delete(digest);
    await store.expire(now);
  }

  return {
    find(task) {
      const object = latest.get(digestOf(task));
      return object && object.expiresAt > new Date() ? object : undefined;
    },
    async make(task, { id, mediaType, filename, abandoned }) {
      await expire();
      const reservation = await reserve(FIRST_BYTES);
      if (typeof reservation === "string") throw new NoRoomError(id, reservation);
      let body: ReadableStream<Uint8Array>;
      try {
        ({ body } = await startRun(id, task, { abandoned, whole: true }));
      } catch (error) {
        reservation.release();
        throw error;
      }
      const object = await store.put(id, body, {
        reservation,
        metadata: { mediaType, filename },
        expiresAt: new Date(Date.now() + keep),
      });
      const digest = digestOf(task);
      const previous = latest.get(digest);
      latest.set(digest, object);
      if (previous) await store.delete(previous.key);
      return object;
    },
    read: (object, range) => store.get(object.key, range ? { range } : {}),
    expire,
  };
}

/** Equal tasks have equal digests: all that decides a file's bytes is in a task, but for the rows. */
function digestOf(task: RunTask): string {
  return createHash("sha256").update(commandLine({ start: task, credit: 0 })).digest("hex");
}
