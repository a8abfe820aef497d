/** Truncates text without splitting a character in half. */

/** The first UTF-16 units of a text, never half a surrogate pair. */
export function truncate(text: string, units: number): string {
  if (text.length <= units) return text;
  const last = text.charCodeAt(units - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? units - 1 : units);
}
