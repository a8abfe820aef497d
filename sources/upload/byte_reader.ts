/** Reads the bytes of an upload from its start on: as they are, or out of gzip or zstd. */

import { Buffer } from "node:buffer";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { UploadError, type UploadFile } from "./reader.ts";
import { ZstdFrames } from "./zstd_frames.ts";

/** Bytes that come one piece after the other. */
export interface ByteReader {
  /**
   * The next ones; undefined at the end. They stay as they are until the next read.
   *
   * @throws {UploadError} where the file is broken
   */
  read(): Promise<Uint8Array | undefined>;
  /** Releases what reading holds, also while a read is pending. */
  close(): Promise<void>;
}

/** Bytes of a piece. */
const PIECE_BYTES = 256 * 1024;

/** The codings of a whole file. */
export type FileCoding = "gzip" | "zstd";

/** The coding that a file begins as. */
export function fileCoding(begin: Uint8Array): FileCoding | undefined {
  if (begin[0] === 0x1f && begin[1] === 0x8b) return "gzip";
  const zstd = [0x28, 0xb5, 0x2f, 0xfd];
  return zstd.every((byte, index) => begin[index] === byte) ? "zstd" : undefined;
}

/** Reads a file from its start on. */
export function readFile(file: UploadFile): ByteReader {
  const piece = new Uint8Array(PIECE_BYTES);
  let offset = 0;
  return {
    // deno-lint-ignore require-await -- the other readers take their time
    async read() {
      const count = file.readAt(offset, piece);
      offset += count;
      return count === 0 ? undefined : piece.subarray(0, count);
    },
    close: () => Promise.resolve(),
  };
}

/** Bytes that any file may inflate to: text of the same few words is told from a bomb by its size alone. */
export const FREE_BYTES = 64 * 1024 * 1024;

/** Bytes that each byte of a larger one may inflate to; a table is seldom a hundredth. */
export const MAX_RATIO = 500;

/** Reads what a reader's bytes are the coded form of. */
export function decode(coded: ByteReader, coding: FileCoding): ByteReader {
  const options = { chunkSize: PIECE_BYTES };
  const stream = coding === "gzip" ? createGunzip(options) : createZstdDecompress(options);
  // The decoder of Deno 2.9.6 takes a file that is cut off for a whole one, and passes over what follows a frame
  // in the same write: another frame, or anything.
  const frames = coding === "zstd" ? new ZstdFrames() : undefined;
  let taken = 0;
  let given = 0;
  let failure: unknown;

  /** Resolves when the stream takes more, or nothing any more. */
  function drained(): Promise<void> {
    return new Promise((resolve) => {
      const settle = () => {
        stream.off("drain", settle);
        stream.off("close", settle);
        resolve();
      };
      stream.on("drain", settle);
      stream.on("close", settle);
    });
  }

  /** Hands bytes over as they are taken. */
  async function feed(): Promise<void> {
    try {
      for (let bytes; (bytes = await coded.read()) !== undefined;) {
        taken += bytes.length;
        for (const part of frames?.pass(bytes) ?? [bytes]) {
          if (stream.destroyed) return;
          // A copy: the stream keeps them for longer than until the next read.
          if (!stream.write(Buffer.from(part))) await drained();
        }
      }
      frames?.end();
      stream.end();
    } catch (error) {
      failure = error;
      stream.destroy();
    }
  }
  const explained = (error: unknown) =>
    error instanceof UploadError
      ? error
      : new UploadError(`its ${coding} is broken or cut off`, { cause: error });
  const chunks: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]();
  let feeding: Promise<void> | undefined;
  return {
    async read() {
      feeding ??= feed();
      let next: IteratorResult<Uint8Array>;
      try {
        next = await chunks.next();
      } catch (cause) {
        throw explained(failure ?? cause);
      }
      if (failure !== undefined) throw explained(failure);
      if (next.done) return undefined;
      given += next.value.length;
      if (given > FREE_BYTES && given > MAX_RATIO * taken) {
        throw new UploadError(`it inflates to more than ${MAX_RATIO} times its size`);
      }
      return next.value;
    },
    async close() {
      stream.destroy();
      await feeding;
      await coded.close();
    },
  };
}
