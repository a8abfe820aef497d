/** Reads the rows of a prepared query by the batch, exactly and to a proven end. */

import type { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { rowTooLarge } from "../max_row.ts";
import { BATCH_MS, type InvalidText, SourceError, SUSPECTED_ROWS } from "../source.ts";
import { isTooBig, lastError, unreadable } from "./errors.ts";
import { type RowSteps, stepFor } from "./functions.ts";
import type { BoundQuery } from "./params.ts";
import type { PreparedQuery } from "./query.ts";
import { type BatchLimits, RowGatherer } from "./row_gatherer.ts";
import { countInvalidText, hasSuspects } from "./text.ts";
import type { Batch } from "../../table/table.ts";

/** How to read the rows of one run. */
export interface ReadingOptions extends BatchLimits {
  /** Where text that is not valid is counted. @default nowhere */
  readonly invalidText?: InvalidText | undefined;
  /** Called when a step has held the thread for longer than {@linkcode HOLD_MS}. */
  readonly onHold: () => void;
  /** Whether the database file was overwritten; asked every {@linkcode TURN_MS} and before the end. */
  readonly overwritten: () => boolean;
  /** Gives the connection back: in order after the last row and after a cancel, or with a failed statement. */
  readonly release: (inOrder: boolean) => void;
}

/**
 * Milliseconds after which the event loop gets a turn. SQLite holds the thread, and batches pass
 * from stream to stream in microtasks: without turns, no cancel would ever be heard. One costs 6 µs.
 */
const TURN_MS = 20;

/** Milliseconds of a step after which a query is one that holds its thread: other runs wait as long. */
const HOLD_MS = 500;

/**
 * Reads a query. The connection belongs to the stream until it is released, which is once: at the end, by
 * an error and by a cancel.
 *
 * @throws {Error} when SQLite refuses the query or a param; the connection is not released then
 */
export function readBatches(
  database: DatabaseSync,
  query: PreparedQuery,
  bound: BoundQuery,
  options: ReadingOptions,
): ReadableStream<Batch> {
  const { maxRow, invalidText } = options;
  const gatherer = new RowGatherer(query, options);
  const statement = query.statement(bound);
  const steps = statement.iterate(bound.named, ...bound.items) as RowSteps;
  let rows = 0;
  let suspected = false;
  let turn = performance.now() + TURN_MS;
  let state: "reading" | "read" | "released" = "reading";
  let cancelled = false;
  let counting: Promise<void> | undefined;

  function release(inOrder: boolean): void {
    if (state === "released") return;
    state = "released";
    // A statement that is not at its end would hold on to the snapshot.
    if (inOrder) steps.return!();
    query.rows = rows;
    options.release(inOrder);
  }

  /** The next batch; empty where a batch was complete with the last row. */
  function readBatch(): Batch {
    const started = performance.now();
    gatherer.due = started + BATCH_MS;
    const step = stepFor(gatherer, steps);
    if (performance.now() - started > HOLD_MS) options.onHold();
    if (gatherer.error) throw gatherer.error;
    // The rows of this batch are dropped: were they the first ones, a file would begin with them, and
    // the caller would get a broken download for what can still be a plain error.
    if (step.done) {
      const error = lastError(database);
      throw isTooBig(error) ? rowTooLarge(maxRow) : unreadable(error);
    }
    const batch = gatherer.complete();
    if (rows < SUSPECTED_ROWS && invalidText) suspected ||= hasSuspects(batch);
    rows += batch.length;
    if (step.value.last === 1) state = "read";
    return batch;
  }

  /** What is left to do when all rows were taken. */
  async function end(): Promise<void> {
    if (invalidText && (suspected || invalidText.suspected)) {
      const count = (column: string) => invalidText.count(column);
      counting = countInvalidText(database, query, bound, count, () => cancelled);
      await counting;
    }
    if (options.overwritten()) throw new SourceError(OVERWRITTEN);
  }

  return new ReadableStream<Batch>({
    async pull(controller) {
      try {
        if (state === "reading" && performance.now() >= turn) {
          await setImmediate();
          if (cancelled) return;
          turn = performance.now() + TURN_MS;
          if (options.overwritten()) throw new SourceError(OVERWRITTEN);
        }
        const batch = state === "reading" ? readBatch() : [];
        if (batch.length > 0) return controller.enqueue(batch);
        await end();
        if (cancelled) return;
        release(true);
        controller.close();
      } catch (error) {
        release(false);
        throw error instanceof SourceError ? error : unreadable(error);
      }
    },
    async cancel() {
      cancelled = true;
      // What reads for the count holds on to the snapshot, too.
      await counting?.catch(() => {});
      release(true);
    },
  }, { highWaterMark: 0 });
}

const OVERWRITTEN = "Cannot read the query: the database file was overwritten meanwhile";
