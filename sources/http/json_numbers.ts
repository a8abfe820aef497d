/** Reads the numbers of JSON with nothing lost. */

/** An integer's digits as a number where that is safe. */
function exactInteger(digits: string): number | bigint {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}

/**
 * The cell of a JSON number (RFC 8259, 6): an integer, or a double where that is the same number as
 * the text, else the text with all of its digits.
 */
export function exactNumber(text: string): number | bigint | string {
  if (/^-?\d+$/.test(text)) return exactInteger(text);
  const number = Number(text);
  return Number.isFinite(number) && canonical(String(number)) === canonical(text) ? number : text;
}

/** The same text for the same number: its digits without zeros around them, and an exponent. */
function canonical(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const kept = digits.replace(/0+$/, "");
  if (kept === "") return "0";
  return `${sign}${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`;
}
