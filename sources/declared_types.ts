/** Looks up the types that an export declares for the columns of its query. */

import type { ColumnType } from "../table/table.ts";

/** The type of each column, in their order; columns are called `__proto__` and `constructor` too. */
export function declaredTypes(
  columns: readonly { readonly name: string }[],
  types: Readonly<Record<string, ColumnType>>,
): readonly (ColumnType | undefined)[] {
  return columns.map(({ name }) => Object.hasOwn(types, name) ? types[name] : undefined);
}
