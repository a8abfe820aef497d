/** A stream of another's values, each made into something: the one wrapper around a reader. */

/**
 * Reads a value only when the result is read. Cancelling reaches the reader at once, even while a read of it is
 * pending: that is how a source that stalls is released. Its error is the result's.
 *
 * Unlike `pipeThrough(new TransformStream())` it holds no value of its own, and a value crosses one queue less.
 *
 * @param first a value that was read before, and comes first
 */
export function mapStream<T, R>(
  reader: Pick<ReadableStreamDefaultReader<T>, "read" | "cancel">,
  map: (value: T) => R,
  first?: T,
): ReadableStream<R> {
  let pending = first;
  return new ReadableStream<R>({
    async pull(controller) {
      const value = pending ?? (await reader.read()).value;
      pending = undefined;
      if (value === undefined) controller.close();
      else controller.enqueue(map(value));
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
