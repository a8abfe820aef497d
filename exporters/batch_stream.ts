/** Turns batches into a byte stream that reads them only as it is read. */

/** Bytes of text gathered in a chunk: few chunks (each costs 10 µs), and little memory for many exports. */
export const CHUNK_BYTES = 64 * 1024;

/** Reads the next batch; undefined after the last. */
export type Read<B> = () => Promise<B | undefined>;

/**
 * Makes a stream of the chunks that a generator writes of batches. Nothing is read before the result is
 * pulled. Cancelling reaches the batches at once, even while a read of them is pending; an error of
 * theirs is the result's error.
 */
export function batchStream<B>(
  batches: ReadableStream<B>,
  write: (read: Read<B>) => AsyncGenerator<Uint8Array, void, void>,
): ReadableStream<Uint8Array> {
  const reader = batches.getReader();
  const chunks = write(async () => (await reader.read()).value);
  let cancelled = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await chunks.next();
        if (cancelled) return;
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        // A row that cannot be written must not leave its query open. Not awaited: the reader of
        // the result learns of the error now. Where the batches failed, there is nothing to cancel.
        reader.cancel(error).catch(() => {});
        throw error;
      }
    },
    cancel(reason) {
      cancelled = true;
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
