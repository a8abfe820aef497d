/** The spool: a directory of our own on a real disk, where bytes wait that a client has not taken. */

import { toDiskError } from "../disk/error.ts";
import { type FileSystem, systemFiles } from "../disk/file_system.ts";
import type { DiskRoom } from "../disk/disk_room.ts";
import {
  createQuota,
  type Refusal,
  type RefusalReason,
  type Reservation,
  type Use,
} from "../disk/quota.ts";
import { createSegment, type Segment, type SegmentOwner } from "./segment.ts";
import { type DirectoryOptions, openSpoolDirectory } from "./directory.ts";

export type { Segment } from "./segment.ts";
export { SpoolError } from "./directory.ts";

/** Milliseconds in which issues of one kind are reported once: what fills a disk often fills its log. */
export const ISSUE_INTERVAL_MS = 1_000;

/**
 * The part of `max_bytes` that whole files may hold. A client that has them made, or that comes back for none
 * of them, must not be the reason that runs hold their slots for slow clients: the rest is for spilling.
 */
export const FILE_SHARE = 3 / 4;

/** The part of `max_bytes` that one tenant may hold, so that its slow clients leave room for those of others. */
export const TENANT_SHARE = 1 / 2;

/**
 * Milliseconds after a refusal for which there is taken to be no room, where none is had meanwhile: a run that
 * was refused asks again after 30 s at the latest.
 */
export const SHORT_MS = 30_000;

/** Where to spool, and how much. */
export interface SpoolOptions extends DirectoryOptions {
  /** The part of `maxBytes` that one tenant may hold, above 0. @default {@linkcode TENANT_SHARE} */
  readonly tenantShare?: number;
  /** The file system. @default {@linkcode systemFiles} */
  readonly files?: FileSystem;
  /**
   * Called with an issue of every kind, at most once in {@linkcode ISSUE_INTERVAL_MS} each; for a log
   * line. {@linkcode SpoolStats} counts them all.
   */
  readonly onIssue?: (issue: SpoolIssue) => void;
  /** The time in milliseconds. @default the monotonic clock */
  readonly now?: () => number;
}

/** The state of the disk, as far as it was read last. */
export interface DiskState {
  /** Our own directory. */
  readonly directory: string;
  /** Where its file system is mounted. */
  readonly mount: string;
  /** The name of its kind of file system: `ext4`. */
  readonly fileSystem: string;
  /** Bytes that are free. */
  readonly freeBytes: number;
  /** Files that may still be made. */
  readonly freeFiles: number;
  /** Bytes written and not freed yet. */
  readonly bytes: number;
  /** Bytes reserved, written or not. */
  readonly reservedBytes: number;
  /** Bytes that may be reserved in all. */
  readonly maxBytes: number;
  /** Bytes that must be left free. */
  readonly minFreeBytes: number;
}

/** A reservation that was refused, or work on a file that failed. */
export type SpoolIssue =
  & {
    /** The disk, right after. */
    readonly disk: DiskState;
    /** How many of this kind there were since the last that was reported. */
    readonly unreported: number;
  }
  & (
    | ({ readonly kind: "refused" } & Refusal)
    | { readonly kind: "failed"; readonly action: string; readonly error: unknown }
  );

/** The numbers of a spool. */
export interface SpoolStats {
  /** Bytes written and not freed yet. */
  readonly bytes: number;
  /** The highest that was of late, the same for everybody who asks. */
  readonly peakBytes: number;
  /** Bytes reserved, written or not. */
  readonly reservedBytes: number;
  /** Bytes free on the disk. */
  readonly freeBytes: number;
  /** Refusals since the spool was opened. */
  readonly refused: Readonly<Record<RefusalReason, number>>;
}

/** A spool, as far as a run needs it. */
export interface Spool extends AsyncDisposable {
  /** Asks for bytes on the disk; the reason, where there is no room. */
  reserve(bytes: number, tenant?: string): Promise<Reservation | RefusalReason>;
  /**
   * Makes an empty segment.
   *
   * @throws {DiskError} where the disk refuses
   */
  createSegment(): Promise<Segment>;
}

/** The spool of this process. Closing it removes what is still in it. */
export interface OpenedSpool extends Spool {
  /** Our own directory (0700). What is left in it goes when the spool does. */
  readonly directory: string;
  /** The directory for whole files, which outlives the spool; the store in it makes it. */
  readonly keptDirectory: string;
  /** Where its file system is mounted. */
  readonly mount: string;
  /**
   * Room for whole files in `keptDirectory`, {@linkcode FILE_SHARE} of the quota at most. After an error that
   * one of them met, reservations are refused for a while.
   */
  readonly files: DiskRoom;
  /** Room for copies of what is sent anyway: none goes for it, and none misses it. */
  readonly copies: Pick<Spool, "reserve" | "createSegment">;
  /** Whether bytes were refused for which no tenant had room, in the last {@linkcode SHORT_MS} and none given since. */
  isShort(): boolean;
  /** Has bytes given back before any are refused; see `QuotaOptions.reclaim`. */
  reclaimWith(reclaim: (bytes: number) => Promise<boolean>): void;
  /** Whether it can be used: its directory is there, or could be made again. Where not, that is reported. */
  state(): Promise<"ready" | "failing">;
  /** The numbers now; the disk is read where that was not done just before. */
  stats(): Promise<SpoolStats>;
}

/**
 * Opens a spool.
 *
 * @throws {SpoolError} saying why the directory is not fit
 */
export async function openSpool(options: SpoolOptions): Promise<OpenedSpool> {
  const { maxBytes, minFreeBytes, files = systemFiles, now = () => performance.now() } = options;
  const directory = await openSpoolDirectory(files, options);
  const { path, mount, fileSystem } = directory;
  let { room } = directory;
  const notify = limitRate(options.onIssue, now);
  let reclaim = (_bytes: number) => Promise.resolve(false);
  let refusedAt = -Infinity;
  const quota = createQuota({
    tenantShare: TENANT_SHARE,
    ...options,
    fileShare: FILE_SHARE,
    reclaim: (bytes) => reclaim(bytes),
    room: async () => room = await restoring(() => files.room(path)),
    onRefused: (refusal) => {
      if (refusal.reason !== "tenant") refusedAt = now();
      notify(`refused ${refusal.reason}`, (unreported) => ({
        kind: "refused",
        ...refusal,
        unreported,
        disk: state(),
      }));
    },
  });
  const { space } = quota;

  /** Works in the directory; where that was removed, once more when it is there again. */
  async function restoring<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      // What Node's `statfs` throws has a code, and is no `Deno.errors.NotFound`.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      await directory.restore();
      return await work();
    }
  }

  async function reserve(bytes: number, tenant: string | undefined, use: Use) {
    const reserved = await quota.reserve(bytes, tenant, use);
    if (typeof reserved !== "string") refusedAt = -Infinity;
    return reserved;
  }

  function state(): DiskState {
    return {
      directory: path,
      mount,
      fileSystem,
      freeBytes: room.freeBytes,
      freeFiles: room.freeFiles,
      bytes: space.writtenBytes,
      reservedBytes: quota.reservedBytes,
      maxBytes,
      minFreeBytes,
    };
  }

  /** Reads the disk; a disk that cannot be read stays as it was. */
  const look = () => space.refresh().catch(() => {});

  async function report(action: string, error: unknown, written: number): Promise<unknown> {
    await look();
    const { freeBytes } = room;
    const { reservedBytes } = quota;
    const diskError = toDiskError(error, { action, mount, freeBytes, reservedBytes, written });
    notify(
      `failed ${action}`,
      (unreported) => ({ kind: "failed", action, error: diskError, unreported, disk: state() }),
    );
    return diskError;
  }

  async function failed(action: string, error: unknown, written = 0): Promise<unknown> {
    quota.writeFailed(); // which has the disk read again
    return await report(action, error, written);
  }

  const owner: SegmentOwner = {
    wrote: space.wrote,
    freed: space.freed,
    failed: (action, error, written) =>
      action === "write"
        ? failed("write to the spool", error, written)
        : report("read from the spool", error, written),
  };

  async function makeSegment(): Promise<Segment> {
    try {
      return await restoring(() => createSegment(files, path, owner));
    } catch (error) {
      throw await failed("make a file in the spool", error);
    }
  }

  return {
    directory: path,
    keptDirectory: directory.keptPath,
    mount,
    reserve: (bytes, tenant) => reserve(bytes, tenant, "spill"),
    createSegment: makeSegment,
    copies: {
      reserve: (bytes, tenant) => reserve(bytes, tenant, "copy"),
      createSegment: makeSegment,
    },
    files: {
      reserve: (bytes, tenant) => reserve(bytes, tenant, "file"),
      neverFits: (bytes, tenant) => quota.neverFits(bytes, tenant, "file"),
      wrote: space.wrote,
      freed: space.freed,
      failed,
      noticed: async (action, error) => void await report(action, error, 0),
      restore: () => directory.restore(),
    },
    isShort: () => now() - refusedAt < SHORT_MS,
    reclaimWith(give) {
      reclaim = give;
    },
    async state() {
      try {
        await directory.restore();
        return "ready";
      } catch (error) {
        await report("use the spool", error, 0);
        return "failing";
      }
    },
    async stats() {
      await look();
      return {
        bytes: space.writtenBytes,
        peakBytes: space.peakBytes,
        reservedBytes: quota.reservedBytes,
        freeBytes: room.freeBytes,
        refused: { ...quota.refused },
      };
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

/** Reports issues of one kind at most once in a while, with the count of those that were not. */
function limitRate(
  listener: ((issue: SpoolIssue) => void) | undefined,
  now: () => number,
): (kind: string, issue: (unreported: number) => SpoolIssue) => void {
  const kinds = new Map<string, { reportedAt: number; unreported: number }>();
  return (kind, issue) => {
    if (listener === undefined) return;
    const last = kinds.get(kind);
    const time = now();
    if (last !== undefined && time - last.reportedAt < ISSUE_INTERVAL_MS) {
      last.unreported++;
      return;
    }
    kinds.set(kind, { reportedAt: time, unreported: 0 });
    listener(issue(last?.unreported ?? 0));
  };
}
