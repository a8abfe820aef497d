/** Keeps the rows that a server sent and nobody took yet: those of one read, and part of a batch. */

import { createRowReader, createTextReader } from "./postgres_types.ts";
import type { RowSink, WireColumn } from "./postgres_wire.ts";
import type { Batch, ColumnType, Row, TextBatch, TextRows } from "./table.ts";

/** Rows that wait. */
export interface RowQueue<T> extends RowSink {
  /** The columns, once the server has told them. */
  readonly described: readonly WireColumn[] | undefined;
  /** How many rows wait. */
  readonly length: number;
  /** Takes rows; there must be one. */
  take(count: number): T;
}

/** The types that an export declares, by column name. */
type Types = Readonly<Record<string, ColumnType>>;

function declaredTypes(columns: readonly WireColumn[], types: Types) {
  return columns.map(({ name }) => Object.hasOwn(types, name) ? types[name] : undefined);
}

/** Where the cells of a row begin: behind their number, of two bytes. */
const CELLS = 2;

/** Rows as cells. */
export class CellQueue implements RowQueue<Batch> {
  described: readonly WireColumn[] | undefined;

  readonly #types: Types;
  #readRow: ReturnType<typeof createRowReader> | undefined;
  readonly #rows: Row[] = [];
  #bytes: Buffer | undefined;
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

  row(bytes: Buffer, start: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#text = bytes.toString("latin1");
    }
    this.#rows.push(this.#readRow!(bytes, this.#text, start + CELLS));
  }

  take(count: number): Batch {
    // Taken out at once: the queue is seldom empty, and what it kept until then was 60 MB.
    const batch = this.#rows.splice(0, count);
    if (this.#rows.length === 0) {
      this.#bytes = undefined;
      this.#text = "";
    }
    return batch;
  }
}

/** Bounds that there is room for at first: those of a read of 64 KiB. */
const BOUNDS = 8192;

/** Rows as text, in the pieces that they came in. */
export class TextQueue implements RowQueue<TextBatch> {
  described: readonly WireColumn[] | undefined;
  length = 0;

  readonly #types: Types;
  readonly #whole: TextBatch[] = [];
  #bytes: Buffer | undefined;
  #bounds = new Int32Array(BOUNDS);
  #filled = 0;
  #rows = 0;

  /** Makes an empty one, for an export that declares these types. */
  constructor(types: Types) {
    this.#types = types;
  }

  columns(columns: readonly WireColumn[]): void {
    this.described = columns;
  }

  /** How to read the text; the columns must have been told. */
  reading(): Omit<TextRows, "batches"> {
    const columns = this.described!;
    const oids = columns.map(({ oid }) => oid);
    return createTextReader(oids, declaredTypes(columns, this.#types));
  }

  row(bytes: Buffer, start: number): void {
    if (bytes !== this.#bytes) {
      this.#cut();
      this.#bytes = bytes;
    }
    const width = this.described!.length;
    if (this.#filled + 2 * width > this.#bounds.length) this.#grow(2 * width);
    const bounds = this.#bounds;
    let filled = this.#filled;
    let at = start + CELLS;
    for (let index = 0; index < width; index++) {
      const length = bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
      at += 4;
      bounds[filled++] = length < 0 ? -1 : at;
      if (length > 0) at += length;
      bounds[filled++] = at;
    }
    this.#filled = filled;
    this.#rows++;
    this.length++;
  }

  take(): TextBatch {
    if (this.#whole.length === 0) this.#cut();
    const batch = this.#whole.shift()!;
    this.length -= batch.length;
    return batch;
  }

  /** Makes a batch of what came in one piece. */
  #cut(): void {
    if (this.#rows === 0) return;
    const bounds = this.#bounds.slice(0, this.#filled);
    this.#whole.push({ bytes: this.#bytes!, bounds, length: this.#rows });
    this.#bytes = undefined;
    this.#filled = 0;
    this.#rows = 0;
  }

  #grow(more: number): void {
    const larger = new Int32Array(2 * (this.#bounds.length + more));
    larger.set(this.#bounds);
    this.#bounds = larger;
  }
}
