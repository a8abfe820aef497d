/** Turns a function that writes into a byte stream that reads batches only as it is read. */

import type { Batch } from "../../table/table.ts";
import type { Read } from "../batch_stream.ts";

/**
 * Makes a stream of what a function writes. Nothing is read before the result is pulled, cancelling
 * it cancels all the batches at once, and an error of theirs is the result's error.
 *
 * zip.js writes when it has something, and its streams read ahead of that. So the batches and zip.js
 * alike wait until a chunk is wanted: from a pull to the chunk that answers it. Otherwise a block of
 * sheet XML, 0.5 MiB, would be read ahead of a reader that stops, and one for each that a thread has.
 *
 * @param batches of each table
 * @param write writes all; what it reads, it reads with the functions that it is given, one a table
 */
export function chunkStream(
  batches: readonly ReadableStream<Batch>[],
  write: (reads: readonly Read<Batch>[], output: WritableStream<Uint8Array>) => Promise<void>,
): ReadableStream<Uint8Array> {
  const readers = batches.map((stream) => stream.getReader());
  /** Resolved while a chunk is wanted, and for good once the stream is cancelled or failed. */
  let wanted = Promise.withResolvers<void>();
  let begun = false;
  let cancelled = false;

  async function cancelAll(reason: unknown): Promise<void> {
    await Promise.all(readers.map((reader) => reader.cancel(reason)));
  }

  async function run(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const output = new WritableStream<Uint8Array>({
      write(chunk) {
        if (cancelled) throw new Error("Cannot write to a stream that is cancelled");
        wanted = Promise.withResolvers();
        // Copied: the buffer of a header is not the chunk's own.
        controller.enqueue(chunk.slice());
        return wanted.promise;
      },
    });
    const reads = readers.map((reader) => async () => {
      await wanted.promise;
      try {
        return (await reader.read()).value;
      } catch (error) {
        // Now, and not by way of zip.js, which writes properties of its own on an error.
        controller.error(error);
        throw new Error("Cannot read the batches", { cause: error });
      }
    });
    try {
      await write(reads, output);
      controller.close();
    } catch (error) {
      // Neither does anything after a cancel or after an error of the batches. A row that cannot be
      // written must not leave its query open; not awaited, so that the error is known now.
      controller.error(error);
      cancelAll(error).catch(() => {});
      wanted.resolve();
    }
  }

  return new ReadableStream<Uint8Array>({
    pull(controller) {
      wanted.resolve();
      if (!begun) void run(controller);
      begun = true;
    },
    cancel(reason) {
      cancelled = true;
      wanted.resolve();
      return cancelAll(reason);
    },
  }, { highWaterMark: 0 });
}
