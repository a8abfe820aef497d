/** Turns rows that are text into a stream of CSV that reads them only as it is read. */

import type { TextBatch, TextRows } from "../../table/table.ts";
import type { CsvTextWriter } from "./text_rows.ts";

/** Bytes gathered in a chunk, as in `text_stream.ts`. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Writes rows, as `textStream` does with those that are cells: nothing is read before the result is
 * pulled, the head leaves with the first batch, a cancel reaches the batches at once, and an error of
 * theirs is the result's error.
 *
 * @param begin makes the writer, with the head in it, which the first batch may decide
 */
export function csvTextStream(
  rows: TextRows,
  begin: (first: TextBatch | undefined) => CsvTextWriter,
): ReadableStream<Uint8Array> {
  const reader = rows.batches.getReader();
  let writer: CsvTextWriter | undefined;
  let first = true;
  let cancelled = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        do {
          const { done, value } = await reader.read();
          if (cancelled) return;
          writer ??= begin(value);
          if (done) {
            if (writer.bytes > 0) controller.enqueue(writer.take());
            return controller.close();
          }
          writer.add(value);
        } while (!first && writer.bytes < CHUNK_BYTES);
        first = false;
        controller.enqueue(writer.take());
      } catch (error) {
        // A row that cannot be written must not leave its query open; where the batches failed, there
        // is nothing to cancel.
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
