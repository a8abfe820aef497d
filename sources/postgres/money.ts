/** Reads PostgreSQL's `money`, which is written as the database's locale has it. */

/** From the first digit to the last, with what stands between digits: a mark, groups, white space. */
const AMOUNT = /^(\D*)(\d(?:[\d.,'’\s]*\d)?)(\D*)$/;

/** Groups of digits: three in the last one, two or three in those before it, as India has them. */
const GROUPED = /^\d{1,3}(?:\D\d{2,3})*\D\d{3}$/;

/**
 * The digits of an amount as a decimal: `-1234.50` for `-$1,234.50`, `($1,234.50)` and `-1.234,50 €`.
 *
 * The decimal mark is the last separator, where two digits follow it or another separator comes before
 * it; an amount without one is whole. Nothing for what could be two amounts: `1,234` is a thousand in
 * Japan, and little more than one in Kuwait.
 */
export function moneyDecimal(text: string): string | undefined {
  const [, before = "", amount, after = ""] = AMOUNT.exec(text) ?? [];
  if (amount === undefined) return undefined;
  const sign = /-/.test(before + after) || /\(/.test(before) && /\)/.test(after) ? "-" : "";
  const separators = amount.replace(/\d/g, "");
  const mark = separators.at(-1);
  if (mark === undefined) return sign + amount;
  const at = amount.lastIndexOf(mark);
  const [whole, fraction] = [amount.slice(0, at), amount.slice(at + 1)];
  const isDecimal = /[.,]/.test(mark) && separators.indexOf(mark) === separators.length - 1;
  if (isDecimal && (fraction.length === 2 || separators.length > 1)) {
    const digits = ungrouped(whole);
    return digits === undefined ? undefined : `${sign}${digits}.${fraction}`;
  }
  // The only one: it may be the decimal mark of three digits as well.
  if (isDecimal) return undefined;
  const digits = ungrouped(amount);
  return digits === undefined ? undefined : sign + digits;
}

/** The digits of groups that one separator separates; nothing for what are none. */
function ungrouped(text: string): string | undefined {
  const separators = new Set(text.replace(/\d/g, ""));
  if (separators.size === 0) return text;
  if (separators.size > 1 || !GROUPED.test(text)) return undefined;
  return text.replace(/\D/g, "");
}
