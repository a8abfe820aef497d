/** Keeps the rows that a server sent and no reader took yet: those of one read, and part of a batch. */

import { isUtc, moveToUtc, SLACK_BYTES } from "./instants.ts";
import { createRowReader, createTextReader, TIMESTAMPTZ } from "./types.ts";
import type { RowSink, WireColumn } from "./wire.ts";
import { declaredTypes } from "../declared_types.ts";
import type { Batch, ColumnType, Row, TextBatch, TextRows } from "../../table/table.ts";

/** Rows that wait. */
export interface RowQueue<T> extends RowSink {
  /** The columns, once the server has told them. */
  readonly described: readonly WireColumn[] | undefined;
  /** How many rows wait. */
  readonly length: number;
  /** Bytes of the pieces that they came in. */
  readonly bytes: number;
  /** Takes rows; there must be one. */
  take(count: number): T;
}

/** The types that an export declares, by column name. */
type Types = Readonly<Record<string, ColumnType>>;

/** Where the cells of a row begin: behind their number, of two bytes. */
const CELLS = 2;

const NO_BYTES = Buffer.alloc(0);

/** Rows as cells. */
export class CellQueue implements RowQueue<Batch> {
  described: readonly WireColumn[] | undefined;

  readonly #types: Types;
  #readRow: ReturnType<typeof createRowReader> | undefined;
  readonly #rows: Row[] = [];
  bytes = 0;
  #piece: Buffer = NO_BYTES;
  #text = "";

  /** Makes an empty one, for an export that declares these types. */
  constructor(types: Types) {
    this.#types = types;
  }

  get length(): number {
    return this.#rows.length;
  }

  columns(columns: readonly WireColumn[]): void {
    this.described = columns;
    const oids = columns.map(({ oid }) => oid);
    this.#readRow = createRowReader(oids, declaredTypes(columns, this.#types));
  }

  piece(bytes: Buffer): void {
    this.bytes += bytes.length;
    this.#piece = bytes;
    this.#text = bytes.toString("latin1");
  }

  row(start: number): void {
    this.#rows.push(this.#readRow!(this.#piece, this.#text, start + CELLS));
  }

  take(count: number): Batch {
    // Taken out at once: the queue is seldom empty, and what it kept until then was 60 MB.
    const batch = this.#rows.splice(0, count);
    if (this.#rows.length === 0) {
      this.bytes = 0;
      this.#piece = NO_BYTES;
      this.#text = "";
    }
    return batch;
  }
}

/**
 * Bytes and bounds that there is room for at first, which ten rows fit into: to make room for a read each time
 * was a fifth of what they took.
 */
const FIRST_BYTES = 8 * 1024;
const FIRST_BOUNDS = 512;

/** Bytes that there is room for beyond that: those of a read, and what was left before it. */
const PIECE_BYTES = 128 * 1024;

/** Bytes of a piece whose room is kept for others, and pieces that are: one is read, one is filled. */
const MAX_BYTES = 1024 * 1024;
const MAX_SPARE = 2;

/** Rows that came in one piece. */
class Piece {
  bytes = new Uint8Array(FIRST_BYTES);
  bounds = new Int32Array(FIRST_BOUNDS);
  filled = 0;
  rows = 0;
  /** How many bytes came. */
  length = 0;

  /** Begins anew with a copy of these bytes. */
  begin(bytes: Uint8Array): void {
    const needed = bytes.length + SLACK_BYTES;
    if (needed > this.bytes.length) this.bytes = new Uint8Array(Math.max(needed, PIECE_BYTES));
    this.bytes.set(bytes);
    this.length = bytes.length;
    this.filled = 0;
    this.rows = 0;
  }

  /** Makes room for more bounds. */
  makeRoom(more: number): void {
    if (this.filled + more <= this.bounds.length) return;
    const larger = new Int32Array(2 * (this.bounds.length + more));
    larger.set(this.bounds);
    this.bounds = larger;
  }
}

function moveInstant(bytes: Uint8Array, bounds: Int32Array, at: number): void {
  const start = bounds[at]!;
  const end = bounds[at + 1]!;
  if (start >= 0 && !isUtc(bytes, end)) bounds[at + 1] = moveToUtc(bytes, start, end);
}

/**
 * Rows as text, in the pieces that they came in. A piece is used again once the batch after it is
 * taken: to make a buffer for each read cost a tenth of the time of CSV.
 */
export class TextQueue implements RowQueue<TextBatch> {
  described: readonly WireColumn[] | undefined;
  length = 0;
  bytes = 0;

  readonly #types: Types;
  readonly #waiting: Piece[] = [];
  readonly #spare: Piece[] = [];
  /** Where the bounds of moments are among those of a row, which the session's zone is taken out of. */
  #instants: readonly number[] = [];
  #taken: Piece | undefined;

  /** Makes an empty one, for an export that declares these types. */
  constructor(types: Types) {
    this.#types = types;
  }

  columns(columns: readonly WireColumn[]): void {
    this.described = columns;
    this.#instants = columns.flatMap(({ oid }, index) => oid === TIMESTAMPTZ ? [2 * index] : []);
  }

  /** How to read the text; the columns must have been told. */
  reading(): Omit<TextRows, "batches"> {
    const columns = this.described!;
    const oids = columns.map(({ oid }) => oid);
    return createTextReader(oids, declaredTypes(columns, this.#types));
  }

  piece(bytes: Buffer): void {
    // The last one may have had no whole row.
    const last = this.#waiting.at(-1);
    const piece = last?.rows === 0 ? last : this.#spare.pop() ?? new Piece();
    if (piece !== last) this.#waiting.push(piece);
    else this.bytes -= piece.length;
    piece.begin(bytes);
    this.bytes += piece.length;
  }

  row(start: number): void {
    const piece = this.#waiting.at(-1)!;
    const width = this.described!.length;
    piece.makeRoom(2 * width);
    const { bytes, bounds } = piece;
    let { filled } = piece;
    let at = start + CELLS;
    for (let index = 0; index < width; index++) {
      const length = bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
      at += 4;
      bounds[filled++] = length < 0 ? -1 : at;
      if (length > 0) at += length;
      bounds[filled++] = at;
    }
    for (const index of this.#instants) moveInstant(bytes, bounds, piece.filled + index);
    piece.filled = filled;
    piece.rows++;
    this.length++;
  }

  take(): TextBatch {
    const done = this.#taken;
    if (done && done.bytes.length <= MAX_BYTES && this.#spare.length < MAX_SPARE) {
      this.#spare.push(done);
    }
    const { bytes, bounds, rows, length } = this.#taken = this.#waiting.shift()!;
    this.length -= rows;
    this.bytes -= length;
    return { bytes, bounds, length: rows };
  }
}
