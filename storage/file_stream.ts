/** A stretch of a file as a stream that is read only as it is pulled. */

import type { FileSystem } from "./file_system.ts";

/** Bytes in a read: the size that chunks have everywhere. */
export const READ_BYTES = 256 * 1024;

/** Waits for a call to the file system; where it fails, with the error that its caller shall see. */
export type OnDisk = <Result>(call: Promise<Result>) => Promise<Result>;

/** What to stream. */
export interface FileStretch {
  /** The file. */
  readonly path: string;
  /** Where to begin. */
  readonly offset: number;
  /** How many bytes are wanted: all of them or an error, so that no download only looks whole. */
  readonly bytes: number;
  /** Called once when the file is closed: at the end, on an error and on a cancel. */
  readonly release: () => void;
}

/** Opens a file now, so that it can be removed while it is streamed. */
export async function openStream(
  files: FileSystem,
  { path, offset, bytes, release }: FileStretch,
  onDisk: OnDisk,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const file = await onDisk(files.open(path, { read: true }));
  try {
    if (offset > 0) await onDisk(file.seek(offset));
  } catch (error) {
    file.close();
    throw error;
  }

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
      await reading?.catch(() => {}); // its descriptor lives until it is over, whoever closes it
      close();
    },
  }, { highWaterMark: 0 });
}
