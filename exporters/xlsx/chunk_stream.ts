/** Turns a function that writes into a byte stream that reads batches only as it is read. */

import type { Batch } from "../../table/table.ts";
import type { ReadBatch } from "./table_sheets.ts";

/**
 * Makes a stream of what a function writes. Nothing is read before the result is pulled, cancelling
 * it cancels all the batches at once, and an error of theirs is the result's error.
 *
 * zip.js writes when it has something, and its streams read ahead of that. So whoever waits for
 * bytes opens a gate and the chunk that comes closes it, for the batches as for zip.js. A block of
 * sheet XML, 0.5 MiB, is read ahead of a reader that stops, and one for each that another thread has;
 * all of it without the gate.
 *
 * @param batches of each table
 * @param write writes all; what it reads, it reads with the functions that it is given, one a table
 */
export function chunkStream(
  batches: readonly ReadableStream<Batch>[],
  write: (reads: readonly ReadBatch[], output: WritableStream<Uint8Array>) => Promise<void>,
): ReadableStream<Uint8Array> {
  const readers = batches.map((stream) => stream.getReader());
  let writing: Promise<void> | undefined;
  let gate = Promise.withResolvers<void>();

  async function cancelAll(reason: unknown): Promise<void> {
    await Promise.all(readers.map((reader) => reader.cancel(reason)));
  }

  async function run(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const output = new WritableStream<Uint8Array>({
      write(chunk) {
        gate = Promise.withResolvers();
        try {
          // Copied: the buffer of a header is not the chunk's own.
          controller.enqueue(chunk.slice());
        } catch (error) {
          // After a cancel. Whoever waits to read must learn that there is no more.
          gate.resolve();
          throw error;
        }
        return gate.promise;
      },
    });
    const reads = readers.map((reader) => async (): Promise<Batch | undefined> => {
      await gate.promise;
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
      gate.resolve();
    }
  }

  return new ReadableStream<Uint8Array>({
    pull(controller) {
      gate.resolve();
      writing ??= run(controller);
    },
    cancel(reason) {
      gate.resolve();
      return cancelAll(reason);
    },
  }, { highWaterMark: 0 });
}
