/** Compares numbers that are written out, whatever a double would make of them. */

/**
 * Below 0 where the first is less, above where it is more.
 *
 * @param one digits, perhaps with a `-` in front and a point among them; so is the other
 */
export function compareDecimals(one: string, other: string): number {
  if (isAlike(one, other)) return compareText(one, other);
  const [first, second] = [partsOf(one), partsOf(other)];
  if (first.sign !== second.sign) return first.sign - second.sign;
  return first.sign * (
    first.whole.length - second.whole.length ||
    compareText(first.whole, second.whole) ||
    compareText(first.fraction, second.fraction)
  );
}

/** Whether numbers are ordered as their texts are: of one length, one scale, and not below 0. */
function isAlike(one: string, other: string): boolean {
  return one.length === other.length && one.indexOf(".") === other.indexOf(".") &&
    !one.startsWith("-") && !other.startsWith("-");
}

/** A number without the zeros that say nothing; the sign of 0 is 0. */
function partsOf(text: string) {
  const [whole = "", fraction = ""] = text.replace("-", "").split(".");
  const parts = { whole: whole.replace(/^0+/, ""), fraction: fraction.replace(/0+$/, "") };
  const sign = parts.whole + parts.fraction === "" ? 0 : text.startsWith("-") ? -1 : 1;
  return { ...parts, sign };
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
