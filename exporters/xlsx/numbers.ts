/** Knows which numbers a cell holds exactly: it is a double of which Excel shows 15 digits. */

/** Significant digits that Excel keeps of a number that is typed or shown. */
const MAX_DIGITS = 15;

/** Beyond these Excel reads a number as an error and as zero. */
const MAX_NUMBER = 9.99999999999999e307;
const MIN_NUMBER = 2.2250738585072014e-308;

/** Whole numbers below this have at most {@linkcode MAX_DIGITS} digits. */
const MAX_PLAIN = 10 ** MAX_DIGITS;

/**
 * Whether a cell holds a double as it is. A double with a fraction is one: the file keeps all its
 * 17 digits, as Excel's own files do, although Excel shows 15. A whole number of more than 15
 * digits is not: Excel would show another one, and such numbers are keys.
 */
export function isExactNumber(number: number): boolean {
  const size = Math.abs(number);
  if (size < MAX_PLAIN) return size >= MIN_NUMBER || size === 0;
  return size <= MAX_NUMBER && significantDigits(String(number)) <= MAX_DIGITS;
}

/** Whether a cell holds a whole number as it is. */
export function isExactInteger(integer: bigint): boolean {
  return integer < MAX_PLAIN && integer > -MAX_PLAIN || isExactDecimal(String(integer));
}

/**
 * Whether a text is a decimal in its plain spelling, and so short that a cell holds it exactly: what
 * nearly all are, told without {@linkcode decimalText} and {@linkcode isExactDecimal}, which together
 * take 100 ns.
 */
export function isShortDecimal(text: string): boolean {
  const length = text.length;
  const first = text.charCodeAt(0) === MINUS ? 1 : 0;
  if (length > MAX_DIGITS || !isDigit(text.charCodeAt(first))) return false;
  let points = 0;
  for (let index = first + 1; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (!isDigit(unit) && (unit !== POINT || ++points > 1)) return false;
  }
  return isDigit(text.charCodeAt(length - 1));
}

const MINUS = 0x2d;
const POINT = 0x2e;

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

/** Whether a cell holds every digit of a decimal that {@linkcode decimalText} gave. */
export function isExactDecimal(decimal: string): boolean {
  if (decimal.length <= MAX_DIGITS && !EXPONENT.test(decimal)) return true;
  if (significantDigits(decimal) > MAX_DIGITS) return false;
  const size = Math.abs(Number(decimal));
  return size <= MAX_NUMBER && (size >= MIN_NUMBER || significantDigits(decimal) === 0);
}

const EXPONENT = /[eE]/;

/**
 * A decimal as XML Schema's `double` spells it, every digit kept: `+.5` is `0.5`; `undefined` for
 * a text that is no finite number.
 */
export function decimalText(text: string): string | undefined {
  if (PLAIN_DECIMAL.test(text)) return text;
  const parts = DECIMAL.exec(text);
  if (!parts) return undefined;
  const [, sign, whole = "", fraction = "", exponent = ""] = parts;
  if (whole === "" && fraction === "") return undefined;
  return (sign === "-" ? "-" : "") + (whole || "0") + (fraction && "." + fraction) + exponent;
}

const PLAIN_DECIMAL = /^-?\d+(?:\.\d+)?$/;
const DECIMAL = /^([+-])?(\d*)\.?(\d*)([eE][+-]?\d+)?$/;

/** The digits of a number without the zeros around them, which are its size. */
function significantDigits(number: string): number {
  const digits = number.replace(/[eE].*$/, "").replace(/[-+.]/g, "");
  return digits.replace(/^0+/, "").replace(/0+$/, "").length;
}
