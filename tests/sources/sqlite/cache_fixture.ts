/** A cache of SQLite connections whose time is the test's. */

import { Connections, type KeepingOptions } from "../../../sources/sqlite/connections.ts";
import { sqlite } from "../../../sources/sqlite/descriptor.ts";
import { openQuery } from "../../../sources/sqlite/driver.ts";
import type { Query, ReadOptions, RowStream } from "../../../sources/source.ts";
import { createClock } from "../own_clock.ts";

/** A cache, and how time passes for it. */
export interface CacheFixture {
  readonly connections: Connections;
  /** Lets time pass, and what is due happen. */
  pass(milliseconds: number): void;
  /** Opens a query of a database on one of the cache's connections. */
  open(path: string, query: Query, options?: ReadOptions): Promise<RowStream>;
}

/** Makes a cache. */
export function createCache(options: KeepingOptions = {}): CacheFixture {
  const { clock, pass } = createClock();
  const connections = new Connections({ ...options, clock });
  return {
    connections,
    pass,
    open: (path, query, readOptions = {}) =>
      openQuery(
        sqlite.config.parse({ path }),
        query,
        { ...readOptions, keep: true },
        connections,
      ),
  };
}
