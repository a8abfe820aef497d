/** Tells the number formats that show a number as a date, a time or a duration. */

import type { SerialReading } from "./serials.ts";

/**
 * The formats that a workbook need not spell (ECMA-376 part 1, 18.8.30): of all languages 14 to 22 and 45 to
 * 47, of Chinese, Japanese, Korean and Thai the others. 34, 35, 55 and 56 are times in Chinese: a date format
 * shows a time too ({@linkcode serialCell}).
 */
const BUILT_IN: readonly (readonly [from: number, to: number, reading: SerialReading])[] = [
  [14, 17, { type: "date", fractions: false }],
  [18, 21, { type: "time", fractions: false }],
  [22, 22, { type: "datetime", fractions: false }],
  [27, 31, { type: "date", fractions: false }],
  [32, 33, { type: "time", fractions: false }],
  [34, 36, { type: "date", fractions: false }],
  [45, 45, { type: "time", fractions: false }],
  [46, 46, { type: "duration", fractions: false }],
  [47, 47, { type: "time", fractions: true }],
  [50, 58, { type: "date", fractions: false }],
  [71, 74, { type: "date", fractions: false }],
  [75, 76, { type: "time", fractions: false }],
  [77, 77, { type: "datetime", fractions: false }],
  [78, 78, { type: "time", fractions: false }],
  [79, 79, { type: "duration", fractions: false }],
  [80, 80, { type: "time", fractions: true }],
  [81, 81, { type: "date", fractions: false }],
];

/** What a format that the workbook does not spell shows; nothing where that is a number. */
export function builtInReading(id: number): SerialReading | undefined {
  return BUILT_IN.find(([from, to]) => id >= from && id <= to)?.[2];
}

/** Text of a format that stands for itself: in quotes, escaped, of the width of a character, repeated. */
const LITERAL = /"[^"]*"?|\\.|[_*]./gsu;

/** UTF-16 units of a number format (Excel's specifications and limits). */
const MAX_UNITS = 255;

/** Elapsed time: `[h]`, `[mm]`; other brackets are colours, conditions, languages. */
const ELAPSED = /\[(?:h+|m+|s+)\]/i;

/**
 * What a number format shows (ECMA-376 part 1, 18.8.31): the first of its sections that shows a date or a
 * time says it.
 */
export function readingOf(code: string): SerialReading | undefined {
  if (code.length > MAX_UNITS) return undefined;
  // `General` has an e, and an exponent is no era's year.
  const bare = code.replaceAll(LITERAL, "").replaceAll(/general/gi, "").replaceAll(/E[+-]/gi, "");
  for (const section of bare.split(";")) {
    const isElapsed = ELAPSED.test(section);
    const shown = section.replaceAll(/\[[^\]]*\]/g, "").toLowerCase();
    const fractions = /[.,]0/.test(shown) && /s/i.test(section);
    if (isElapsed) return { type: "duration", fractions };
    const hasClock = /[hs]|am\/pm|a\/p/.test(shown);
    const date = shown.replaceAll(/am\/pm|a\/p/g, "");
    // An `m` is minutes beside hours or seconds, and months anywhere else.
    const hasDate = /[ydegb]/.test(date) || /m/.test(withoutMinutes(date));
    if (hasClock) return { type: hasDate ? "datetime" : "time", fractions };
    if (hasDate) return { type: "date", fractions: false };
  }
  return undefined;
}

/** A section without the minutes: an `m` or `mm` after hours, or before seconds. */
function withoutMinutes(section: string): string {
  return section.replaceAll(/(h+[^a-z]*)m{1,2}(?!m)/g, "$1").replaceAll(/m{1,2}([^a-z]*s)/g, "$1");
}
