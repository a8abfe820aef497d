/** Knows which number formats a workbook can hold without Excel offering to repair it. */

/** UTF-16 units of a number format (Excel's specifications and limits). */
const MAX_UNITS = 255;

// A section (ECMA-376 part 1, 18.8.31): text in quotes, a colour or condition in brackets, a
// character after the one that escapes it, skips its width or repeats it; and anything else.
const SECTION = String.raw`(?:"[^"]*"|\[[^[\]]*\]|[\\_*].|[^"[\]\\_*;])*`;

/** For positive numbers, for negative ones, for zero, for text. */
const SECTIONS = new RegExp(`^${SECTION}(?:;${SECTION}){0,3}$`, "u");

// deno-lint-ignore no-control-regex -- they are what is looked for
const ILLEGAL = /[\0-\x1f\x7f\ud800-\udfff\ufffe\uffff]/u;

/**
 * Whether a text can be a number format, such as `#,##0.00` or `0.0 "kg";[Red]-0.0 "kg"`: what can
 * be told without knowing every code and every language.
 */
export function isNumberFormat(code: string): boolean {
  return code !== "" && code.length <= MAX_UNITS && !ILLEGAL.test(code) && SECTIONS.test(code);
}
