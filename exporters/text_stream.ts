/** Turns the strings of a text format into a byte stream that reads its table only as it is read. */

import type { Batch, Column, Row, Table } from "../table/table.ts";
import { batchStream, CHUNK_BYTES, type Read } from "./batch_stream.ts";
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

/**
 * Writes a table as UTF-8; the head leaves with the first batch, before the second is read.
 *
 * This encodes inside `pull` and not through a `TextEncoderStream`: `pipeThrough` reads one chunk
 * before the result is read, and so would run a query that was not asked for.
 *
 * @param warnings counts the cells whose lone surrogates the encoder writes as U+FFFD
 */
export function textStream(
  table: Table,
  format: TextFormat,
  warnings: Warnings,
): ReadableStream<Uint8Array> {
  const { head, between = "", tail } = format;
  const chunk = createUtf8Chunk(CHUNK_BYTES);
  /** The batches that the chunk holds rows of, the first of them from its row `from` on. */
  let gathered: Batch[] = [];
  let from = 0;

  /** Takes the chunk, which ends before row `next` of the last batch gathered. */
  function take(next: number): Uint8Array {
    const { bytes, malformed } = chunk.take();
    const last = gathered.length - 1;
    if (malformed) {
      gathered.forEach((rows, index) =>
        countLoneSurrogates(
          rows.slice(index === 0 ? from : 0, index === last ? next : rows.length),
          table.columns,
          warnings,
        )
      );
    }
    gathered = gathered.slice(last);
    from = next;
    return bytes;
  }

  async function* write(read: Read<Batch>): AsyncGenerator<Uint8Array, void, void> {
    let batch = await read();
    chunk.add(typeof head === "string" ? head : head(batch ?? []));
    let separator = "";
    for (let first = true; batch; first = false) {
      gathered.push(batch);
      let next = 0;
      while (next < batch.length) {
        chunk.add(separator + format.row(batch[next++]!));
        separator = between;
        if (chunk.bytes >= CHUNK_BYTES) yield take(next);
      }
      if (first && !chunk.empty) yield take(next);
      warnings.textSuspected ||= chunk.suspected;
      batch = await read();
    }
    chunk.add(tail);
    if (!chunk.empty) yield take(gathered.at(-1)?.length ?? 0);
  }

  return batchStream(table.batches, write);
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
