/** Reads numbers that come as text, and knows which of them a double holds. */

/** Digits that a double holds whatever they are (C, DBL_DIG); Excel keeps as many of what is typed. */
export const EXACT_DIGITS = 15;

/** Digits that a double may need to be told from its neighbours. */
const MAX_DIGITS = 17;

/** Characters below which a number in its plain spelling is neither infinite nor subnormal as a double. */
const SAFE_LENGTH = 300;

/** The least double that has all its digits: below it, doubles are subnormal. */
const MIN_NORMAL = 2 ** -1022;

const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/**
 * The significant digits of a number in its plain spelling, `-12.50`: without an exponent, a plus sign
 * and a zero too many in front; -1 for any other text. Zeros at either end are no digits. A scan, as
 * nearly all numbers are spelt so, and expressions take 100 ns.
 */
export function plainDigits(text: string): number {
  const length = text.length;
  const start = text.charCodeAt(0) === MINUS ? 1 : 0;
  let point = length;
  let first = -1;
  let last = -1;
  for (let at = start; at < length; at++) {
    const unit = text.charCodeAt(at);
    if (unit > ZERO && unit <= NINE) {
      if (first < 0) first = at;
      last = at;
    } else if (unit === POINT && point === length) point = at;
    else if (unit !== ZERO) return -1;
  }
  const whole = point - start;
  if (whole === 0 || point === length - 1) return -1;
  if (whole > 1 && text.charCodeAt(start) === ZERO) return -1;
  if (first < 0) return 0;
  return last - first + (point > first && point < last ? 0 : 1);
}

/** Whether a double holds a number that is spelt plainly, and so obviously that nothing more is asked. */
export function isPlainlyHeld(text: string): boolean {
  // Most amounts are so short that their digits need not be counted.
  if (text.length <= EXACT_DIGITS) return isPlain(text);
  const digits = plainDigits(text);
  return digits >= 0 && digits <= EXACT_DIGITS && text.length < SAFE_LENGTH;
}

/** Whether {@linkcode plainDigits} counts the digits of a text. */
function isPlain(text: string): boolean {
  const length = text.length;
  const start = text.charCodeAt(0) === MINUS ? 1 : 0;
  if (start === length || !isDigit(text.charCodeAt(length - 1))) return false;
  let point = length;
  for (let at = start; at < length; at++) {
    const unit = text.charCodeAt(at);
    if (isDigit(unit)) continue;
    if (unit !== POINT || point < length) return false;
    point = at;
  }
  return point > start && (text.charCodeAt(start) !== ZERO || point === start + 1);
}

function isDigit(unit: number): boolean {
  return unit >= ZERO && unit <= NINE;
}

/**
 * A number as JSON spells it (RFC 8259, 6), with every digit but zeros too many in front: `+.5` is
 * `0.5`; `undefined` for a text that is no finite number.
 */
export function decimalText(text: string): string | undefined {
  if (plainDigits(text) >= 0) return text;
  const parts = DECIMAL.exec(text);
  if (!parts) return undefined;
  const [, sign, whole = "", after = "", alone = "", exponent = ""] = parts;
  const fraction = after + alone;
  return (sign === "-" ? "-" : "") + (whole.replace(/^0+(?=\d)/, "") || "0") +
    (fraction && "." + fraction) + exponent;
}

// Read in one way only: two runs of digits side by side would take the square of their length.
const DECIMAL = /^([+-])?(?:(\d+)(?:\.(\d*))?|\.(\d+))([eE][+-]?\d+)?$/;

/** Whether a text is a number that no decimal is: infinite, or none. */
export function isNonFinite(text: string): boolean {
  return /^[+-]?(?:Infinity|NaN)$/.test(text);
}

/** Whether a number that {@linkcode decimalText} gave comes back from a double with the same digits. */
export function isHeld(decimal: string): boolean {
  const digits = significantDigits(decimal);
  if (digits.length === 0) return true;
  const number = Number(decimal);
  const size = Math.abs(number);
  if (size < MIN_NORMAL || size === Infinity || digits.length > MAX_DIGITS) return false;
  return digits.length <= EXACT_DIGITS || digits === significantDigits(String(number));
}

/** Whether a number that {@linkcode decimalText} gave has a fraction, be it too small for a double. */
export function hasFraction(decimal: string): boolean {
  if (/[eE]/.test(decimal)) return !Number.isInteger(Number(decimal));
  const point = decimal.indexOf(".");
  return point >= 0 && /[1-9]/.test(decimal.slice(point));
}

/** The digits of a number without the zeros around them, which are its size. */
export function significantDigits(number: string): string {
  const exponent = number.search(/[eE]/);
  const digits = number.slice(0, exponent < 0 ? number.length : exponent).replace(/[-+.]/g, "");
  // No expression for the zeros at the end: it takes the square of those within, of which there can be
  // a hundred thousand.
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === ZERO) end--;
  return digits.slice(0, end).replace(/^0+/, "");
}
