/** Says why rows of SQLite's ended early. */

import type { DatabaseSync } from "node:sqlite";
import { SourceError } from "../source.ts";
import { messageOf } from "../../table/message_of.ts";

/** A function name that SQLite refuses, as it takes 255 bytes, without a word of its own. */
const IMPOSSIBLE_NAME = "x".repeat(256);

/** What SQLite says where nothing is wrong: SQLITE_OK, SQLITE_ROW and SQLITE_DONE. */
const NO_ERROR = /^(?:not an error|another row available|no more rows available)$/;

/**
 * What went wrong in the last step. The iterator drops the error; `sqlite3_errmsg()` still knows it,
 * and refusing a function is the one call that repeats its message instead of replacing it.
 */
export function lastError(database: DatabaseSync): Error {
  try {
    database.function(IMPOSSIBLE_NAME, () => null);
  } catch (error) {
    if (error instanceof Error && !NO_ERROR.test(error.message)) return new Error(error.message);
  }
  return new Error("the rows ended before the last one");
}

/** What SQLite says of a value beyond its limit (SQLITE_TOOBIG). */
const TOO_BIG = "string or blob too big";

/** Whether a value was larger than the connection's limit. */
export function isTooBig(error: Error): boolean {
  return error.message === TOO_BIG;
}

/** The error of a query that was opened and cannot be read on. */
export function unreadable(cause: unknown): SourceError {
  const reason = messageOf(cause);
  return new SourceError(`Cannot read the query: ${reason}`, { cause });
}
