/** The cursors of pages of rows: where a page ended. */

import { CursorError, type LedgerRow } from "./ledger.ts";

/** A position in the order of rows, which is that of the times at which they were asked for, then of ids. */
export interface RowPosition {
  /** In milliseconds since 1970. */
  readonly queuedAt: number;
  /** The run's. */
  readonly id: string;
}

/** The cursor of a page that ends with a row. */
export function encodeCursor({ queuedAt, id }: LedgerRow): string {
  return `${Date.parse(queuedAt)}-${id}`;
}

/**
 * Where a page ended.
 *
 * @throws {CursorError} where it is none
 */
export function decodeCursor(cursor: string): RowPosition {
  const [, time, id] = /^(\d{1,15})-([a-z0-9-]{1,64})$/.exec(cursor) ?? [];
  if (id === undefined) throw new CursorError("No page ended with this cursor");
  return { queuedAt: Number(time), id };
}
