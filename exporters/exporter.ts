/** What every exporter offers: a table in, a byte stream out. */

import type { Table } from "../table/table.ts";
import type { Warnings } from "./warnings.ts";

/** Cores that have nothing to do, which an exporter may use besides the one that it runs on. */
export interface IdleCores {
  /** How many there are now; asked again and again, as other exports come and go. */
  readonly idle: number;
  /**
   * Whether a thread that was started may stay for the next file, in a process that is ended and does
   * not wait for its threads. @default false
   */
  readonly keepThreads?: boolean;
}

/**
 * What writes one format.
 *
 * @typeParam Options what it understands, as its format makes them; `never` to who knows no format
 */
export interface Exporter<Options = never> {
  /** Whether it reads a table's {@linkcode Table.text}. @default false */
  readonly readsText?: boolean;
  /**
   * Writes a table. Nothing is read before the result is pulled; the first chunk is ready as soon as
   * the first batch is, and cancelling the result cancels the table's batches.
   *
   * @param warnings counts what the format could not hold as it was
   * @throws {TableError} at once, when the format cannot hold such a table
   */
  encode(
    table: Table,
    options: Options,
    warnings: Warnings,
    cores?: IdleCores,
  ): ReadableStream<Uint8Array>;
  /**
   * Writes several tables as one file, one after the other; absent where a file holds one table.
   *
   * @throws {TableError} at once, when the format cannot hold one of them
   */
  encodeAll?(
    tables: readonly Table[],
    options: Options,
    warnings: Warnings,
    cores?: IdleCores,
  ): ReadableStream<Uint8Array>;
}

/** A table that a format cannot hold: too many columns for a worksheet. */
export class TableError extends Error {
  override readonly name = "TableError";
}
