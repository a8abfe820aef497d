/**
 * The words between the server and a worker: commands go in as lines, frames come out as bytes. A worker
 * may have several tasks in its hands, each with a number of its own.
 *
 * A worker is a process of its own, not a thread. `Worker.terminate()` does not stop a thread inside a
 * native call: a terminated SQLite sort went on burning its core for 31 s and kept the whole process
 * from exiting, while `SIGKILL` ends a process at once, takes a heap overflow with it and lets each
 * worker hold fewer permissions than the server. It costs 50 ms instead of 40 ms to start, 17 MB of
 * proportional memory instead of 13 MB, and a pipe that carries 1.0 GB/s where transferred buffers
 * carried 1.4 GB/s: more than any exporter writes.
 */

import type { DocumentOptions } from "../exporters/document.ts";
import type { Warning } from "../exporters/warnings.ts";
import type { Query, SourceColumn } from "../sources/source.ts";
import type { UploadPosition } from "../sources/upload/reader.ts";
import type { Mask } from "../table/masks.ts";
import type { ColumnSetting, TableStyle } from "../table/table.ts";

/** What a body may be coded with; `identity` leaves it as it is. */
export type ContentCoding = "identity" | "gzip" | "zstd";

/** What orders the values of a column that is followed. */
export type FollowedType = "integer" | "number" | "date" | "datetime" | "string";

/** One table of a file: where its rows come from, and what they are called. */
export interface TableTask {
  /** The source: its kind, and the settings that the kind has validated. */
  readonly source: {
    readonly type: string;
    readonly config: unknown;
    /** Whether it is the upload of one request. @default false */
    readonly uploaded?: boolean;
  };
  /** The query and its bound parameters. */
  readonly query: Query;
  /** What people call the table. */
  readonly title: string;
  /** Settings of columns, by the source's name. */
  readonly columns: Readonly<Record<string, ColumnSetting>>;
  /** What a worksheet makes of it. @default "plain" */
  readonly style?: TableStyle;
  /** The columns to write, in order; absent: all of them. */
  readonly select?: readonly string[];
  /** How columns are hidden from who asks, by the source's name. @default none is */
  readonly masks?: Readonly<Record<string, Mask>>;
  /** What hashes of hidden cells are keyed with, for one tenant. @default none is hashed */
  readonly maskKey?: string;
  /** Rows that it may have. @default as many as there are */
  readonly maxRows?: number;
  /** Whether it ends at {@linkcode maxRows}; else a row more is an error. @default false */
  readonly truncate?: boolean;
  /** The columns whose highest values are wanted, by the source's name. @default none are */
  readonly follow?: Readonly<Record<string, FollowedType>>;
}

/** Everything that a worker needs to know to run an export. */
export interface RunTask {
  /** The name of the export; of several in one file, with commas between. */
  readonly export: string;
  /** Its table; several where a file holds several exports, in their order. */
  readonly tables: readonly TableTask[];
  /** The key of the exporter. */
  readonly format: string;
  /** What the exporter is told, which only it and its format understand. */
  readonly options: DocumentOptions & Readonly<Record<string, unknown>>;
  /** The HTTP content coding of the result. */
  readonly coding: ContentCoding;
  /**
   * Makes no file: says which columns the queries give, without running them, or only whether the sources
   * can be opened. @default it makes the file
   */
  readonly describe?: "columns" | "source";
  /** The trace that it belongs to, for sources that tell theirs: the header `traceparent`. @default none */
  readonly traceparent?: string;
}

/** The columns of a table, in the query's order; null where only its rows would tell. */
export type TaskColumns = readonly SourceColumn[] | null;

/** What the server says to a worker, one JSON line each; `task` is the number of a task in its hands. */
export type Command =
  /**
   * Runs a task under the run's id, which may send this many bytes. One that is not `exclusive` shares
   * the worker with others, and is declined where it may hold the thread.
   */
  | {
    readonly start: RunTask;
    readonly task: number;
    readonly run: string;
    readonly credit: number;
    readonly exclusive: boolean;
  }
  /** Lets a task send this many bytes more. */
  | { readonly credit: number; readonly task: number }
  /** Stops a task. */
  | { readonly cancel: true; readonly task: number }
  /** Says how many cores the tasks in hand may use besides the worker's own, until the next word. */
  | { readonly idle: number };

/** Why a run failed, as far as its caller needs to know. */
export type FailureKind =
  | "source"
  | "param"
  | "column"
  | "table"
  | "limit"
  | "upload"
  | "internal";

/** Milliseconds that a task took in its worker, by what it waited for. */
export interface TaskTimes {
  /** For rows: until its sources were open, and for each batch. */
  readonly source: number;
  /** For the encoding of rows, and all else. */
  readonly encode: number;
  /** For its client, as all that it might send was sent. */
  readonly client: number;
}

/** How far a task is. */
export interface TaskProgress {
  /** Rows that the source has given. */
  readonly rows: number;
  /** The exports whose rows were more than they may be, and end there. @default none */
  readonly truncated?: readonly string[];
  /** What it waited for; of a task that is over. */
  readonly times?: TaskTimes;
}

/** What is known of a task once its sources are open. */
export interface TaskOpened {
  /** Whether a query of it may hold the thread for long, so that it has a worker to itself next time. */
  readonly mayBlock: boolean;
  /** Milliseconds that the first rows took, once the queries ran. */
  readonly firstRow: number;
}

/** A file, by its length and its digest. */
export interface FileDigest {
  /** Bytes in it. */
  readonly bytes: number;
  /** Its SHA-256, in hexadecimal. */
  readonly sha256: string;
}

/** How a task ended, in the words of the worker. */
export interface TaskEnd extends TaskProgress {
  /** What the format could not hold as it was. */
  readonly warnings: readonly Warning[];
  /** Whether a query of it held the thread for long, or may. */
  readonly mayBlock?: boolean;
  /** The columns of each table, those that were not chosen among them. @default not known */
  readonly columns?: readonly TaskColumns[];
  /** The file before its content coding. @default what was sent is the file */
  readonly file?: FileDigest;
  /** The highest values of columns of each table, as text by name, where some were wanted. */
  readonly highest?: readonly Readonly<Record<string, string>>[];
}

/** What a worker says of itself. */
export interface WorkerHealth {
  /** Bytes of V8's heap that are in use. */
  readonly heap: number;
  /** Bytes that the heap may have at most. */
  readonly maxHeap: number;
  /** Bytes of the process that are in memory. */
  readonly rss: number;
}

/** What is wrong with an upload. */
export interface UploadFailure {
  /** Whether it is whole, and of a kind that is not read. */
  readonly unread: boolean;
  /** Where it is wrong, as much as is known. */
  readonly position: UploadPosition;
  /** What the caller said of it that does not fit it, by name. */
  readonly option?: string;
}

/** Why a task failed. */
export interface TaskFailure extends TaskProgress {
  /** Which side is at fault. */
  readonly kind: FailureKind;
  /** The params whose values the source refused, by name; of that kind alone. */
  readonly params?: readonly string[];
  /** What is wrong with the upload; of that kind alone. */
  readonly upload?: UploadFailure;
  /** What went wrong, for the log; a caller sees it only where the kind says so. */
  readonly message: string;
  /** What the source itself said of it. @default nothing else */
  readonly reason?: string;
  /** Causes and stack, for the log alone. */
  readonly detail: string;
}

/** The kinds of frame, each the first byte of one. */
export const FRAME = {
  /** The worker can be handed tasks: empty, of no task. */
  ready: 0x52,
  /** How the worker is: a {@linkcode WorkerHealth} as JSON, of no task. */
  health: 0x48,
  /** The sources of a task are open: a {@linkcode TaskOpened} as JSON. */
  opened: 0x4f,
  /** Bytes of the file. */
  chunk: 0x43,
  /** Rows still come: a {@linkcode TaskProgress} as JSON. */
  progress: 0x50,
  /** The task is done: a {@linkcode TaskEnd} as JSON. */
  end: 0x45,
  /** The task failed: a {@linkcode TaskFailure} as JSON. */
  failure: 0x46,
  /** The worker has heard of the cancel, and releases what the task holds: empty. */
  stopping: 0x53,
  /** The task was cancelled: a {@linkcode TaskProgress} as JSON. */
  cancelled: 0x58,
  /** The task may hold the thread, and was not exclusive; nothing of it was run: empty. */
  declined: 0x44,
} as const;

/** One of {@linkcode FRAME}. */
export type FrameType = typeof FRAME[keyof typeof FRAME];

/** The number of no task, in the frames that are about the worker. */
export const NO_TASK = 0;

/** A piece of a frame's payload; `last` where the frame is complete. */
export interface FramePiece {
  /** The kind of its frame. */
  readonly type: FrameType;
  /** The number of its task. */
  readonly task: number;
  /** Bytes of the payload, in memory that is used again for what is read next. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** Whether they are the last ones. */
  readonly last: boolean;
}

/** Bytes of a frame's header. */
export const FRAME_HEADER_BYTES = 9;

const FRAME_TYPES: ReadonlySet<number> = new Set(Object.values(FRAME));

/**
 * Writes the header of a frame in front of it: its type, then the number of its task and the length of
 * its payload, each as 32 bits, little-endian.
 */
export function writeFrameHeader(frame: Uint8Array, type: FrameType, task: number): void {
  frame[0] = type;
  const view = new DataView(frame.buffer, frame.byteOffset);
  view.setUint32(1, task, true);
  view.setUint32(5, frame.length - FRAME_HEADER_BYTES, true);
}

/**
 * Cuts a stream of frames back into payload pieces, however the pipe split it. A chunk's bytes are
 * passed on as they arrive, without waiting for the rest of their frame and without a copy.
 *
 * @throws {Error} on a byte that begins no frame: something else wrote to the worker's output
 */
export function createFrameReader(): (data: Uint8Array<ArrayBuffer>) => FramePiece[] {
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  const view = new DataView(header.buffer);
  let headerBytes = 0;
  let type: FrameType = FRAME.chunk;
  let task = NO_TASK;
  let remaining = 0;

  return (data) => {
    const pieces: FramePiece[] = [];
    let at = 0;
    while (at < data.length) {
      if (headerBytes < FRAME_HEADER_BYTES) {
        const taken = Math.min(FRAME_HEADER_BYTES - headerBytes, data.length - at);
        header.set(data.subarray(at, at + taken), headerBytes);
        const first = header[0]!;
        if (!FRAME_TYPES.has(first)) {
          throw new Error(`Cannot read a frame: it begins with ${first}`);
        }
        headerBytes += taken;
        at += taken;
        if (headerBytes < FRAME_HEADER_BYTES) break;
        type = first as FrameType;
        task = view.getUint32(1, true);
        remaining = view.getUint32(5, true);
        if (remaining > 0) continue;
        pieces.push({ type, task, data: new Uint8Array(0), last: true });
        headerBytes = 0;
        continue;
      }
      const taken = Math.min(remaining, data.length - at);
      remaining -= taken;
      pieces.push({ type, task, data: data.subarray(at, at + taken), last: remaining === 0 });
      at += taken;
      if (remaining === 0) headerBytes = 0;
    }
    return pieces;
  };
}

/** Marks a bigint in JSON, which has no form for one. */
const BIGINT_KEY = "$bigint";

/** A value as JSON on one line, bigints included. */
export function toJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, inner) => typeof inner === "bigint" ? { [BIGINT_KEY]: `${inner}` } : inner,
  );
}

/** A command as one line of JSON. */
export function commandLine(command: Command): string {
  return `${toJson(command)}\n`;
}

/** The command that a line holds; the reverse of {@linkcode commandLine}. */
export function parseCommand(line: string): Command {
  // Most have no bigint, and a function that sees every value takes three times as long.
  return JSON.parse(line, line.includes(BIGINT_KEY) ? reviveBigint : undefined);
}

function reviveBigint(_key: string, value: unknown): unknown {
  return typeof value === "object" && value !== null && BIGINT_KEY in value
    ? BigInt(value[BIGINT_KEY] as string)
    : value;
}
