/** Reads rows from a MySQL or MariaDB database, which it cannot write to. */

import { config, hostOf, type MysqlConfig } from "./mysql_config.ts";
import { toSourceError } from "./mysql_errors.ts";
import { bindParams, placeholders } from "./mysql_params.ts";
import { readRows } from "./mysql_rows.ts";
import { openSession } from "./mysql_session.ts";
import {
  BATCH_ROWS,
  type Query,
  type ReadOptions,
  type RowStream,
  type SourceKind,
} from "./source.ts";

/**
 * MySQL and MariaDB, through mysql2. A run has a connection of its own, a read-only transaction of one
 * snapshot and a prepared statement, whose rows come in the binary protocol: as exact as they are
 * stored, floats included, which the text protocol rounds to six digits.
 */
export const mysql: SourceKind<MysqlConfig> = {
  config,
  language: { query: "required", placeholders },
  paths: ["ca"],
  leave: (config) => ({ net: [hostOf(config)] }),
  open,
};

async function open(
  config: MysqlConfig,
  query: Query,
  options: ReadOptions = {},
): Promise<RowStream> {
  const { batchRows = BATCH_ROWS, types = {}, run, signal } = options;
  signal?.throwIfAborted();
  const session = await openSession(config, run, signal).catch((error) => {
    throw toSourceError("Cannot open source", error);
  });
  const abort = () => void session.kill();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    const statement = bindParams(query.text, query.params, session);
    const text = comment(run) + statement.text;
    return await readRows(session, { ...statement, text }, { batchRows, types });
  } catch (error) {
    await session.release(error);
    throw toSourceError("Cannot run the query", error);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** What a process list shows of a run: MariaDB has no other place for it unless it is told to. */
function comment(run: string | undefined): string {
  return run === undefined ? "" : `/* spillway:${run.replace(/[^\w-]/g, "_")} */ `;
}
