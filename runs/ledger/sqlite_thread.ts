/** The thread that a ledger's file is written in: `node:sqlite` waits for its disk, and with it all of its thread. */

import { openSqlite, type SqliteDatabase } from "./sqlite_database.ts";
import type { SqlRow, Statement } from "./sql_driver.ts";

/** What the thread is asked for: to open a file, to do statements, or to close it. */
export type ThreadRequest =
  | { readonly open: string; readonly migrations: readonly (readonly string[])[] }
  | { readonly batch: readonly Statement[] }
  | { readonly close: true };

/** What it answers each with, in order. */
export type ThreadAnswer =
  | { readonly results: readonly (readonly SqlRow[])[] }
  | { readonly error: string };

/** What a thread sees of itself; Deno's types know only the main one's. */
interface Thread {
  onmessage: (event: MessageEvent<ThreadRequest>) => void;
  postMessage(message: ThreadAnswer): void;
}

const thread = self as unknown as Thread;

let database: SqliteDatabase | undefined;

function answer(request: ThreadRequest): readonly (readonly SqlRow[])[] {
  if ("open" in request) {
    database = openSqlite(request.open, request.migrations);
    return [];
  }
  if ("batch" in request) return database!.executeBatch(request.batch);
  database?.close();
  return [];
}

thread.onmessage = ({ data }) => {
  try {
    thread.postMessage({ results: answer(data) });
  } catch (error) {
    thread.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
};
