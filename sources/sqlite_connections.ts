/** Keeps connections that have ended a run in order, so that the next one need not open the database. */

import { Connection } from "./sqlite_connection.ts";

/** What a cache goes by. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Calls back once, unless the process ends before. */
  after(milliseconds: number, call: () => void): void;
}

const SYSTEM: Clock = {
  now: () => performance.now(),
  after: (milliseconds, call) => Deno.unrefTimer(setTimeout(call, milliseconds)),
};

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

/** A connection that is kept. */
interface Kept {
  readonly connection: Connection;
  readonly since: number;
}

/** The connections of a process. */
export class Connections {
  readonly #max: number;
  readonly #idle: number;
  readonly #runs: number;
  readonly #clock: Clock;
  /** Those that are kept, the one that was used last at the end. */
  #kept: Kept[] = [];
  #sweeping = false;

  /** Makes a cache that is empty. */
  constructor({ max = 8, idle = 5000, runs = 1000, clock = SYSTEM }: KeepingOptions = {}) {
    this.#max = max;
    this.#idle = idle;
    this.#runs = runs;
    this.#clock = clock;
  }

  /**
   * Begins a snapshot of a database, on a connection that nobody else has until it is released.
   *
   * @throws {SourceError} when the database cannot be opened
   */
  acquire(path: string, maxRow: number): Connection {
    for (;;) {
      const index = this.#kept.findLastIndex(({ connection }) =>
        connection.path === path && connection.maxRow === maxRow
      );
      const [kept] = index < 0 ? [] : this.#kept.splice(index, 1);
      if (!kept) return Connection.open(path, maxRow);
      if (begins(kept.connection)) return kept.connection;
      kept.connection.close();
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
    this.#kept.push({ connection, since: this.#clock.now() });
    if (this.#kept.length > this.#max) this.#kept.shift()!.connection.close();
    this.#sweepLater();
  }

  /** How many are kept. */
  get size(): number {
    return this.#kept.length;
  }

  #sweepLater(): void {
    if (this.#sweeping || this.#kept.length === 0) return;
    this.#sweeping = true;
    this.#clock.after(this.#idle, () => {
      this.#sweeping = false;
      this.#sweep();
      this.#sweepLater();
    });
  }

  /** Closes those that nobody has wanted for long enough. */
  #sweep(): void {
    const before = this.#clock.now() - this.#idle;
    const over = this.#kept.filter(({ since }) => since <= before);
    this.#kept = this.#kept.filter(({ since }) => since > before);
    for (const { connection } of over) connection.close();
  }
}

/** Whether a kept connection is still of use: opening anew tells what is wrong better than it can. */
function begins(connection: Connection): boolean {
  try {
    return connection.begin();
  } catch {
    return false;
  }
}
