/** One connection to a database file, read-only and protected, which may serve one run after another. */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { SourceError } from "../source.ts";
import { type FileState, fileState, isSameFile, isUnchanged } from "./file.ts";
import { registerFunctions } from "./functions.ts";
import type { BoundQuery } from "./params.ts";
import { PreparedQuery } from "./query.ts";
import { messageOf } from "../../table/message_of.ts";
import type { ColumnType } from "../../table/table.ts";

/** The least limit of a value: SQLite reads the schema with it, too. */
const MIN_LENGTH = 1024 * 1024;

/** Queries that stay prepared: their text may hang on a param, as a list's length does. */
const MAX_QUERIES = 32;

/** What SQLite says where a writer holds the whole database, as one does in rollback mode (SQLITE_BUSY). */
const LOCKED = "database is locked";

/** How often opening is tried while another file takes the place of the database's. */
const OPENINGS = 3;

/** A database that a writer holds, for now. */
export class LockedError extends SourceError {}

/** A connection that is in a snapshot, or kept for the next one. */
export class Connection {
  /** The database. */
  readonly database: DatabaseSync;
  /** The path that it was opened by. */
  readonly path: string;
  /** The most bytes of a row. */
  readonly maxRow: number;
  /** How many snapshots it has begun. */
  snapshots = 0;
  readonly #schemaVersion: StatementSync;
  readonly #queries = new Map<string, PreparedQuery>();
  /** The schema and the file when the last snapshot began. */
  #schema: unknown;
  #file: FileState | undefined;

  private constructor(path: string, maxRow: number, database: DatabaseSync) {
    this.path = path;
    this.maxRow = maxRow;
    this.database = database;
    protect(database, maxRow);
    this.#schemaVersion = database.prepare("pragma schema_version");
    registerFunctions(database);
  }

  /**
   * Opens a database and begins a snapshot.
   *
   * @throws {LockedError} when a writer holds it
   * @throws {SourceError} when there is none, or none that can be read
   */
  static open(path: string, maxRow: number): Connection {
    for (let opening = 1;; opening++) {
      const before = fileState(path);
      const database = openDatabase(path);
      try {
        const connection = new Connection(path, maxRow, database);
        connection.begin();
        // Else another file came in between, and what is looked at is not what is read.
        if (isSameFile(before, connection.#file)) return connection;
        if (opening === OPENINGS) throw new Error("the file is replaced again and again");
        database.close();
      } catch (error) {
        close(database);
        const reason = messageOf(error);
        const Kind = reason === LOCKED ? LockedError : SourceError;
        throw new Kind(`Cannot open source: ${reason}`, { cause: error });
      }
    }
  }

  /**
   * Begins a snapshot; false where the file or its schema is another since the last one, and this of no more
   * use: what was proven of a query's program is not so of the one that SQLite would prepare instead.
   */
  begin(): boolean {
    this.snapshots++;
    this.database.exec("begin");
    // A snapshot begins with a read, which also finds out what is no database at all.
    const schema = this.#schemaVersion.get()!.schema_version;
    // `explain` does not look whether the schema that it knows is the snapshot's.
    if (this.#schema === undefined) this.database.exec("select 1 from sqlite_schema limit 1");
    const file = fileState(this.path);
    const same = this.#schema === undefined ||
      schema === this.#schema && isUnchanged(this.#file, file);
    this.#schema = schema;
    this.#file = file;
    return same;
  }

  /** Ends the snapshot. */
  end(): void {
    this.database.exec("commit");
  }

  /**
   * Whether a program wrote to the file since the snapshot began that does not know SQLite's locks. In
   * rollback mode no other could. In WAL mode a checkpoint may: it brings the file to the snapshot's
   * length and to no other, so that only what has another length is found out.
   */
  overwritten(): boolean {
    const [begun, now] = [this.#file, fileState(this.path)];
    if (!begun || !now || !isSameFile(begun, now) || isUnchanged(begun, now)) return false;
    if (pragma(this.database, "journal_mode") !== "wal") return true;
    const size = Number(pragma(this.database, "page_count")) *
      Number(pragma(this.database, "page_size"));
    return now.size < Math.min(begun.size, size) || now.size > Math.max(begun.size, size);
  }

  /**
   * Prepares a query, unless it is prepared already.
   *
   * @throws as the constructor of {@linkcode PreparedQuery} does
   */
  prepare(query: BoundQuery, types: Readonly<Record<string, ColumnType>>): PreparedQuery {
    const key = JSON.stringify([query.text, types]);
    const prepared = this.#queries.get(key) ?? new PreparedQuery(this.database, query, types);
    this.#queries.delete(key);
    this.#queries.set(key, prepared);
    const [oldest] = this.#queries.keys();
    if (this.#queries.size > MAX_QUERIES) this.#queries.delete(oldest!);
    return prepared;
  }

  /** Closes the connection, unless it is closed. */
  close(): void {
    close(this.database);
  }
}

function openDatabase(path: string): DatabaseSync {
  try {
    // Read-only is also what keeps a file that is missing from being made.
    return new DatabaseSync(path, { readOnly: true });
  } catch (error) {
    // SQLite's message holds the path; the cause keeps it for the log.
    throw new SourceError("Cannot open source: the database file is missing or cannot be read", {
      cause: error,
    });
  }
}

/**
 * Takes from a connection what an export does not need. There is no authorizer, as it would also be
 * asked about the statements that full-text and R-tree tables prepare for themselves.
 */
function protect(database: DatabaseSync, maxRow: number): void {
  // Deno has these limits, its type declarations do not yet.
  const { limits } = database as DatabaseSync & { limits: { attach: number; length: number } };
  limits.attach = 0;
  limits.length = Math.max(maxRow, MIN_LENGTH);
  // https://www.sqlite.org/security.html, 1.2: a schema must not call functions for its author. Who waits
  // for a lock is the opener: SQLite would hold the thread meanwhile, 5 s by default.
  database.exec(
    "pragma query_only = on; pragma trusted_schema = off; pragma busy_timeout = 0",
  );
}

function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`pragma ${name}`).get()!)[0];
}

function close(database: DatabaseSync): void {
  if (database.isOpen) database.close();
}
