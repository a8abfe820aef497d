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

/** What a UTF-16 unit is to a formula. */
const OTHER = 0;
const IGNORED_UNIT = 1;
const TRIGGER_UNIT = 2;

/**
 * What each UTF-16 unit is: the cheap test before the expression. A table, because an expression that
 * finds quotes too, so that one would do, takes 15 ns a cell more.
 */
const UNITS = new Uint8Array(65_536);
const IS_IGNORED = new RegExp(`[${IGNORED}]`);
const IS_TRIGGER = new RegExp(`[${TRIGGERS}]`);
for (let unit = 0; unit < UNITS.length; unit++) {
  const text = String.fromCharCode(unit);
  if (IS_IGNORED.test(text)) UNITS[unit] = IGNORED_UNIT;
  else if (IS_TRIGGER.test(text)) UNITS[unit] = TRIGGER_UNIT;
}

/** Whether text that is not empty begins as a formula could; most text does not. */
export function mayBeFormula(text: string): boolean {
  return UNITS[text.charCodeAt(0)] !== OTHER;
}

/**
 * Whether a formula stands behind a separator in a text: `a;=1`. A scan and no expression, as user
 * agents are full of semicolons: splitting them took a fifth of the time of CSV.
 */
export function hidesFormula(text: string, separators: readonly string[]): boolean {
  for (const separator of separators) {
    for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, at + 1)) {
      if (beginsFormula(text, at + 1)) return true;
    }
  }
  return false;
}

const TAB = 0x09;

function beginsFormula(text: string, start: number): boolean {
  let at = start;
  let unit = text.charCodeAt(at);
  if (unit === 0 || unit === 0x0a || unit === 0x0d) return true;
  // A TAB may be a separator itself: what follows it is looked at from there, and all of it once.
  while (UNITS[unit] === IGNORED_UNIT && unit !== TAB) unit = text.charCodeAt(++at);
  return UNITS[unit] === TRIGGER_UNIT;
}

/** Whether a spreadsheet may run a text. A sign counts: `-2+cmd|…` is a formula, and so is `-2`. */
export function isFormula(text: string): boolean {
  return FORMULA.test(text);
}
