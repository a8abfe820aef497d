/** Knows which numbers a cell holds exactly: it is a double of which Excel shows 15 digits. */

import { EXACT_DIGITS, hasFraction, significantDigits } from "../decimals.ts";

/** Beyond these Excel reads a number as an error and as zero. */
const MAX_NUMBER = 9.99999999999999e307;
const MIN_NUMBER = 2.2250738585072014e-308;

/** Whole numbers below this have at most {@linkcode EXACT_DIGITS} digits. */
const MAX_PLAIN = 10 ** EXACT_DIGITS;

/**
 * Whether a cell holds a double as it is. A double with a fraction is one: the file keeps all its
 * 17 digits, as Excel's own files do, although Excel shows 15. A whole number of more than 15
 * digits is not: Excel would show another one, and such numbers are keys.
 */
export function isExactNumber(number: number): boolean {
  const size = Math.abs(number);
  if (size < MAX_PLAIN) return size >= MIN_NUMBER || size === 0;
  return size <= MAX_NUMBER && (!Number.isInteger(number) || isShort(String(number)));
}

/** Whether a cell holds a whole number as it is. */
export function isExactInteger(integer: bigint): boolean {
  if (integer < MAX_PLAIN && integer > -MAX_PLAIN) return true;
  return Math.abs(Number(integer)) <= MAX_NUMBER && isShort(String(integer));
}

/** How a cell holds a decimal. */
export interface HeldDecimal {
  /** Its spelling in a cell. */
  readonly digits: string;
  /** Whether that is another number, the nearest one. */
  readonly rounded: boolean;
}

/**
 * How a cell holds a number that `decimalText` gave; undefined where it had better be text, which a
 * whole number of more than 15 digits had, as it is a key, and one beyond what Excel reads.
 */
export function holdDecimal(decimal: string): HeldDecimal | undefined {
  const digits = significantDigits(decimal);
  if (digits === "") return { digits: decimal, rounded: false };
  const number = Number(decimal);
  const size = Math.abs(number);
  if (size > MAX_NUMBER || size < MIN_NUMBER) return undefined;
  if (digits.length <= EXACT_DIGITS) return { digits: decimal, rounded: false };
  if (!hasFraction(decimal)) return undefined;
  const nearest = String(number);
  return { digits: nearest, rounded: significantDigits(nearest) !== digits };
}

function isShort(number: string): boolean {
  return significantDigits(number).length <= EXACT_DIGITS;
}
