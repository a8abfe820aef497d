/** Gives every column a key of its own, for the formats whose keys must be unique. */

import type { Column } from "../table/table.ts";
import type { Warnings } from "./warnings.ts";

/**
 * The columns' names, made legal, then unique: the first of equal names keeps it, the others get
 * `_2`, `_3`, …, past every name that another column has. A lone surrogate is U+FFFD before that,
 * so that two names which differ nowhere else stay two.
 *
 * @param warnings counts each column whose key is not its name
 * @param toLegal what the format makes of a name; keeps a legal one as it is, and lets `_2` follow
 */
export function uniqueNames(
  columns: readonly Column[],
  warnings: Warnings,
  toLegal: (name: string) => string = (name) => name,
): readonly string[] {
  const legal = columns.map(({ name }) => {
    if (!name.isWellFormed()) warnings.count("lone-surrogate", name);
    return toLegal(name.toWellFormed());
  });
  const taken = new Set(legal);
  const seen = new Map<string, number>();
  return legal.map((wanted, index) => {
    let name = wanted;
    let times = (seen.get(wanted) ?? 0) + 1;
    if (times > 1) {
      while (taken.has(name = `${wanted}_${times}`)) times++;
      taken.add(name);
    }
    seen.set(wanted, times);
    const column = columns[index]!;
    if (name !== column.name) warnings.count("column-renamed", column.name);
    return name;
  });
}
