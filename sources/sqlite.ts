/** Reads rows from an SQLite database, which it cannot write to. */

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { z } from "zod";
import {
  BATCH_ROWS,
  type ParamValue,
  type Query,
  type ReadOptions,
  type RowStream,
  SourceError,
  type SourceKind,
} from "./source.ts";
import { columnType, createCellReader } from "./sqlite_cells.ts";
import { close, NOT_A_QUERY, readBatches } from "./sqlite_rows.ts";

const PATH = "the path of a database file";

/** The settings of an SQLite source. */
export interface SqliteConfig {
  /** The database file; it must exist. */
  readonly path: string;
}

const config = z.strictObject({ path: z.string({ error: PATH }).min(1, { error: PATH }) });

/** Milliseconds to wait for a writer that holds the whole database, as one does in rollback mode. */
const BUSY_TIMEOUT_MS = 5000;

/** The longest text that V8 holds; Deno 2.9.6 dies of a longer one. */
const MAX_CELL_BYTES = 2 ** 29 - 24;

/** The arguments that SQLite lets a function have (SQLITE_MAX_FUNCTION_ARG). */
const MAX_COLUMNS = 1000;

/**
 * SQLite, through `node:sqlite`.
 *
 * A query sees one snapshot, from when it is opened to its end; a database in WAL mode goes on taking
 * writes meanwhile, one in rollback mode does not. Integers, text and blobs are exact. Nothing
 * interrupts a statement: a sort that takes a minute holds its thread for a minute.
 */
export const sqlite: SourceKind<SqliteConfig> = {
  config,
  language: { query: "required" },
  paths: ["path"],
  blocking: "learn",
  open: (config, query, options = {}) => Promise.try(openQuery, config, query, options),
};

function openQuery(config: SqliteConfig, query: Query, options: ReadOptions): RowStream {
  options.signal?.throwIfAborted();
  const database = openDatabase(config.path);
  try {
    return startQuery(database, query, options);
  } catch (error) {
    close(database);
    if (error instanceof SourceError) throw error;
    throw new SourceError(`Cannot run the query: ${reasonOf(error)}`, { cause: error });
  }
}

function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync;
  try {
    // Read-only is also what keeps a file that is missing from being made.
    database = new DatabaseSync(path, { readOnly: true });
  } catch (error) {
    // SQLite's message holds the path; the cause keeps it for the log.
    throw new SourceError("Cannot open source: the database file is missing or cannot be read", {
      cause: error,
    });
  }
  try {
    protect(database);
    // A read begins the snapshot, and finds out what is not a database at all.
    database.exec("begin; select 1 from sqlite_schema");
    return database;
  } catch (error) {
    close(database);
    throw new SourceError(`Cannot open source: ${reasonOf(error)}`, { cause: error });
  }
}

/**
 * Takes from a connection what an export does not need. There is no authorizer, as it would also be
 * asked about the statements that full-text and R-tree tables prepare for themselves.
 */
function protect(database: DatabaseSync): void {
  // Deno has these limits, its type declarations do not yet.
  const { limits } = database as DatabaseSync & { limits: { attach: number; length: number } };
  limits.attach = 0;
  limits.length = MAX_CELL_BYTES;
  // https://www.sqlite.org/security.html, 1.2: a schema must not call functions for its author.
  database.exec(
    `pragma query_only = on; pragma trusted_schema = off; pragma busy_timeout = ${BUSY_TIMEOUT_MS}`,
  );
}

function startQuery(database: DatabaseSync, query: Query, options: ReadOptions): RowStream {
  const { types = {}, batchRows = BATCH_ROWS } = options;
  const prepared = database.prepare(query.text);
  const described = prepared.columns();
  if (described.length === 0) throw new SourceError(NOT_A_QUERY);
  if (described.length > MAX_COLUMNS) {
    throw new SourceError(
      `Cannot run the query: it gives ${described.length} columns, and ${MAX_COLUMNS} can be read`,
    );
  }
  const text = onlyStatement(query.text, prepared.sourceSQL);
  const columns = described.map(({ name, type: declared }) => {
    const type = columnType(declared);
    return type === undefined ? { name } : { name, type };
  });
  const readCells = createCellReader(
    columns.map(({ name, type }) => Object.hasOwn(types, name) ? types[name] : type),
  );
  const params: Record<string, SQLInputValue> = Object.create(null);
  for (const [name, value] of Object.entries(query.params)) params[`:${name}`] = bindable(value);
  return {
    columns,
    batches: readBatches(database, { text, width: columns.length, params, readCells, batchRows }),
  };
}

/** What may follow a statement: white space, semicolons, comments. */
const NOTHING_MORE = /^(?:[\s;]|--[^\n]*|\/\*[^]*?(?:\*\/|$))*$/;

/** The text of the one statement, without its semicolon; SQLite would ignore a second one. */
function onlyStatement(text: string, first: string): string {
  if (NOTHING_MORE.test(text.slice(first.length))) return first.replace(/;$/, "");
  throw new SourceError("Cannot run the query: a second statement follows the first");
}

/** The value as SQLite has it: whole numbers as INTEGER, so that `'page ' || :n` has no `.0`. */
function bindable(value: ParamValue): SQLInputValue {
  if (typeof value === "object" && value !== null) {
    throw new SourceError("Cannot run the query: a list is no param of SQLite");
  }
  if (typeof value === "boolean") return value ? 1n : 0n;
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
