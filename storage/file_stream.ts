/** A stretch of a file as a stream that is read only as it is pulled. */

import type { OpenFile } from "./file_system.ts";

/** Bytes in a read: the size that chunks have everywhere. */
export const READ_BYTES = 256 * 1024;

/**
 * Streams the next `bytes` of a file, all of them or an error: a file that ends early does not become
 * a download that looks whole.
 *
 * @param release closes the file; called once, at the end, on an error or on a cancel
 */
export function streamFile(
  file: Pick<OpenFile, "read">,
  bytes: number,
  release: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = bytes;
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    release();
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        if (left > 0) {
          const into = new Uint8Array(Math.min(left, READ_BYTES));
          const count = await file.read(into);
          if (!open) return;
          if (count === null) {
            throw new Error(`Cannot read a stored file: ${left} bytes are missing`);
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
    cancel: close,
  }, { highWaterMark: 0 });
}
