/** What every source of rows offers: open a query, get its columns and its batches. */

import type { z } from "zod";
import type { Batch, ColumnType } from "./table.ts";

/** A value bound to a query's parameter, never spliced into its text. */
export type ParamValue = string | number | bigint | boolean | null;

/** What to ask a source for. */
export interface Query {
  /** The statement, in the source's own language. */
  readonly text: string;
  /** The values of its named parameters (`:name`), by name and without the colon. */
  readonly params: Readonly<Record<string, ParamValue>>;
}

/** A column as the source names it. */
export interface SourceColumn {
  /** The name in the result; may repeat. */
  readonly name: string;
  /** The type that the source declares; absent where it declares none (an SQLite expression). */
  readonly type?: ColumnType;
}

/** An open query. Cancelling `batches` closes everything that opening it opened. */
export interface RowStream {
  /** The columns of the result, in order. */
  readonly columns: readonly SourceColumn[];
  /** The rows, read from the source only as they are pulled. */
  readonly batches: ReadableStream<Batch>;
}

/** How to read an opened source. */
export interface ReadOptions {
  /** Rows in a batch. @default {@linkcode BATCH_ROWS} */
  readonly batchRows?: number;
  /** Types that the export declares, by column name: they win over the source's own. */
  readonly types?: Readonly<Record<string, ColumnType>>;
}

/** Rows in a batch: few enough that a cancel is seen within milliseconds, enough to forget the `await`. */
export const BATCH_ROWS = 256;

/** One kind of source: `sqlite`, `postgres`, … */
export interface SourceKind<Config> {
  /** Its settings in `spillway.yaml`, without the `type` key that names the kind. */
  readonly config: z.ZodType<Config>;
  /** The keys of its settings that are file paths, resolved against the configuration file's folder. */
  readonly paths: readonly (keyof Config & string)[];
  /**
   * Runs a query.
   *
   * @throws {SourceError} when the source cannot be opened or refuses the query
   */
  open(config: Config, query: Query, options?: ReadOptions): Promise<RowStream>;
}

/** A source that could not be opened, refused a query or broke while it was read. */
export class SourceError extends Error {
  /** Tells it from other errors in a log. */
  override readonly name = "SourceError";
}
