/** Reads a source as an export reads it that declares types. */

import type { RowStream } from "../../sources/source.ts";
import type { ColumnType, Row } from "../../table/table.ts";
import { toTable } from "../../sources/to_table.ts";

/** The rows, and how many cells of each column are not of the type that is declared for it. */
export interface DeclaredRows {
  readonly rows: readonly Row[];
  readonly others: Readonly<Record<string, number>>;
}

/** Reads a stream to its end. */
export async function readDeclared(
  stream: RowStream,
  types: Readonly<Record<string, ColumnType>>,
): Promise<DeclaredRows> {
  const others: Record<string, number> = {};
  const columns = Object.fromEntries(Object.entries(types).map(([name, type]) => [name, { type }]));
  const { batches } = await toTable(stream, { title: "T", columns }, (column) => {
    others[column] = (others[column] ?? 0) + 1;
  });
  return { rows: (await Array.fromAsync(batches)).flat(), others };
}
