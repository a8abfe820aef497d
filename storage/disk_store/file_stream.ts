/** A stretch of a file as a stream that is read only as it is pulled. */

import type { OpenFile } from "../disk/file_system.ts";

/** Bytes in a read: the size that chunks have everywhere. */
export const READ_BYTES = 256 * 1024;

/** Waits for a call to the file system; where it fails, with the error that its caller shall see. */
export type OnDisk = <Result>(call: Promise<Result>) => Promise<Result>;

/** What to stream. */
export interface FileStretch {
  /** The file, open; it is closed with the stream, so that its name can be removed meanwhile. */
  readonly file: OpenFile;
  /** Where to begin. */
  readonly offset: number;
  /** How many bytes are wanted: all of them or an error, so that no download only looks whole. */
  readonly bytes: number;
  /** Called once when the file is closed: at the end, on an error and on a cancel. */
  readonly release: () => void;
}

/** Streams a file that is open. Where it cannot be begun, the file is left open. */
export async function streamFile(
  { file, offset, bytes, release }: FileStretch,
  onDisk: OnDisk,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  if (offset > 0) await onDisk(file.seek(offset));
  let left = bytes;
  let cancelled = false;
  let reading: Promise<number | null> | undefined;
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    file.close();
    release();
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        if (left > 0) {
          const into = new Uint8Array(Math.min(left, READ_BYTES));
          reading = onDisk(file.read(into));
          const count = await reading;
          if (cancelled) return;
          if (!count) {
            throw new Error(`Cannot read a stored file to its end: ${left} bytes are gone`);
          }
          left -= count;
          controller.enqueue(count < into.length ? into.subarray(0, count) : into);
        }
        if (left === 0) {
          close();
          controller.close();
        }
      } catch (error) {
        close();
        throw error;
      }
    },
    async cancel() {
      cancelled = true;
      await reading?.catch(() => {}); // its descriptor lives until it is over, even where it is closed before
      close();
    },
  }, { highWaterMark: 0 });
}
