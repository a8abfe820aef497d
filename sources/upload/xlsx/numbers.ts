/** Reads the numbers of cells, with nothing lost. */

/** The digits of a whole number that a double surely holds. */
export const SAFE_DIGITS = 15;

/** Those that a double is written with at most: more are of a decimal that no double is. */
export const DOUBLE_DIGITS = 17;

/** Digits of a number that is looked at: one with more is no number that any program reckons with. */
const MAX_DIGITS = 100;

const NUMBER = /^[+-]?(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE][+-]?\d{1,4})?$/;

/** What `xsd:double` has besides, and what ExcelJS writes for it. */
const SPECIAL: ReadonlyMap<string, number> = new Map([
  ["NaN", NaN],
  ["INF", Infinity],
  ["-INF", -Infinity],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
]);

/**
 * The cell that a number's text is: a double, as a cell is one; a `bigint` or the text itself where it has
 * more digits than a double (databases' exporters write such).
 *
 * @returns nothing where the text is no number
 */
export function parseNumber(text: string): number | bigint | string | undefined {
  const [match, whole = "", fraction = "", point = ""] = NUMBER.exec(text) ?? [];
  if (match === undefined) return SPECIAL.get(text);
  const number = Number(text);
  const digits = (whole + fraction + point).replace(/^0+/, "");
  if (digits.length <= SAFE_DIGITS) return plain(number, text);
  if (digits.length > MAX_DIGITS) return text;
  if (match.length === whole.length + Number(text < "0")) return integer(text, number);
  return digits.length <= DOUBLE_DIGITS || isSame(digits, number) ? plain(number, text) : text;
}

/** A number that a double holds; the text of one that is beyond it. */
function plain(number: number, text: string): number | string {
  if (number === 0) return 0;
  return Number.isFinite(number) ? number : text;
}

function integer(text: string, number: number): number | bigint {
  return Number.isSafeInteger(number) ? number : BigInt(text.replace("+", ""));
}

/** Whether digits without zeros in front are all those of a double. */
function isSame(digits: string, number: number): boolean {
  const own = String(number).replace(/[eE].*$/, "").replaceAll(/\D/g, "").replace(/^0+/, "");
  return own.replace(/0+$/, "") === digits.replace(/0+$/, "");
}
