/** A ledger in a file of SQLite, written in a thread of its own. */

import { dirname } from "node:path";
import { type FileSystem, openOrCreate, systemFiles } from "../../storage/disk/file_system.ts";
import { settlesWithin } from "../../storage/settles_within.ts";
import { type Ledger, LedgerError } from "./ledger.ts";
import { type Dialect, migrations } from "./schema.ts";
import { type ExecuteBatch, inBatches, type SqlDriver } from "./sql_driver.ts";
import { createSqlLedger } from "./sql_ledger.ts";
import type { ThreadAnswer, ThreadRequest } from "./sqlite_thread.ts";

/** What SQLite calls otherwise. */
const DIALECT: Dialect = {
  json: "text",
  jsonParam: "?",
  mergedData: "json_patch(data, ?)",
  indexOf: "instr",
  now: "cast(unixepoch('subsec') * 1000 as integer)",
};

/** What the thread runs. */
const THREAD = new URL(import.meta.resolve("./sqlite_thread.ts"));

/** Milliseconds that the last statements and the file's end may take. */
const CLOSE_MS = 2_000;

/** How to open a ledger in a file. */
export interface SqliteLedgerOptions {
  /** The id of this server. */
  readonly server: string;
  /** The file system, for the lock alone. @default the system's */
  readonly files?: FileSystem;
  /** Does statements in place of the thread, for tests. @default the thread does */
  readonly wrap?: (executeBatch: ExecuteBatch) => ExecuteBatch;
}

/**
 * Opens a ledger in a file, made where there is none, for its owner alone to read. A server has it for itself.
 *
 * @throws {LedgerError} saying why it cannot be opened
 */
export async function openSqliteLedger(
  path: string,
  { server, files = systemFiles, wrap = (batch) => batch }: SqliteLedgerOptions,
): Promise<Ledger> {
  await using stack = new AsyncDisposableStack();
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    const lock = await openOrCreate(files, `${path}.lock`);
    stack.defer(() => lock.close());
    if (!await lock.tryLock()) throw new Error("another process has it open");
    // SQLite gives the files beside it the same mode.
    (await openOrCreate(files, path)).close();
    const thread = stack.use(startThread());
    await thread.ask({ open: path, migrations: migrations(DIALECT) });
    const execute = inBatches(wrap((batch) => thread.ask({ batch })));
    const open = stack.move();
    const driver: SqlDriver = {
      execute,
      [Symbol.asyncDispose]: () => open.disposeAsync(),
    };
    return createSqlLedger({ driver, dialect: DIALECT, server, shared: false });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LedgerError(`Cannot open the ledger ${path}: ${reason}`, { cause });
  }
}

/** A thread that answers one request after the other. */
interface LedgerThread extends AsyncDisposable {
  ask(request: ThreadRequest): ReturnType<ExecuteBatch>;
}

function startThread(): LedgerThread {
  const worker = new Worker(THREAD, { type: "module" });
  const asked: PromiseWithResolvers<Awaited<ReturnType<ExecuteBatch>>>[] = [];
  let broken: Error | undefined;
  worker.onmessage = ({ data }: MessageEvent<ThreadAnswer>) => {
    const request = asked.shift()!;
    if ("results" in data) request.resolve(data.results);
    else request.reject(new Error(data.error));
  };
  worker.onerror = (event) => {
    event.preventDefault();
    broken = new Error(`the thread of the ledger ended: ${event.message}`);
    for (const { reject } of asked.splice(0)) reject(broken);
  };
  const ask: LedgerThread["ask"] = (request) => {
    if (broken) return Promise.reject(broken);
    const asking = Promise.withResolvers<Awaited<ReturnType<ExecuteBatch>>>();
    asked.push(asking);
    worker.postMessage(request);
    return asking.promise;
  };
  return {
    ask,
    async [Symbol.asyncDispose]() {
      await settlesWithin(ask({ close: true }).catch(() => {}), CLOSE_MS);
      worker.terminate();
      const ended = new Error("the ledger is closed");
      for (const { reject } of asked.splice(0)) reject(ended);
    },
  };
}
