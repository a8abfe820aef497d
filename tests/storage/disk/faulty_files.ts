/** A file system that fails on purpose: the Nth call, with the error that the platform would give. */

import {
  type FileSystem,
  type OpenFile,
  type OpenMode,
  systemFiles,
} from "../../../storage/disk/file_system.ts";

/** The calls that can fail. `close` never does. */
export const FILE_CALLS = [
  "open",
  "makeTempFile",
  "makeDirectory",
  "realPath",
  "stat",
  "statName",
  "statOpen",
  "list",
  "rename",
  "remove",
  "syncDirectory",
  "room",
  "read",
  "write",
  "seek",
  "syncData",
  "tryLock",
] as const;

/** One of {@linkcode FILE_CALLS}. */
export type FileCall = typeof FILE_CALLS[number];

/**
 * The errors that a call can fail with, as Deno 2.9.6 reports them on Linux: measured on a full
 * tmpfs, a read-only one, and under `ulimit -f`. Two of them have no `code`.
 */
const ERRORS = {
  ENOSPC: { code: "ENOSPC", message: "No space left on device (os error 28)" },
  EDQUOT: { code: undefined, message: "Disk quota exceeded (os error 122)" },
  EFBIG: { code: undefined, message: "File too large (os error 27)" },
  EIO: { code: "EIO", message: "Input/output error (os error 5)" },
  EROFS: { code: "EROFS", message: "Read-only file system (os error 30)" },
  EMFILE: { code: "EMFILE", message: "Too many open files (os error 24)" },
} as const;

/** An error that a call can fail with; the last one is no error of the disk. */
export type FaultCode = keyof typeof ERRORS;

/** An error as the platform gives it. */
export function platformError(code: FaultCode): Error {
  const { message, code: property } = ERRORS[code];
  return Object.assign(new Error(message), property === undefined ? {} : { code: property });
}

/** A call that fails. */
export interface Fault {
  /** The kind of call. @default any */
  readonly call?: FileCall;
  /** Which one, counted from 1 over the calls of that kind. */
  readonly at: number;
  /** The error; `short`, for `call: "write"`, takes half the bytes (one, at least) and is no error. */
  readonly code: FaultCode | "short";
  /** Whether those after it fail too. @default false */
  readonly onwards?: boolean;
  /**
   * Bytes that a failing write still takes: that call is short by the rest, and the next write of
   * any file fails, as on a disk that fills up. @default 0
   */
  readonly written?: number;
}

/** How to fail. */
export interface FaultyOptions {
  /** What stands behind it. @default {@linkcode systemFiles} */
  readonly files?: FileSystem;
  /** The calls that fail. @default none: it only counts */
  readonly faults?: readonly Fault[];
  /** Bytes that a write takes at most, so that every larger one is short. @default no limit */
  readonly maxWriteBytes?: number;
}

/** A file system that fails, and counts. */
export interface FaultyFiles extends FileSystem {
  /** Calls so far, those that failed included. */
  readonly calls: Readonly<Record<FileCall, number>>;
  /** Calls so far, of all kinds. */
  readonly totalCalls: number;
  /** How many calls were made to fail, or to be short. */
  readonly failed: number;
  /** Which ones, in order. */
  readonly failedCalls: readonly FileCall[];
  /** Files that were opened and not closed, by path. */
  readonly openFiles: readonly string[];
  /** Files that were made and not removed since, by path. */
  readonly existingFiles: readonly string[];
  /** Names the calls that fail from now on, counted from now on too; what is counted stays. */
  setFaults(faults: readonly Fault[]): void;
}

/**
 * Makes a file system that fails on purpose. Tries every call of a piece of work with
 *
 * ```ts ignore
 * for (let at = 1;; at++) {
 *   const files = faultyFiles({ faults: [{ at, code: "ENOSPC" }] });
 *   await work(files); // expects the right answer, and nothing in openFiles and existingFiles
 *   if (files.failed === 0) break; // the work needs fewer than `at` calls
 * }
 * ```
 */
export function faultyFiles(
  { files = systemFiles, faults = [], maxWriteBytes = Infinity }: FaultyOptions = {},
): FaultyFiles {
  const calls = Object.fromEntries(FILE_CALLS.map((call) => [call, 0])) as Record<FileCall, number>;
  const openFiles = new Map<number, string>();
  const existing = new Set<string>();
  let total = 0;
  const failedCalls: FileCall[] = [];
  let handles = 0;
  let pending: FaultCode | undefined; // what the next write fails with, after a short one
  let armed = arm(faults);

  /** Counts a call; the fault that it meets. */
  function meet(call: FileCall): Fault | undefined {
    calls[call]++;
    total++;
    let met: Fault | undefined;
    for (const entry of armed) {
      if (entry.fault.call !== undefined && entry.fault.call !== call) continue;
      entry.seen++;
      const { at, onwards } = entry.fault;
      if (entry.seen === at || (onwards && entry.seen > at)) met ??= entry.fault;
    }
    return met;
  }

  /** Counts a call that is not a write, and makes it fail. */
  async function guard<Result>(call: FileCall, work: () => Promise<Result>): Promise<Result> {
    const fault = meet(call);
    if (fault === undefined || fault.code === "short") return await work();
    failedCalls.push(call);
    throw platformError(fault.code);
  }

  async function write(file: OpenFile, from: Uint8Array): Promise<number> {
    const fault = meet("write");
    if (pending !== undefined) {
      const code = pending;
      pending = undefined;
      throw platformError(code);
    }
    if (fault === undefined) return await file.write(from.subarray(0, maxWriteBytes));
    failedCalls.push("write");
    if (fault.code === "short") {
      return await file.write(from.subarray(0, Math.max(1, from.length >> 1)));
    }
    const { written = 0 } = fault;
    if (written === 0) throw platformError(fault.code);
    pending = fault.code;
    return await file.write(from.subarray(0, written));
  }

  function wrap(file: OpenFile, path: string): OpenFile {
    const handle = handles++;
    openFiles.set(handle, path);
    return {
      read: (into) => guard("read", () => file.read(into)),
      write: (from) => write(file, from),
      seek: (offset) => guard("seek", () => file.seek(offset)),
      syncData: () => guard("syncData", () => file.syncData()),
      stat: () => guard("statOpen", () => file.stat()),
      tryLock: () => guard("tryLock", () => file.tryLock()),
      close: () => {
        openFiles.delete(handle);
        file.close();
      },
    };
  }

  return {
    calls,
    get totalCalls() {
      return total;
    },
    get failed() {
      return failedCalls.length;
    },
    failedCalls,
    get openFiles() {
      return [...openFiles.values()];
    },
    get existingFiles() {
      return [...existing];
    },
    setFaults(faults) {
      armed = arm(faults);
      pending = undefined;
    },
    open: (path: string, mode: OpenMode) =>
      guard("open", async () => {
        const file = await files.open(path, mode);
        if (mode.createNew) existing.add(path);
        return wrap(file, path);
      }),
    makeTempFile: (options) =>
      guard("makeTempFile", async () => {
        const path = await files.makeTempFile(options);
        existing.add(path);
        return path;
      }),
    makeDirectory: (path) => guard("makeDirectory", () => files.makeDirectory(path)),
    realPath: (path) => guard("realPath", () => files.realPath(path)),
    stat: (path) => guard("stat", () => files.stat(path)),
    statName: (path) => guard("statName", () => files.statName(path)),
    list: (path) => guard("list", () => files.list(path)),
    rename: (from, to) =>
      guard("rename", async () => {
        await files.rename(from, to);
        if (existing.delete(from)) existing.add(to);
      }),
    remove: (path) =>
      guard("remove", async () => {
        await files.remove(path);
        existing.delete(path);
      }),
    syncDirectory: (path) => guard("syncDirectory", () => files.syncDirectory(path)),
    room: (path) => guard("room", () => files.room(path)),
  };
}

/** Faults with the calls that each has seen. */
function arm(faults: readonly Fault[]): { readonly fault: Fault; seen: number }[] {
  return faults.map((fault) => ({ fault, seen: 0 }));
}
