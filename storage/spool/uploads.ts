/** Uploaded files in the spool: written as they come, under a name that another process can open. */

import { join } from "node:path";
import type { Digest } from "../digest.ts";
import type { DiskRoom } from "../disk/disk_room.ts";
import type { Reservation } from "../disk/quota.ts";
import { type FileSystem, type OpenFile, systemFiles } from "../disk/file_system.ts";
import { NoRoomError } from "../store.ts";
import type { OpenedSpool } from "./mod.ts";

/** A file that was uploaded. */
export interface SpooledUpload {
  /** Where it is. */
  readonly path: string;
  /** Its bytes. */
  readonly size: number;
  /** Room beside it for what is unpacked of it, and where; absent where there is none. */
  readonly scratch?: { readonly path: string; readonly maxBytes: number };
  /** Removes it, and gives its room back; does nothing the second time, and while a run has it. */
  release(): Promise<void>;
}

/** How an upload is taken. */
export interface ReceiveOptions {
  /** Bytes that it may have. */
  readonly maxBytes: number;
  /** Bytes that it says it has. @default as many as come */
  readonly size?: number | undefined;
  /** Whose share of the spool it takes. @default no tenant's */
  readonly tenant?: string | undefined;
  /** Bytes beside it that its reader may need, told of its first bytes and its size. @default none */
  readonly scratchBytes?: (begin: Uint8Array, size: number) => number;
  /** Given its bytes as they are written. @default they are not digested */
  readonly digest?: Pick<Digest, "update"> | undefined;
}

/** Takes uploads. */
export interface Uploads {
  /**
   * Writes a body to a file. Where that fails, nothing is left of it.
   *
   * @throws {UploadTooLargeError} where it is longer than it may be
   * @throws {NoRoomError} where the spool has no room for it
   */
  receive(
    body: ReadableStream<Uint8Array>,
    options: ReceiveOptions,
  ): Promise<SpooledUpload>;
  /**
   * A run has the upload of a path from now on: its worker may read that, and write beside it, after its client
   * has left. Does nothing where there is none.
   */
  runStarted(path: string): void;
  /** The run has ended, and let go of it: removes the upload. */
  runEnded(path: string): Promise<void>;
}

/** A body that is longer than it may be. */
export class UploadTooLargeError extends Error {
  override readonly name = "UploadTooLargeError";
  /** Bytes that it may have. */
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    super(`Cannot take an upload of more than ${maxBytes} bytes`);
    this.maxBytes = maxBytes;
  }
}

/**
 * Bytes of room that a body takes at a time, up to as many as have come of it: one that says it is large and does
 * not come must not hold the room of those that do.
 */
const MIN_STEP_BYTES = 64 * 1024;
const MAX_STEP_BYTES = 4 * 1024 * 1024;

/** The first bytes of an upload that are kept. */
const BEGIN_BYTES = 16;

/** Makes what takes uploads into a spool. */
export function createUploads(
  { directory, files: room }: Pick<OpenedSpool, "directory" | "files">,
  files: FileSystem = systemFiles,
): Uploads {
  const open = new Map<string, WrittenUpload>();
  return {
    runStarted(path) {
      const upload = open.get(path);
      if (upload) upload.inRun = true;
    },
    async runEnded(path) {
      const upload = open.get(path);
      if (!upload) return;
      upload.inRun = false;
      await upload.release();
    },
    async receive(body, options) {
      const { maxBytes, size, tenant } = options;
      if (size !== undefined && size > maxBytes) throw new UploadTooLargeError(maxBytes);
      const never = room.neverFits(size ?? 0, tenant);
      if (never !== undefined) throw new NoRoomError("upload", never);
      const reservation = await reserve(room, Math.min(size ?? Infinity, MIN_STEP_BYTES), tenant);
      const path = join(directory, `upload-${crypto.randomUUID()}`);
      const onReleased = () => void open.delete(path);
      const upload = new WrittenUpload(path, { files, room, reservation, onReleased });
      open.set(path, upload);
      try {
        await room.restore();
        await upload.write(body, options);
        return await upload.finish(options);
      } catch (error) {
        await upload.release();
        throw error;
      }
    },
  };
}

async function reserve(room: DiskRoom, bytes: number, tenant?: string): Promise<Reservation> {
  const reservation = await room.reserve(bytes, tenant);
  if (typeof reservation === "string") throw new NoRoomError("upload", reservation);
  return reservation;
}

/** An upload and its room. */
class WrittenUpload {
  /** Whether a run has it, whose end removes it. */
  inRun = false;
  readonly #path: string;
  readonly #files: FileSystem;
  readonly #room: DiskRoom;
  readonly #reservation: Reservation;
  readonly #onReleased: () => void;
  readonly #begin = new Uint8Array(BEGIN_BYTES);
  #size = 0;
  #released = false;

  constructor(
    path: string,
    { files, room, reservation, onReleased }: {
      readonly files: FileSystem;
      readonly room: DiskRoom;
      readonly reservation: Reservation;
      readonly onReleased: () => void;
    },
  ) {
    this.#path = path;
    this.#files = files;
    this.#room = room;
    this.#reservation = reservation;
    this.#onReleased = onReleased;
  }

  async write(
    body: ReadableStream<Uint8Array>,
    { maxBytes, size = maxBytes, digest }: ReceiveOptions,
  ): Promise<void> {
    const file = await this.#attempt(() =>
      this.#files.open(this.#path, { write: true, createNew: true })
    );
    try {
      for await (const chunk of body) {
        if (this.#size + chunk.length > maxBytes) throw new UploadTooLargeError(maxBytes);
        this.#keepBegin(chunk);
        await this.#makeRoom(this.#size + chunk.length, size);
        await this.#writeAll(file, chunk);
        digest?.update(chunk);
      }
    } finally {
      file.close();
    }
  }

  #keepBegin(chunk: Uint8Array): void {
    if (this.#size >= BEGIN_BYTES) return;
    this.#begin.set(chunk.subarray(0, BEGIN_BYTES - this.#size), this.#size);
  }

  /** Has room for so many bytes, and for some more, as far as there are so many to come. */
  async #makeRoom(bytes: number, expected: number): Promise<void> {
    const { bytes: reserved } = this.#reservation;
    if (bytes <= reserved) return;
    const step = Math.min(MAX_STEP_BYTES, this.#size, expected - reserved);
    const reason = await this.#reservation.grow(Math.max(bytes - reserved, step));
    if (reason !== undefined) throw new NoRoomError("upload", reason);
  }

  async #writeAll(file: OpenFile, chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const count = await this.#attempt(() => file.write(chunk.subarray(at)));
      at += count;
      this.#size += count;
      this.#room.wrote(count);
    }
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw await this.#room.failed("write an upload", error);
    }
  }

  /** The upload as its reader gets it. */
  async finish({ maxBytes, scratchBytes = () => 0 }: ReceiveOptions): Promise<SpooledUpload> {
    this.#reservation.shrink(this.#reservation.bytes - this.#size);
    const wanted = Math.min(scratchBytes(this.#begin, this.#size), maxBytes);
    // Most files need none of it: one that does is refused by its reader where there is no room.
    const hasRoom = wanted > 0 && await this.#reservation.grow(wanted) === undefined;
    return {
      path: this.#path,
      size: this.#size,
      ...(hasRoom ? { scratch: { path: this.#scratchPath, maxBytes: wanted } } : {}),
      release: () => this.release(),
    };
  }

  get #scratchPath(): string {
    return `${this.#path}.scratch`;
  }

  async release(): Promise<void> {
    if (this.#released || this.inRun) return;
    this.#released = true;
    for (const path of [this.#path, this.#scratchPath]) {
      await this.#files.remove(path).catch(async (error) => {
        if (!(error instanceof Deno.errors.NotFound)) {
          await this.#room.noticed("remove an upload", error);
        }
      });
    }
    this.#room.freed(this.#size);
    this.#reservation.release();
    this.#onReleased();
  }
}
