/** Reads which cell styles of a workbook show a number as a date or a time. */

import { UploadError } from "../reader.ts";
import { builtInReading, readingOf } from "./number_formats.ts";
import type { PackageParts } from "./package_parts.ts";
import type { SerialReading } from "./serials.ts";

/** How the numbers of each cell style are read, by its index; nothing where they are numbers. */
export type CellStyles = readonly (SerialReading | undefined)[];

/** Excel's limit is 65,490 (Excel's specifications and limits). */
const MAX_STYLES = 1_000_000;

/**
 * Reads the styles of a workbook.
 *
 * @param part the name of their part; without one, every cell is as it is
 */
export async function readCellStyles(
  parts: PackageParts,
  part: string | undefined,
): Promise<CellStyles | undefined> {
  if (part === undefined || !parts.has(part)) return undefined;
  const formats = new Map<number, SerialReading | undefined>();
  const styles: (SerialReading | undefined)[] = [];
  let inCells = false;
  await parts.parse(part, {
    open(element, { numFmtId, formatCode }) {
      if (element === "cellXfs") inCells = true;
      else if (element === "numFmt" && !inCells) {
        formats.set(Number(numFmtId), readingOf(formatCode ?? ""));
      } else if (element === "xf" && inCells) {
        if (styles.length === MAX_STYLES) {
          throw new UploadError(`it has more than ${MAX_STYLES} cell styles`);
        }
        const id = Number(numFmtId ?? 0);
        styles.push(formats.has(id) ? formats.get(id) : builtInReading(id));
      }
    },
    close(element) {
      if (element === "cellXfs") inCells = false;
    },
  });
  return styles;
}
