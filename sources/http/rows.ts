/** Makes batches of the rows in a response, to a proven end. */

import { BATCH_UNITS, unitsOf } from "../batch_units.ts";
import type { HttpBody } from "./body.ts";
import type { RowReader } from "./row_reader.ts";
import { BATCH_MS, type RowStream, SourceError } from "../source.ts";
import type { Batch, Row } from "../../table/table.ts";

/** How rows are read. */
export interface RowsSettings {
  /** Rows in a full batch. */
  readonly batchRows: number;
  /** Whether the text must say how many rows there are. */
  readonly requireCount: boolean;
  /** Names of the columns of a response without a row that could tell them. */
  readonly otherwise: readonly string[];
}

/**
 * Reads a body until its columns are known, and its rows as they are pulled. The body belongs to the
 * stream from now on: it is closed at the end, by an error and by a cancel.
 *
 * @throws {SourceError} when the body fails before its columns are known; it is not closed then
 */
export async function readRows(
  body: HttpBody,
  reader: RowReader,
  { batchRows, requireCount, otherwise }: RowsSettings,
): Promise<RowStream> {
  let rows: Row[] = [];
  let units = 0;
  let ended = false;
  /** What is asked of the body; it may outlast a batch that was given as it was. */
  let pending: Promise<string | undefined> | undefined;

  /** Takes the rows of the text that is there; false where the batch is not full with them. */
  function takeRows(most: number): boolean {
    while (rows.length < most && units < BATCH_UNITS) {
      const row = reader.read();
      if (row === undefined) return false;
      rows.push(row);
      units += unitsOf(row);
    }
    return true;
  }

  /** Waits for more text until a moment; false where none came. */
  async function takeText(due: number): Promise<boolean> {
    pending ??= body.read();
    // A read that a batch does not wait for fails unseen.
    pending.catch(() => {});
    const text = due === Infinity ? await pending : await until(due, pending);
    if (text === LATE) return false;
    pending = undefined;
    if (text !== undefined) reader.write(text);
    else {
      reader.end();
      ended = true;
    }
    return true;
  }

  function checkEnd(): void {
    if (reader.proven || body.framed && !requireCount) return;
    throw new SourceError(
      requireCount
        ? "Cannot read the query: the upstream's answer has no count of its rows at its end"
        : "Cannot read the query: nothing shows that the upstream's answer is whole; it takes a " +
          "Content-Length, chunks, or a count of the rows at the end",
    );
  }

  while (!takeRows(1) && reader.columns === undefined && !ended) await takeText(Infinity);
  // Behind its end the text may still have a row, the only one.
  if (reader.columns === undefined) takeRows(1);

  return {
    columns: reader.columns ?? otherwise.map((name) => ({ name })),
    batches: new ReadableStream<Batch>({
      async pull(controller) {
        try {
          const due = performance.now() + BATCH_MS;
          while (!takeRows(batchRows) && !ended) {
            // The first row is waited for, and those after it for a while.
            if (!await takeText(rows.length === 0 ? Infinity : due)) break;
          }
          const last = ended && rows.length < batchRows && units < BATCH_UNITS;
          if (last) checkEnd();
          if (rows.length > 0) controller.enqueue(rows);
          rows = [];
          units = 0;
          if (!last) return;
          await body.close();
          controller.close();
        } catch (error) {
          await body.close();
          throw error;
        }
      },
      cancel: () => body.close(),
    }, { highWaterMark: 0 }),
  };
}

const LATE = Symbol("late");

/** What a promise gives, or {@linkcode LATE}. */
async function until<T>(due: number, promise: Promise<T>): Promise<T | typeof LATE> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => resolve(LATE), Math.max(0, due - performance.now()));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
