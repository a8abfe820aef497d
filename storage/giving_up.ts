/** Gives up a reader that takes nothing more, so that what it reads is freed. */

import { StallError } from "./spill_buffer.ts";

/**
 * The same bytes, to a reader that may pause for so long. After that the stream errors with a
 * {@linkcode StallError}, and what it reads from is cancelled. A client of HTTP/2 can keep a stream open
 * and take nothing of it while its socket is as busy as any.
 *
 * @param timeout milliseconds between two reads
 */
export function givingUp<Chunk>(
  source: ReadableStream<Chunk>,
  timeout: number,
): ReadableStream<Chunk> {
  const reader = source.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  return new ReadableStream<Chunk>({
    async pull(controller) {
      clearTimeout(timer);
      const { done, value } = await reader.read();
      if (done) return controller.close();
      controller.enqueue(value);
      timer = setTimeout(() => {
        const error = new StallError(`The reader took nothing for ${timeout} ms`);
        controller.error(error);
        reader.cancel(error).catch(() => {});
      }, timeout);
    },
    cancel(reason) {
      clearTimeout(timer);
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
