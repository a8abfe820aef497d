/** Turns the strings of a text format into a byte stream that reads its table only as it is read. */

import type { Batch, Column, Row, Table } from "../table/table.ts";
import { createUtf8Chunk } from "./utf8_chunk.ts";
import type { Warnings } from "./warnings.ts";

/** A text format for one table: plain strings and one pure function, built once. */
export interface TextFormat {
  /** What comes before the first row, which those of the first batch may decide. */
  readonly head: string | ((rows: readonly Row[]) => string);
  /** Writes one row. */
  row(row: Row): string;
  /** What comes between two rows. @default "" */
  readonly between?: string;
  /** What comes after the last row; never written when the batches fail. */
  readonly tail: string;
}

/** Bytes gathered in a chunk: few chunks (each costs 10 µs), and little memory for many exports. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Writes a table as UTF-8. Nothing is read before the result is pulled, and the head leaves with
 * the first batch, before the second is read. Cancelling reaches the batches at once, even while a
 * read of them is pending; an error of theirs is the result's error.
 *
 * This encodes inside `pull` and not through a `TextEncoderStream`: `pipeThrough` reads one chunk
 * before anybody reads the result, and so would run a query that nobody asked for.
 *
 * @param warnings counts the cells whose lone surrogates the encoder writes as U+FFFD
 */
export function textStream(
  table: Table,
  format: TextFormat,
  warnings: Warnings,
): ReadableStream<Uint8Array> {
  const { head, between = "", tail } = format;
  const reader = table.batches.getReader();
  const chunk = createUtf8Chunk(CHUNK_BYTES);
  let batch: Batch = [];
  let next = 0;
  let batches = 0;
  let separator = "";
  let cancelled = false;
  /** The batches that the chunk holds rows of, the first of them from its row `from` on. */
  let gathered: Batch[] = [];
  let from = 0;

  /** Gathers rows of the batch, until there is enough for a chunk; tells whether there is. */
  function gather(): boolean {
    while (next < batch.length) {
      chunk.add(separator + format.row(batch[next++]!));
      separator = between;
      if (chunk.bytes >= CHUNK_BYTES) return true;
    }
    return batches === 1 && !chunk.empty;
  }

  function take(): Uint8Array {
    const { bytes, malformed } = chunk.take();
    if (malformed) {
      const last = gathered.length - 1;
      gathered.forEach((rows, index) =>
        countLoneSurrogates(
          rows.slice(index === 0 ? from : 0, index === last ? next : rows.length),
          table.columns,
          warnings,
        )
      );
    }
    gathered = [batch];
    from = next;
    return bytes;
  }

  function begin(rows: readonly Row[]): void {
    if (batches === 0) chunk.add(typeof head === "string" ? head : head(rows));
  }

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        while (!gather()) {
          warnings.textSuspected ||= chunk.suspected;
          const { done, value } = await reader.read();
          if (cancelled) return;
          begin(value ?? []);
          if (done) {
            chunk.add(tail);
            if (!chunk.empty) controller.enqueue(take());
            return controller.close();
          }
          batch = value;
          next = 0;
          batches++;
          gathered.push(batch);
        }
        controller.enqueue(take());
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

/** Counts what the text no longer knows: how many cells it was, and of which columns. */
function countLoneSurrogates(rows: Batch, columns: readonly Column[], warnings: Warnings): void {
  for (const row of rows) {
    for (const [index, { name }] of columns.entries()) {
      const cell = row[index];
      if (typeof cell === "string" && !cell.isWellFormed()) warnings.count("lone-surrogate", name);
    }
  }
}
