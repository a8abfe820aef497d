/** Finds what separates the fields of a text, from its first rows. */

import { CsvError, CsvScanner } from "./scanner.ts";

/** Separators that are looked for, the more likely one first. */
const SEPARATORS = [",", ";", "\t", "|"] as const;

/** Rows that are looked at. */
const ROWS = 200;

/** What a first line says to Excel, which shows no such row: `sep=;`. */
const HINT = /^"?sep=(.)"?\r?\n/i;

/** The separator that the first line names for Excel, and the bytes of that line. */
export function separatorHint(
  begin: Uint8Array,
): { readonly separator: string; readonly bytes: number } | undefined {
  const [line = "", separator] = HINT.exec(String.fromCharCode(...begin.subarray(0, 16))) ?? [];
  return separator === undefined ? undefined : { separator, bytes: line.length };
}

/**
 * The separator with which most rows have the same number of fields, more than one; a comma where there is none.
 *
 * @param whole whether the text ends with the bytes
 */
export function detectSeparator(begin: Uint8Array, quote: number, whole: boolean): string {
  let best: { readonly separator: string; readonly score: number } | undefined;
  for (const separator of SEPARATORS) {
    const score = scoreOf(begin, separator.charCodeAt(0), quote, whole);
    if (score > (best?.score ?? 0)) best = { separator, score };
  }
  return best?.separator ?? ",";
}

/** The part of the rows that are of the usual width, where that is more than one; a little more for a wider one. */
function scoreOf(begin: Uint8Array, separator: number, quote: number, whole: boolean): number {
  // Rows that are too wide for a table tell their separator all the same, so that they are refused for that.
  const scanner = new CsvScanner({ separator, quote }, { maxFields: begin.length + 1 });
  try {
    // Scanning changes quotes in the bytes.
    scanner.scan(begin.slice(), 0, begin.length, whole, ROWS);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return 0;
  }
  const widths = new Map<number, number>();
  for (const count of scanner.counts) widths.set(count, (widths.get(count) ?? 0) + 1);
  const [width = 1, rows = 0] = [...widths].sort(([, one], [, other]) => other - one)[0] ?? [];
  if (width === 1) return 0;
  return rows / scanner.counts.length + Math.min(width, 100) / 1000;
}
