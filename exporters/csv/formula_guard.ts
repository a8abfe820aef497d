/** Makes text harmless that a spreadsheet would run as a formula when it opens a text file. */

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
 * A trigger behind what a reader may take for a separator, whatever the file's own is. Excel splits at
 * the list separator of its locale, and knows quotes only in front of what it takes for a field: where
 * that is `;` it sees in `1,"x;=2"` the fields `1,"x` and `=2"`, and a new row behind a line end. A quote
 * within a field is in the file twice, which in front of one is an empty text, and read on from there.
 * It looks back from the few triggers, which takes half as long as to look on from each separator.
 */
const HIDDEN = new RegExp(
  `[${TRIGGERS}](?<=[,;\\t\\r\\n][[${IGNORED}"]--[\\t\\r\\n]]*.)`,
  "gv",
);

/** What may stand between two fields of a file. */
export type Separator = "," | ";" | "\t";

/** What stands between a separator that is no tab and a trigger; a tab too, to a reader who splits at the other. */
const BLANK = new RegExp(`[[${IGNORED}"]--[\\r\\n]]`, "v");

/** What begins a string, a name of a sheet or a bracket; a `'` within a word begins nothing. */
const OPENING = /["[{\uff02\uff07]|(?<![\p{L}\p{M}\p{N}])'/u;

/** The end of an operand. */
const OPERAND_END = /[\p{L}\p{M}\p{N}\p{So}\p{Sc}\p{Pe}\p{Pf}.?%…。]$/u;

/** Whether text begins as a formula could, by its first UTF-16 unit: the cheap test before the expression. */
const STARTS = new Uint8Array(65_536);
const START = new RegExp(`[${IGNORED}${TRIGGERS}]`);
for (let unit = 0; unit < STARTS.length; unit++) {
  if (START.test(String.fromCharCode(unit))) STARTS[unit] = 1;
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const WIDE_EQUALS = 0xff1d;

/** Whether text that is not empty begins as a formula could; most text does not. */
export function mayBeFormula(text: string): boolean {
  return STARTS[text.charCodeAt(0)] === 1;
}

/**
 * Puts a `'` before each formula in a text: in front, where `-2` counts too, and behind whatever may
 * separate fields, where a sign counts only if the formula could do more than compute, so that
 * `[1,-2]` and `- a list` stay what they are. Gives back the same text where there is none.
 *
 * A field that a reader sees may begin in one cell and go on to the next: where `;` separates,
 * `x;+1,5+cmd|…` of two cells are `x` and a formula. Quotes between the two break it off. Where a number
 * begins it, at the begin of a row, all text of that row is in quotes, which make it a string of the formula:
 * `-5,"5+cmd|…"`.
 *
 * @param separator of the file
 */
export function guardFormulas(text: string, separator: Separator): string {
  const own = separator.charCodeAt(0);
  let guarded = text;
  let before: string;
  do {
    before = guarded;
    guarded = guardHidden(before, own);
    // Again, as a `'` may open the name of a sheet in a field that another reader sees around it: `x;@,'=1`.
  } while (guarded !== before);
  return mayBeFormula(text) && FORMULA.test(text) ? "'" + guarded : guarded;
}

/** Whether a trigger stands behind what a reader may take for a separator: such text must be in quotes. */
export function hidesTrigger(text: string): boolean {
  HIDDEN.lastIndex = 0;
  return HIDDEN.test(text);
}

function guardHidden(text: string, own: number): string {
  let guarded = "";
  let from = 0;
  HIDDEN.lastIndex = 0;
  while (HIDDEN.test(text)) {
    const trigger = HIDDEN.lastIndex - 1;
    let start = trigger;
    while (!isSeparator(text.charCodeAt(start - 1))) start--;
    if (!isHarmful(text, trigger, start - 1, own)) continue;
    guarded += text.slice(from, start) + "'";
    from = start;
  }
  return from === 0 ? text : guarded + text.slice(from);
}

function isSeparator(unit: number): boolean {
  return unit === COMMA || unit === SEMICOLON || unit === TAB || unit === LF || unit === CR;
}

/** Whether a formula could do harm that begins with this trigger, behind the separator nearest to it or one behind tabs. */
function isHarmful(text: string, trigger: number, nearest: number, own: number): boolean {
  if (canReach(text, trigger, text.charCodeAt(nearest), own)) return true;
  if (text.charCodeAt(nearest) !== TAB) return false;
  let before = nearest - 1;
  while (before >= 0 && BLANK.test(text[before]!)) before--;
  const separator = text.charCodeAt(before);
  return isSeparator(separator) && canReach(text, trigger, separator, own);
}

/**
 * Whether a formula could do more than compute: one that begins with `=`, has a call `(`, a DDE link `|`
 * or another sheet `!` before its field ends for a reader to whom this is the separator, or may have one
 * in the next cell, to which that field goes on. It does not where the file's own separator is this one.
 */
function canReach(text: string, trigger: number, separator: number, own: number): boolean {
  for (let at = trigger; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case EQUALS:
      case WIDE_EQUALS:
        if (at === trigger) return true;
        break;
      case 0x28:
      case 0x7c:
      case 0x21:
      case 0xff08:
      case 0xff5c:
      case 0xff01:
        return true;
      case separator:
      case LF:
      case CR:
        return false;
    }
  }
  return separator !== own && !isBrokenOff(text.slice(trigger + 1));
}

/**
 * Whether a quote behind the rest of a formula breaks it off: the rest ends with an operand, and with nothing
 * open. Text in which a trigger stands behind a separator is in quotes ({@linkcode hidesTrigger}); in
 * `"x;+1&","""&cmd|…` they would be a formula's own.
 */
function isBrokenOff(rest: string): boolean {
  return OPERAND_END.test(rest.trimEnd().slice(-2)) && !OPENING.test(rest);
}
