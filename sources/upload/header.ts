/** Tells whether the first row of a grid names its columns, and makes the names. */

import type { Cell, ColumnType } from "../../table/table.ts";

/** What is known of a column. */
export interface ColumnEvidence {
  /** The cell in the first row. */
  readonly first: Cell;
  /** The type of that cell; absent where there is none. */
  readonly firstType: ColumnType | undefined;
  /** The type of the cells below; absent where there are none. */
  readonly type: ColumnType | undefined;
}

/**
 * Whether the first row is a header: text alone, or text above what is no text (`Region, 2019, 2020` above
 * numbers). Text above text is taken for one, as files without a header are rare; `header` tells otherwise.
 */
export function isHeader(columns: readonly ColumnEvidence[]): boolean {
  const named = columns.filter(({ firstType }) => firstType !== undefined);
  if (named.length === 0) return false;
  if (named.every(({ firstType }) => firstType === "string")) return true;
  return columns.some(({ firstType, type }) =>
    firstType === "string" && type !== undefined && type !== "string"
  );
}

/**
 * The names that a header gives, or `column_1` where there is none.
 *
 * @param onUnnamed called with the name of a column that has none in the header
 */
export function columnNames(
  header: readonly Cell[] | undefined,
  width: number,
  onUnnamed: (name: string) => void,
): string[] {
  return Array.from({ length: width }, (_, index) => {
    const cell = header?.[index] ?? null;
    if (cell !== null && cell !== "") return String(cell);
    const name = `column_${index + 1}`;
    if (header) onUnnamed(name);
    return name;
  });
}
