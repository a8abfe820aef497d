/** A ledger in SQLite: a file, written in a thread of its own, or memory. */

import { dirname } from "node:path";
import { type FileSystem, openOrCreate, systemFiles } from "../../storage/disk/file_system.ts";
import { settlesWithin } from "../../storage/settles_within.ts";
import { MAX_AGE_MS } from "../webhooks/retry.ts";
import { type Ledger, LedgerError } from "./ledger.ts";
import { type Dialect, migrations } from "./schema.ts";
import { type ExecuteBatch, inBatches, type SqlDriver } from "./sql_driver.ts";
import { createSqlLedger, isNotNeeded } from "./sql_ledger.ts";
import { openSqlite } from "./sqlite_database.ts";
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

/** Receipts that a ledger in memory holds: 1 KB each. */
export const MAX_MEMORY_ROWS = 10_000;

/** Rows that are added until the oldest of a ledger in memory go. */
const PRUNE_EVERY = 1_000;

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
    return createSqlLedger({ driver, dialect: DIALECT, server, durable: true, shared: false });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LedgerError(`Cannot open the ledger ${path}: ${reason}`, { cause });
  }
}

/**
 * Makes a ledger in memory, which holds the last {@linkcode MAX_MEMORY_ROWS} runs, those that something is still to be
 * done with, and ends with the process.
 *
 * @param now in milliseconds since 1970
 */
export function createMemoryLedger(server: string, now: () => number = Date.now): Ledger {
  const database = openSqlite(":memory:", migrations(DIALECT));
  let added = 0;
  const prune = () => ({
    text: `delete from spillway_run where id in (select id from spillway_run
      where ended_at is not null and ${isNotNeeded(new Date(now() - MAX_AGE_MS))}
      order by ended_at desc limit -1 offset ?)`,
    values: [MAX_MEMORY_ROWS],
  });
  const driver: SqlDriver = {
    execute: (statement) => Promise.try(() => database.executeBatch([statement])[0]!),
    [Symbol.asyncDispose]: () => Promise.resolve(database.close()),
  };
  const ledger = createSqlLedger({
    driver,
    dialect: DIALECT,
    server,
    durable: false,
    shared: false,
  });
  return {
    ...ledger,
    async insert(row) {
      const other = await ledger.insert(row);
      if (++added % PRUNE_EVERY === 0) await driver.execute(prune());
      return other;
    },
  };
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
