/**
 * Names the time zone above columns of datetimes, for spreadsheets, whose dates and times have none.
 *
 * They show a column's own zone, and where it has none, UTC for whatever has an offset. Which columns
 * that is, no source says: the first rows do.
 */

import type { Cell, Column, Row } from "../table/table.ts";
import { parseDateTime } from "../table/datetime.ts";

/** What stands above a column. */
export interface ZoneTitle {
  /** Its title, with the zone where that is not in it: `When (UTC)`. */
  readonly title: string;
  /** Whether a reader learns there what zone a datetime is in, which had an offset. */
  readonly named: boolean;
}

/** How many of the first rows decide. */
export const DECIDING_ROWS = 100;

/** The titles of columns, by their first rows. */
export function zoneTitles(
  columns: readonly Column[],
  rows: readonly Row[],
): readonly ZoneTitle[] {
  const first = rows.slice(0, DECIDING_ROWS);
  return columns.map(({ title, type, timezone }, index) => {
    if (type !== "datetime" || mentions(title, timezone ?? UTC)) return { title, named: true };
    if (timezone === undefined && !first.some((row) => hasOffset(row[index]))) {
      return { title, named: false };
    }
    return { title: `${title} (${timezone ?? UTC})`, named: true };
  });
}

const UTC = "UTC";

/** Whether a title speaks of a zone, or of its city: `In New York`. */
function mentions(title: string, zone: string): boolean {
  const city = zone.slice(zone.lastIndexOf("/") + 1).replaceAll("_", " ");
  return new RegExp(`(?<!\\p{L})${RegExp.escape(city)}(?!\\p{L})`, "iu").test(title);
}

/** Whether a cell is a datetime with an offset. */
export function hasOffset(cell: Cell | undefined): boolean {
  return typeof cell === "string" && parseDateTime(cell)?.offset !== undefined;
}
