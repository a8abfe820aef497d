/** Tells text that a spreadsheet would run as a formula when it opens a text file. */

/**
 * `=`, `+`, `-` and `@`, and their full-width forms, which a spreadsheet in an East Asian locale
 * reads alike (OWASP, "CSV Injection").
 */
const TRIGGERS = "=+\\-@\uff1d\uff0b\uff0d\uff20";

/**
 * White space and controls. Excel keeps a space before `=` and sees text; readers that trim first see
 * a formula (Google Sheets, converters to XLSX, LibreOffice where it is told to).
 */
const IGNORED = "\\s\\0-\\x1f";

/** A trigger in front, or behind what is ignored; or TAB, CR, LF or NUL in front of anything. */
const FORMULA = new RegExp(`^(?:[\\t\\r\\n\\0]|[${IGNORED}]*[${TRIGGERS}])`);

/**
 * 1 for each UTF-16 unit that a formula can begin with: the cheap test before the expression. A
 * table, because an expression that finds quotes too, so that one would do, takes 15 ns a cell more.
 */
const STARTS = new Uint8Array(65_536);
const START = new RegExp(`[${IGNORED}${TRIGGERS}]`);
for (let unit = 0; unit < STARTS.length; unit++) {
  if (START.test(String.fromCharCode(unit))) STARTS[unit] = 1;
}

/** Whether text that is not empty begins as a formula could; most text does not. */
export function mayBeFormula(text: string): boolean {
  return STARTS[text.charCodeAt(0)] === 1;
}

/** Whether a spreadsheet may run a text. A sign counts: `-2+cmd|…` is a formula, and so is `-2`. */
export function isFormula(text: string): boolean {
  return FORMULA.test(text);
}
