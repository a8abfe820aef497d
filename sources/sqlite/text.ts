/** Counts the cells of a query whose text is not valid where it is stored. */

import type { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import type { InvalidText, SourceColumn } from "../source.ts";
import { lastError } from "./errors.ts";
import { type RowReader, type RowSteps, stepFor } from "./functions.ts";
import type { BoundQuery } from "./params.ts";
import type { PreparedQuery } from "./query.ts";
import type { Batch, Cell } from "../../table/table.ts";

/** What `node:sqlite` gives for bytes that are no text, without a word. */
const REPLACEMENT = "\ufffd";

/** Rows after which others get their turn: some milliseconds. */
const TURN_ROWS = 4096;

/** Whether a cell may have been no text. */
export function isSuspect(cell: Cell | undefined): cell is string {
  return typeof cell === "string" && cell.includes(REPLACEMENT);
}

/** Whether a batch has such a cell. */
export function hasSuspects(batch: Batch): boolean {
  return batch.some((row) => row.some(isSuspect));
}

/** Looks at rows, and at the bytes of those that are suspect. */
class InvalidTextFinder implements RowReader {
  readonly #columns: readonly SourceColumn[];
  readonly #decoder: TextDecoder;
  readonly #count: InvalidText["count"];
  #row: readonly Cell[] = [];
  #rows = 0;

  constructor(columns: readonly SourceColumn[], encoding: string, count: InvalidText["count"]) {
    this.#columns = columns;
    this.#decoder = new TextDecoder(encoding, { fatal: true });
    this.#count = count;
  }

  takeRow(values: Cell[]): boolean {
    return this.takeExactRow(values);
  }

  takeExactRow(values: Cell[]): boolean {
    this.#row = values;
    return ++this.#rows % TURN_ROWS === 0 || values.some(isSuspect);
  }

  takeBytes(bytes: readonly Cell[]): boolean {
    for (const [index, { name }] of this.#columns.entries()) {
      if (isSuspect(this.#row[index]) && !this.#isText(bytes[index] as Uint8Array)) {
        this.#count(name);
      }
    }
    return this.#rows % TURN_ROWS === 0;
  }

  #isText(bytes: Uint8Array): boolean {
    try {
      this.#decoder.decode(bytes);
      return true;
    } catch {
      return false;
    }
  }
}

/**
 * Reads a query once more, in the snapshot that it was read in, and counts the cells that are no text.
 * To look at every cell as it comes for the first time would cost a tenth of reading it.
 *
 * @param stopped whether the count is no longer wanted
 */
export async function countInvalidText(
  database: DatabaseSync,
  query: PreparedQuery,
  bound: BoundQuery,
  count: InvalidText["count"],
  stopped: () => boolean,
): Promise<void> {
  const encoding = String(database.prepare("pragma encoding").get()!.encoding);
  const finder = new InvalidTextFinder(query.columns, encoding, count);
  const steps = query.bytesStatement().iterate(bound.named, ...bound.items) as RowSteps;
  for (;;) {
    const step = stepFor(finder, steps);
    if (step.done) throw lastError(database);
    if (step.value.last === 1) break;
    await setImmediate();
    if (stopped()) break;
  }
  steps.return!();
}
