/** The database of a ledger in SQLite, in the thread that it is used in; nothing of ours is imported by value. */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { SqlRow, Statement } from "./sql_driver.ts";

/** A database that is open. */
export interface SqliteDatabase {
  /** Does statements in one transaction; the rows of each. */
  executeBatch(batch: readonly Statement[]): readonly (readonly SqlRow[])[];
  /** Closes it. */
  close(): void;
}

/** Bytes of the log of writes after which it is put into the database: pages of 4 KiB. */
const CHECKPOINT_PAGES = 1000;

/** Milliseconds that a reader of the file may keep a write waiting. */
const BUSY_MS = 5_000;

/**
 * Opens a database, and makes its tables what they are to be.
 *
 * A commit is on the disk when it is done (`synchronous = full`): what is in one batch shares that.
 *
 * @param path the file
 * @throws {Error} where it is of a version that is not known yet
 */
export function openSqlite(
  path: string,
  migrations: readonly (readonly string[])[],
): SqliteDatabase {
  const database = new DatabaseSync(path);
  const statements = new Map<string, StatementSync>();
  try {
    database.exec(
      `pragma busy_timeout = ${BUSY_MS}; pragma journal_mode = wal; pragma synchronous = full;
      pragma wal_autocheckpoint = ${CHECKPOINT_PAGES}`,
    );
    migrate(database, migrations);
  } catch (error) {
    database.close();
    throw error;
  }

  function prepare(text: string): StatementSync {
    let statement = statements.get(text);
    if (!statement) statements.set(text, statement = database.prepare(text));
    return statement;
  }

  return {
    executeBatch(batch) {
      database.exec("begin immediate");
      try {
        const results = batch.map(({ text, values }) => prepare(text).all(...values) as SqlRow[]);
        database.exec("commit");
        return results;
      } catch (error) {
        // Some errors have undone it already.
        if (database.isTransaction) database.exec("rollback");
        throw error;
      }
    },
    close: () => database.close(),
  };
}

function migrate(database: DatabaseSync, migrations: readonly (readonly string[])[]): void {
  database.exec("begin immediate");
  database.exec("create table if not exists spillway_ledger (version integer not null)");
  const found = database.prepare("select version from spillway_ledger").get();
  const version = Number(found?.version ?? 0);
  if (version > migrations.length) {
    throw new Error(`it is of version ${version}, and this Spillway knows ${migrations.length}`);
  }
  migrations.slice(version).flat().forEach((text) => database.exec(text));
  database.exec(
    `delete from spillway_ledger; insert into spillway_ledger values (${migrations.length})`,
  );
  database.exec("commit");
}
