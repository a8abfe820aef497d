/** Reads a row generator by the batch, no faster than its batches are read. */

import { setImmediate } from "node:timers/promises";
import { BATCH_UNITS, unitsOf } from "../batch_units.ts";
import { rowTooLarge } from "../max_row.ts";
import { BATCH_MS, SourceError } from "../source.ts";
import type { Batch, Row } from "../../table/table.ts";

/** A generator that runs. */
export interface Generation {
  /** Its iterator. */
  readonly iterator: AsyncIterator<unknown> | Iterator<unknown>;
  /** What it gave first. */
  readonly first: IteratorResult<unknown>;
  /** Reads a row that it gave, the rows being counted from 1. */
  readonly readRow: (value: unknown, number: number) => Row;
  /** The most that a row's text and bytes may have, in UTF-16 units and bytes. */
  readonly maxRow: number;
  /** Rows in a full batch. */
  readonly batchRows: number;
  /** Tells it that its rows are no longer wanted. */
  readonly abort: (reason: unknown) => void;
}

/** Every so many rows, from the first of a batch on, the clock is read. */
const CLOCK_ROWS = 8;

/** Milliseconds after which the event loop gets a turn: a generator may never wait for anything. */
const TURN_MS = 20;

/** Milliseconds that a generator has to return; one that waits for something else is left behind. */
const RETURN_MS = 200;

/** The batches of a generator. An error of its own is one of the source, with a message for the log alone. */
export function readBatches(generation: Generation): ReadableStream<Batch> {
  const { iterator, readRow, maxRow, batchRows } = generation;
  let rows: Row[] = [];
  let units = 0;
  let block: readonly unknown[] = [];
  let at = 0;
  let number = 0;
  let step: IteratorResult<unknown> | undefined = generation.first;
  let turn = performance.now() + TURN_MS;
  let due = 0;
  let failure: { readonly error: unknown } | undefined;
  let ended = false;
  let cancelled = false;
  /** Wakes the pull that waits. Absent: no pull waits, and the filling stops. */
  let wake: (() => void) | undefined;
  let filling = false;

  /** Gathers rows until a batch is full, some time went by or nothing more comes. */
  async function fill(): Promise<void> {
    while (wake && !cancelled) {
      if (at < block.length) {
        const row = readRow(block[at++], ++number);
        const size = unitsOf(row);
        if (size > maxRow) throw rowTooLarge(maxRow);
        const count = rows.push(row);
        units += size;
        if (count === batchRows || units >= BATCH_UNITS) return;
        if (count % CLOCK_ROWS === 1 && performance.now() >= due) return;
        continue;
      }
      const { done, value } = step ?? await iterator.next();
      step = undefined;
      if (done) {
        ended = true;
        return;
      }
      block = Array.isArray(value) ? value : [value];
      at = 0;
    }
  }

  /** Runs {@linkcode fill}, unless it still waits for the generator. */
  async function keepFilling(): Promise<void> {
    if (filling) return;
    filling = true;
    try {
      await fill();
    } catch (error) {
      failure = { error };
    } finally {
      filling = false;
      wake?.();
    }
  }

  async function nextRows(): Promise<void> {
    due = performance.now() + BATCH_MS;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setInterval(() => rows.length > 0 && resolve(), BATCH_MS);
    wake = resolve;
    void keepFilling();
    await promise;
    wake = undefined;
    clearInterval(timer);
  }

  return new ReadableStream<Batch>({
    async pull(controller) {
      if (performance.now() >= turn) {
        await setImmediate();
        turn = performance.now() + TURN_MS;
      }
      // What came between two pulls is kept, and so is what ended them.
      const full = rows.length >= batchRows || units >= BATCH_UNITS;
      if (!failure && !ended && !full && !cancelled) await nextRows();
      if (cancelled) return;
      if (failure) {
        await release(generation, failure.error);
        throw toSourceError(failure.error);
      }
      const batch = rows;
      rows = [];
      units = 0;
      if (batch.length > 0) controller.enqueue(batch);
      if (!ended) return;
      controller.close();
    },
    async cancel(reason) {
      cancelled = true;
      wake?.();
      await release(generation, reason);
    },
  }, { highWaterMark: 0 });
}

/** Has a generator let go of what it holds; it may be waiting for what never comes. */
export async function release(
  { iterator, abort }: Pick<Generation, "iterator" | "abort">,
  reason: unknown,
): Promise<void> {
  abort(reason);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, RETURN_MS));
  // What goes wrong now is ignored.
  const returned = Promise.try(() => iterator.return?.()).catch(() => {});
  await Promise.race([returned, late]);
  clearTimeout(timer);
}

/** What callers are told of an error: that of the module's author may say anything, and is for the log. */
export function toSourceError(error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  return new SourceError("Cannot read the rows: the module failed", {
    cause: error instanceof Error ? error : new Error(String(error)),
  });
}
