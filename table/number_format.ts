/**
 * Knows number formats: which ones a workbook can hold without Excel offering to repair it, and what
 * they are for percentages and currencies. Imports nothing, as the configuration asks it too.
 */

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

/** A fraction in percent: 0.25 is shown as `25.00%`. */
export const PERCENT_FORMAT = "0.00%";

/** Whether a code is that of a currency, `EUR`; ISO 4217, as far as ICU has it in use. */
export function isCurrency(code: string): boolean {
  return Intl.supportedValuesOf("currency").includes(code);
}

/**
 * The number format of an amount: `EUR 1,234.50`, `JPY 1,235`, with the decimals of the currency. The
 * code and not the sign, as Excel offers both: a dollar or a krone has several countries, and the
 * code is what every reader shows.
 */
export function currencyFormat(code: string): string {
  const { maximumFractionDigits: decimals = 0 } = new Intl.NumberFormat("en", {
    style: "currency",
    currency: code,
  }).resolvedOptions();
  return `[$${code}] #,##0${decimals > 0 ? `.${"0".repeat(decimals)}` : ""}`;
}
