/** Keeps connections that have ended a run in order, so that the next one need not open the database. */

import { type Clock, ConnectionCache } from "../connection_cache.ts";
import { Connection } from "./connection.ts";

/** How many connections are kept, and how long. */
export interface KeepingOptions {
  /** The most that are kept; one that is idle takes 0.1 MB, and up to 2 MB of pages. @default 8 */
  readonly max?: number;
  /** Milliseconds that one is kept: for so long a database that is deleted takes room. @default 5000 */
  readonly idle?: number;
  /**
   * Runs after which one is closed, as each leaves 30 bytes in it: of what iterates over a statement, Deno
   * 2.9.6 frees a part with the statement alone. @default 1000
   */
  readonly runs?: number;
  /** What it goes by. @default the system's */
  readonly clock?: Clock;
}

/** The connections of a process. */
export class Connections {
  readonly #runs: number;
  readonly #cache: ConnectionCache<Connection>;

  /** Makes a cache that is empty. */
  constructor({ max = 8, idle = 5000, runs = 1000, clock }: KeepingOptions = {}) {
    this.#runs = runs;
    this.#cache = new ConnectionCache({ max, idle, ...(clock ? { clock } : {}) });
  }

  /**
   * Begins a snapshot of a database, on a connection that no other run has until it is released.
   *
   * @throws {SourceError} when the database cannot be opened
   */
  acquire(path: string, maxRow: number): Connection {
    for (;;) {
      const kept = this.#cache.take(keyOf({ path, maxRow }));
      if (!kept) return Connection.open(path, maxRow);
      if (begins(kept)) return kept;
      kept.close();
    }
  }

  /** Keeps a connection whose run has ended in order; it is not used any more. */
  release(connection: Connection): void {
    try {
      connection.end();
    } catch {
      return connection.close();
    }
    if (connection.snapshots >= this.#runs) return connection.close();
    this.#cache.put(keyOf(connection), connection);
  }

  /** How many are kept. */
  get size(): number {
    return this.#cache.size;
  }
}

function keyOf({ path, maxRow }: Pick<Connection, "path" | "maxRow">): string {
  return `${maxRow} ${path}`;
}

/** Whether a kept connection is still of use: opening anew tells what is wrong better than it can. */
function begins(connection: Connection): boolean {
  try {
    return connection.begin();
  } catch {
    return false;
  }
}
