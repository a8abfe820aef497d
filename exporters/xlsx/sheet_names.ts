/** Makes names that a spreadsheet accepts for the sheets of one workbook. */

import { truncate } from "./truncate.ts";

/** UTF-16 units in a sheet name (ECMA-376 part 1, 18.2.19, and Excel's own limit). */
const MAX_NAME_UNITS = 31;

/** What a sheet is called whose table has no usable title. */
const FALLBACK = "Sheet";

/**
 * Makes the function that begins with a title and gives the function that names its sheets one after
 * the other: the title, then `title (2)`, `title (3)`. What no name may hold becomes `_`; a name
 * neither begins nor ends with an apostrophe, is not `History`, which Excel keeps for itself, and is
 * no other sheet's of the workbook in any letter case.
 */
export function createSheetNames(): (title: string) => () => string {
  const taken = new Set(["history"]);
  return function namesOf(title) {
    const legal = trimApostrophes(title.toWellFormed().replace(ILLEGAL, "_"));
    let count = 0;
    return function nextName() {
      for (;;) {
        count++;
        const suffix = count === 1 ? "" : ` (${count})`;
        // Cutting can bring another apostrophe to the end, and trimming can leave nothing.
        const start = trimApostrophes(truncate(legal, MAX_NAME_UNITS - suffix.length)) || FALLBACK;
        const name = start + suffix;
        const key = name.toLowerCase();
        if (taken.has(key)) continue;
        taken.add(key);
        return name;
      }
    };
  };
}

// deno-lint-ignore no-control-regex -- XML cannot hold them and a name has no escapes
const ILLEGAL = /[[\]:*?/\\\0-\x1f\x7f\ufffe\uffff]/g;

function trimApostrophes(text: string): string {
  return text.replace(/^['\s]+|['\s]+$/g, "");
}
