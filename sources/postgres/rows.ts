/** Reads the rows of a PostgreSQL query as they are asked for, and to a proven end. */

import { CellQueue, type RowQueue, TextQueue } from "./queues.ts";
import { refusedParams, toSourceError } from "./errors.ts";
import type { BoundQuery } from "./params.ts";
import type { Session } from "./session.ts";
import { columnOf } from "./types.ts";
import { BATCH_MS, type RowStream, SourceError } from "../source.ts";
import type { ColumnType } from "../../table/table.ts";
import { toBatches } from "../text_rows.ts";

/** Bytes after which a batch is given as it is: those of a few reads, or of one row. */
const BATCH_BYTES = 512 * 1024;

/** How to read. */
export interface RowsOptions {
  /** Rows in a full batch. */
  readonly batchRows: number;
  /** Types that the export declares, by column name. */
  readonly types: Readonly<Record<string, ColumnType>>;
  /** Whether the rows are given as text. */
  readonly text: boolean;
}

/**
 * Sends a query and gives its rows. The session belongs to the stream from now on: it is ended with
 * the last row, closed by an error, and cancelled by a cancel.
 *
 * @throws {unknown} what the library throws when the server refuses the query
 */
export async function readRows(
  session: Session,
  query: BoundQuery,
  { batchRows, types, text }: RowsOptions,
): Promise<RowStream> {
  if (!text) {
    return await runQuery(session, query, new CellQueue(types), batchRows);
  }
  const queue = new TextQueue(types);
  const { columns, batches } = await runQuery(session, query, queue, batchRows);
  const rows = { ...queue.reading(), batches };
  return { columns, batches: toBatches(rows), text: rows };
}

async function runQuery<T>(
  session: Session,
  query: BoundQuery,
  queue: RowQueue<T>,
  batchRows: number,
): Promise<{ columns: RowStream["columns"]; batches: ReadableStream<T> }> {
  let complete = false;
  let failure: { readonly error: unknown } | undefined;
  // The reader is woken, and looks: to race a promise that settles with the last row against each
  // read would leave something behind each time, 5 MB for a gigabyte of rows.
  void session.run(query, queue).then(
    () => void (complete = true),
    (error) => void (failure = { error }),
  ).then(session.wake);
  while (!queue.described && !complete && !failure) await session.read();
  if (failure) throw failure.error;
  const described = queue.described ?? [];
  if (described.length === 0) throw new SourceError("Cannot run the query: it gives no columns");

  /** Waits until something came, the query settled or the time is over. */
  async function more(due: number): Promise<void> {
    const timer = queue.length > 0
      ? setTimeout(session.wake, Math.max(1, due - performance.now()))
      : undefined;
    await session.read();
    clearTimeout(timer);
  }

  /** Whether there is enough for a batch, of rows or of bytes. */
  const isFull = () => queue.length >= batchRows || queue.length > 0 && queue.bytes >= BATCH_BYTES;

  let given = false;
  const batches = new ReadableStream<T>({
    async pull(controller) {
      const due = performance.now() + BATCH_MS;
      while (!isFull() && !complete && !failure) {
        if (queue.length > 0 && performance.now() >= due) break;
        await more(due);
      }
      if (failure && !isFull()) {
        const { error } = failure;
        const params = given || queue.length > 0
          ? []
          : refusedParams(error, query.params, session.running);
        // The rows that are left share a batch with the error.
        await session.close();
        throw toSourceError("Cannot read the query", error, { params });
      }
      if (queue.length > 0) {
        given = true;
        controller.enqueue(queue.take(batchRows));
      } else {
        await session.end();
        controller.close();
      }
    },
    cancel: () => session.cancel(),
  }, { highWaterMark: 0 });
  const columns = described.map(({ name, oid }) => columnOf(name, oid));
  return { columns, batches };
}
