/** Reads the rows of a MySQL query by the batch, off a socket that is paused while no reader asks. */

import {
  columnType,
  createRowReader,
  isTimestamp,
  type MysqlColumn,
  type RowReader,
} from "./cells.ts";
import { divertRows, type Packet } from "./driver_internals.ts";
import { refusedParams, toSourceError } from "./errors.ts";
import { bindable, type BoundStatement } from "./params.ts";
import type { Session } from "./session.ts";
import { createUtcReader } from "./zone.ts";
import { declaredTypes } from "../declared_types.ts";
import { BATCH_MS, type RowStream, type SourceColumn, SourceError } from "../source.ts";
import type { Batch, ColumnType, Row } from "../../table/table.ts";

/** How to read a statement. */
export interface ReadingOptions {
  /** Rows in a full batch. */
  readonly batchRows: number;
  /** Types that the export declares, by column name. */
  readonly types: Readonly<Record<string, ColumnType>>;
  /** Bytes that a row may have. */
  readonly maxRow: number;
}

/** Bytes after which a batch is given as it is: a row may have a gigabyte. */
const BATCH_BYTES = 1024 * 1024;

/** What is wrong with an `update`, and with what is no query at all. */
export const NO_ROWS = "Cannot run the query: it gives no rows that could be exported";

/**
 * Runs a statement. The session belongs to the stream from now on, unless this rejects: it is closed
 * at the end, by an error and by a cancel.
 *
 * @throws {SourceError} when the statement is refused, and before it runs where it gives no rows
 */
export async function readRows(
  session: Session,
  { text, params }: BoundStatement,
  { batchRows, types, maxRow }: ReadingOptions,
): Promise<RowStream> {
  const prepared = await session.prepare(text);
  if (prepared.columns.length === 0) {
    throw new SourceError(NO_ROWS);
  }
  // What a param is made to may become one too.
  const moments = prepared.columns.some(isTimestamp) || params.length > 0;
  const zone = moments ? await session.zone() : undefined;
  const { connection, stream } = session;
  const command = prepared.execute(params.map(({ value }) => bindable(value)) as never);
  const full: Batch[] = [];
  let rows: Row[] = [];
  let bytes = 0;
  let began = 0;
  let state: "running" | "ended" | "failed" | "cancelled" = "running";
  let failure: unknown;
  let waking = false;
  let given = false;
  let wake = () => {};

  function settle(outcome: "ended" | "failed" | "cancelled", error?: unknown): void {
    if (state !== "running") return;
    state = outcome;
    failure = error;
    connection.off("error", fail);
    wake();
  }

  function fillBatch(): void {
    // At once: the stream would emit all that it holds before a microtask has its turn.
    if (full.push(rows) === 1) stream.pause();
    rows = [];
    bytes = 0;
  }

  function add(packet: Packet, readRow: RowReader): void {
    if (state === "failed") return;
    const size = packet.end - packet.offset;
    if (size > maxRow) return settle("failed", session.refuseRow(size));
    if (rows.length === 0) began = performance.now();
    bytes += size;
    if (rows.push(readRow(packet.buffer, packet.offset, packet.end)) === batchRows) fillBatch();
    else if (bytes >= BATCH_BYTES) fillBatch();
    if (waking) return;
    waking = true;
    // Once all rows that came at once are read.
    queueMicrotask(() => {
      waking = false;
      wake();
    });
  }

  /** Waits until there is more, or nothing will come, or rows have waited for long enough. */
  async function more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    const timer = rows.length > 0 ? setTimeout(resolve, dueIn()) : undefined;
    stream.resume();
    await promise;
    clearTimeout(timer);
  }

  const dueIn = () => began + BATCH_MS - performance.now();

  const described = Promise.withResolvers<readonly MysqlColumn[]>();
  function fail(error: unknown): void {
    described.reject(error);
    settle("failed", error);
  }

  let results = 0;
  divertRows(command, (fields) => {
    if (++results > 1) throw new SourceError("Cannot read the query: it gives two results");
    const readRow = createRowReader(
      fields,
      declaredTypes(fields, types),
      zone && createUtcReader(zone),
    );
    described.resolve(fields);
    return (packet) => add(packet, readRow);
  });
  command.on("error", fail);
  connection.on("error", fail);
  command.on("end", () => {
    // Too late, where there were columns.
    described.reject(new SourceError(NO_ROWS));
    session.checkWhole().then(() => settle("ended"), fail);
  });
  const fields = await described.promise.catch((error) => {
    throw toSourceError("Cannot run the query", error, refusedParams(error, params));
  });

  const batches = new ReadableStream<Batch>({
    async pull(controller) {
      for (;;) {
        if (full.length === 0 && state === "running" && !(rows.length > 0 && dueIn() <= 0)) {
          await more();
          continue;
        }
        if (state === "cancelled") return;
        const batch = full.shift();
        if (batch) {
          given = true;
          return controller.enqueue(batch);
        }
        if (state === "failed") {
          // The rows of this batch are dropped: were they the first ones, a file would begin with
          // them, and the caller would get a broken download for what can still be a plain error.
          await session.release(failure);
          const refused = given || rows.length > 0 ? [] : refusedParams(failure, params);
          throw toSourceError("Cannot read the query", failure, refused);
        }
        if (rows.length > 0) fillBatch();
        else if (state === "ended") {
          await session.end();
          return controller.close();
        }
      }
    },
    async cancel() {
      settle("cancelled");
      await session.kill();
    },
  }, { highWaterMark: 0 });

  return {
    columns: fields.map(toColumn),
    batches,
  };
}

/** A column in the words of all sources. */
export function toColumn(column: MysqlColumn): SourceColumn {
  const type = columnType(column);
  // What is taken for a boolean may hold more.
  return type === undefined
    ? { name: column.name }
    : { name: column.name, type, strict: type !== "boolean" };
}
