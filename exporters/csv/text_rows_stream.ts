/** Turns rows that are text into a stream of CSV. */

import type { TextBatch, TextRows } from "../../table/table.ts";
import { batchStream, CHUNK_BYTES } from "../batch_stream.ts";
import type { CsvTextWriter } from "./text_rows.ts";

/**
 * Writes rows, as `textStream` does with those that are cells: the head leaves with the first batch.
 *
 * @param begin makes the writer, with the head in it, which the first batch may decide
 */
export function csvTextStream(
  rows: TextRows,
  begin: (first: TextBatch | undefined) => CsvTextWriter,
): ReadableStream<Uint8Array> {
  return batchStream(rows.batches, async function* (read) {
    let batch = await read();
    const writer = begin(batch);
    for (let first = true; batch; first = false) {
      writer.add(batch);
      if (first || writer.bytes >= CHUNK_BYTES) yield writer.take();
      batch = await read();
    }
    if (writer.bytes > 0) yield writer.take();
  });
}
