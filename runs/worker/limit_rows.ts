/** Ends a table, or fails it, where it has more rows than it may. */

import type { Batch, TextBatch } from "../../table/table.ts";

/** How many rows a table may have, and what becomes of it where it has more. */
export interface RowLimit {
  /** Rows that it may have. */
  readonly maxRows: number;
  /** Called when there is a row more: the table ends, or errors with what this gives. */
  readonly onMore: () => Error | undefined;
}

/** Passes batches on, the last one shortened; the source is released where there is a row too many. */
export function limitRows<T extends Batch | TextBatch>(
  batches: ReadableStream<T>,
  { maxRows, onMore }: RowLimit,
): ReadableStream<T> {
  const reader = batches.getReader();
  let left = maxRows;
  return new ReadableStream<T>({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      if (value.length <= left) {
        left -= value.length;
        return controller.enqueue(value);
      }
      const error = onMore();
      if (error === undefined && left > 0) controller.enqueue(firstRows(value, left));
      await reader.cancel(error);
      if (error) controller.error(error);
      else controller.close();
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

function firstRows<T extends Batch | TextBatch>(batch: T, length: number): T {
  return ("bounds" in batch ? { ...batch, length } : batch.slice(0, length)) as T;
}
