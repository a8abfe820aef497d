/**
 * Reads the rows of an SQLite query by the batch, exactly and to a proven end.
 *
 * The iterator of `node:sqlite` cannot be trusted with that. In Deno 2.9.6 it ends as if the rows
 * had ended when a row cannot be computed, when the disk cannot be read, when an integer beyond 2^53
 * comes and when the database is closed; and it cuts text at a NUL. A function called from SQL has
 * none of these faults, and is faster: the iterator makes two objects and the name of every column
 * for each row, 0.45 M rows/s of the ten-column audit log, where a function takes 0.8 M. So the query
 * is wrapped:
 *
 * ```sql
 * with spillway_query(c0, c1) as (<the query>),
 *   spillway_rows as (select * from spillway_query limit -1)
 * select 0 as last from spillway_rows where spillway_row(c0, c1) union all select 1
 * ```
 *
 * - `spillway_row` keeps the row, and is true where a batch is complete: that is the only thing the
 *   iterator sees of it, so that it stops once a batch.
 * - The last row is the proof that all others came. An end without it is an error.
 * - What `where` sees, `limit` has let through. That is what keeps SQLite from moving the function
 *   into the query, where it would be called before a sort, or for rows that another condition drops:
 *   a condition must not change what a limit means (select.c, flattenSubquery (19) and
 *   pushDownWhereTerms (3)).
 * - A query that sorts is kept as it was written by another column, `abs(0)` ("if the outer query
 *   contains a complex result set … then do not flatten", select.c). Flattened, the limit would be the
 *   sort's own, and replace SQLite's sorter by a b-tree: 4.0 s instead of 0.3 s for 500,000 rows. A
 *   query whose order is that of an index has no sort and goes without, as each row is copied once
 *   less then: 0.9 µs a row of the audit log instead of 1.1 µs.
 * - Only something that reads can stand in such parentheses: no statement that writes gets here.
 */

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { SourceError } from "./source.ts";
import type { Batch, Cell, Row } from "./table.ts";

/** A query to read. */
export interface Statement {
  /** One query, without a semicolon. */
  readonly text: string;
  /** How many columns it gives. */
  readonly width: number;
  /** The values of its params, by name with the colon; those that it does not use do no harm. */
  readonly params: Readonly<Record<string, SQLInputValue>>;
  /** Turns a row's values into cells, in place; its integers come as `bigint`. */
  readonly readCells: (values: Cell[]) => void;
  /** Rows in a full batch. */
  readonly batchRows: number;
}

/**
 * Milliseconds after which a batch is given as it is: rows that come slowly are not kept back, so
 * that the first byte follows the first row and a run shows progress.
 */
const BATCH_MS = 50;

/** Every so many rows, from the first of a batch on, the clock is read: 80 ns, a tenth of a row. */
const CLOCK_ROWS = 8;

/**
 * Milliseconds after which the event loop gets a turn. SQLite holds the thread, and batches pass
 * from stream to stream in microtasks: without turns, no cancel would ever be heard. One costs 6 µs.
 */
const TURN_MS = 20;

/**
 * Reads a statement. The database belongs to the stream from now on: it is closed at the end, by an
 * error and by a cancel, and with it all that the statement held.
 *
 * @throws {Error} when SQLite refuses the statement or a param; the database is not closed then
 */
export function readBatches(database: DatabaseSync, statement: Statement): ReadableStream<Batch> {
  const { params, readCells, batchRows } = statement;
  let rows: Row[] = [];
  let due = 0;
  database.function(
    "spillway_row",
    { varargs: true, useBigIntArguments: true },
    (...values: Cell[]) => {
      readCells(values);
      const count = rows.push(values);
      if (count === batchRows) return 1;
      return count % CLOCK_ROWS === 1 && performance.now() >= due ? 1 : 0;
    },
  );
  const prepared = prepare(database, statement);
  prepared.setAllowBareNamedParameters(false);
  prepared.setAllowUnknownNamedParameters(true);
  const steps = prepared.iterate(params) as Iterator<{ readonly last: number }>;

  let turn = performance.now() + TURN_MS;
  let cancelled = false;

  return new ReadableStream<Batch>({
    async pull(controller) {
      if (performance.now() >= turn) {
        await setImmediate();
        if (cancelled) return;
        turn = performance.now() + TURN_MS;
      }
      due = performance.now() + BATCH_MS;
      const step = steps.next();
      const batch = rows;
      rows = [];
      if (step.done) {
        const error = readError(database);
        close(database);
        // The rows of this batch are dropped: were they the first ones, a file would begin with them,
        // and the caller would get a broken download for what can still be a plain error.
        throw error;
      }
      if (batch.length > 0) controller.enqueue(batch);
      if (step.value.last === 1) {
        close(database);
        controller.close();
      }
    },
    cancel() {
      cancelled = true;
      close(database);
    },
  }, { highWaterMark: 0 });
}

/** What is wrong with a statement that cannot stand in parentheses. */
export const NOT_A_QUERY =
  "Cannot run the query: only SELECT, VALUES or WITH … SELECT can be exported";

function prepare(database: DatabaseSync, { text, width }: Statement): StatementSync {
  try {
    const plain = wrap(text, width, "*");
    return database.prepare(sorts(database, plain) ? wrap(text, width, "*, abs(0)") : plain);
  } catch (error) {
    const misplaced = error instanceof Error && error.message.includes("syntax error");
    throw misplaced ? new SourceError(NOT_A_QUERY, { cause: error }) : error;
  }
}

/**
 * Whether a statement sorts: `USE TEMP B-TREE FOR ORDER BY`, or for its last terms alone. Only the speed
 * hangs on this text, which other versions may word differently
 * (https://www.sqlite.org/eqp.html).
 */
function sorts(database: DatabaseSync, statement: string): boolean {
  const steps = database.prepare(`explain query plan ${statement}`).all();
  return steps.some(({ detail }) => /TEMP B-TREE.* ORDER BY/.test(String(detail)));
}

function wrap(query: string, width: number, chosen: string): string {
  const columns = Array.from({ length: width }, (_, index) => `c${index}`).join(", ");
  // The line break ends a comment that the query may end with.
  return `with spillway_query(${columns}) as (${query}\n),
  spillway_rows as (select ${chosen} from spillway_query limit -1)
select 0 as last from spillway_rows where spillway_row(${columns}) union all select 1`;
}

/** Closes a database, unless somebody has. */
export function close(database: DatabaseSync): void {
  if (database.isOpen) database.close();
}

/** A function name that SQLite refuses, as it takes 255 bytes, without a word of its own. */
const IMPOSSIBLE_NAME = "x".repeat(256);

/**
 * Says why the rows ended early. The iterator drops the error; `sqlite3_errmsg()` still knows it,
 * and refusing a function is the one call that repeats its message instead of replacing it.
 */
function readError(database: DatabaseSync): SourceError {
  let reason = "the rows ended before the last one";
  try {
    database.function(IMPOSSIBLE_NAME, () => null);
  } catch (error) {
    if (error instanceof Error && !NO_ERROR.test(error.message)) reason = error.message;
  }
  return new SourceError(`Cannot read the query: ${reason}`, { cause: new Error(reason) });
}

/** What SQLite says where nothing is wrong: SQLITE_OK, SQLITE_ROW and SQLITE_DONE. */
const NO_ERROR = /^(?:not an error|another row available|no more rows available)$/;
