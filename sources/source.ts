/** What every source of rows offers to a worker: open a query, get its columns and its batches. */

import type { Note } from "./notes.ts";
import type { Batch, ColumnType, TextRows } from "../table/table.ts";

/** A single value of a param; dates are text. */
export type ParamItem = string | number | bigint | boolean;

/** A value bound to a query's parameter, never spliced into its text. A list may be empty. */
export type ParamValue = ParamItem | null | readonly ParamItem[];

/** The type of a single value; a datetime is `YYYY-MM-DD HH:MM:SS[.f…]` in UTC. */
export type ParamItemType =
  | "string"
  | "integer"
  | "number"
  | "boolean"
  | "date"
  | "datetime"
  | "enum";

/** The type of a param: of one value, or of a list of them. */
export type ParamType = ParamItemType | `${ParamItemType}[]`;

/** What to ask a source for. */
export interface Query {
  /** The statement, in the source's own language; empty where the export has none. */
  readonly text: string;
  /** The values of its named parameters (`:name`), by name and without the colon. */
  readonly params: Readonly<Record<string, ParamValue>>;
  /** The types that the export declares for them. @default the values' own */
  readonly types?: Readonly<Record<string, ParamType>>;
}

/** A column as the source names it. */
export interface SourceColumn {
  /** The name in the result; may repeat. */
  readonly name: string;
  /** The type that the source declares; absent where it declares none (an SQLite expression). */
  readonly type?: ColumnType;
  /**
   * Whether the source holds every cell to that type, as PostgreSQL does and SQLite does not.
   * @default false
   */
  readonly strict?: boolean;
}

/** An open query. Cancelling `batches` closes everything that opening it opened. */
export interface RowStream {
  /** The columns of the result, in order. */
  readonly columns: readonly SourceColumn[];
  /** The rows, read from the source only as they are pulled. */
  readonly batches: ReadableStream<Batch>;
  /**
   * The same rows as text, to be read or cancelled instead; every column has a type then. Absent where
   * the caller did not ask for it, or the source has no text.
   */
  readonly text?: TextRows;
  /**
   * Whether reading may hold the thread for long, or has: nothing else in the process is heard meanwhile.
   * Asked before the first batch is read, and when all are. @default false
   */
  readonly mayBlock?: boolean;
}

/** Text that was not valid where it was stored, and came with U+FFFD in place of what is no text. */
export interface InvalidText {
  /**
   * Whether U+FFFD was seen in rows that were given so far. It is free to see for who writes them, so that
   * the source looks at the first {@linkcode SUSPECTED_ROWS} alone.
   */
  readonly suspected: boolean;
  /** Called with each cell, by its column's name, when all rows are read. */
  count(column: string): void;
}

/** The rows that a source looks at itself: who writes them may ask for more before he has seen these. */
export const SUSPECTED_ROWS = 256;

/** How to read an opened source. */
export interface ReadOptions {
  /** Rows in a batch. @default {@linkcode BATCH_ROWS} */
  readonly batchRows?: number;
  /**
   * Types that the export declares, by column name, where a source reads for them what is lost
   * otherwise (the zeros of a number, the moment of an integer); `to_table.ts` makes the cells theirs.
   */
  readonly types?: Readonly<Record<string, ColumnType>>;
  /** Whether the rows are welcome as text. @default false */
  readonly text?: boolean;
  /**
   * Whether what was opened may be kept for some seconds, for the next query of the same source: in a
   * process that stays. @default false
   */
  readonly keep?: boolean;
  /** Where text that was not valid is counted, by a source that can hold such. @default nowhere */
  readonly invalidText?: InvalidText;
  /** Counts what a file had that is not in its rows, or not as it was. @default nothing is counted */
  readonly note?: Note;
  /** The run's id, by which the source knows in its own lists whom it works for. */
  readonly run?: string;
  /** The trace that the run belongs to, which a source that speaks HTTP passes on. @default none */
  readonly traceparent?: string | undefined;
  /**
   * Aborted when the caller no longer wants the rows, while the source is still being opened; an open
   * stream is cancelled instead. What was asked of the source is taken back there too.
   */
  readonly signal?: AbortSignal;
}

/** Rows in a batch: few enough that a cancel is seen within milliseconds, enough to forget the `await`. */
export const BATCH_ROWS = 256;

/**
 * Milliseconds after which a batch is given as it is: rows that come slowly are not kept back, so
 * that the first byte follows the first row and a run shows progress.
 */
export const BATCH_MS = 50;

/** What reads rows from one kind of source, in a worker. */
export interface SourceDriver<Config> {
  /**
   * Runs a query. It settles once the query runs and its columns are known.
   *
   * @throws {SourceError} when the source cannot be opened or refuses the query
   */
  open(config: Config, query: Query, options?: ReadOptions): Promise<RowStream>;
  /**
   * Says which columns a query gives, and reads no row: it is prepared, with the rights that it needs. Its
   * params have values as in {@linkcode open}, usually null, and their types. Without a query, the source is
   * opened and closed again.
   *
   * @default nothing is known of a source before it is read
   * @returns the columns; nothing where only its rows tell them
   * @throws {SourceError} as {@linkcode open} does
   */
  describe?(
    config: Config,
    query: Query | undefined,
    options?: Pick<ReadOptions, "signal">,
  ): Promise<readonly SourceColumn[] | undefined>;
}

/** How a {@linkcode SourceError} came to be. */
export interface SourceErrorOptions extends ErrorOptions {
  /**
   * Whether the connection failed and not the query, so that the same query may well succeed a moment
   * later. @default false
   */
  readonly connection?: boolean;
  /**
   * The params whose values the source refused before the first row, by name; where it does not say which
   * one it was, all that it may have been. @default none
   */
  readonly params?: readonly string[];
}

/** A source that could not be opened, refused a query or broke while it was read. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  /** Whether the connection failed, and not the query. */
  readonly connection: boolean;
  /** The params whose values were refused: then the caller is wrong, and not the source. */
  readonly params: readonly string[];

  /** Says what could not be done; the cause is for the log. */
  constructor(
    message: string,
    { connection = false, params = [], ...options }: SourceErrorOptions = {},
  ) {
    super(message, options);
    this.connection = connection;
    this.params = params;
  }
}
