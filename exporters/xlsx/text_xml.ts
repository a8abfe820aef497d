/** Writes the text of a cell as XML, wherever it stands: in its cell or in the table of strings. */

import type { Warnings } from "../warnings.ts";
import { truncate } from "./truncate.ts";
import { hasOuterSpace, xmlText } from "./xml_text.ts";

/** UTF-16 units in a cell (Excel's specifications and limits). */
export const MAX_CELL_UNITS = 32_767;

/**
 * Writes text as the `t` element of an inline string, which is never a formula.
 *
 * @param name the column's, for the warnings
 */
export function textXml(text: string, name: string, warnings: Warnings): string {
  if (text.length > MAX_CELL_UNITS) {
    warnings.count("text-cut", name);
    text = truncate(text, MAX_CELL_UNITS);
  }
  if (text.includes("\ufffd")) warnings.textSuspected = true;
  if (!text.isWellFormed()) {
    warnings.count("lone-surrogate", name);
    text = text.toWellFormed();
  }
  // A reader may drop the white space around text that does not ask for it (XML 1.0, 2.10).
  const space = hasOuterSpace(text) ? ' xml:space="preserve"' : "";
  return `<t${space}>${xmlText(text)}</t>`;
}
