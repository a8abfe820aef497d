/** Quotes what a file, a query or a caller says, in an error: no more of it than a reader wants. */

/** Characters of it that are shown. */
const MAX_SHOWN = 100;

/** Names of a list that are shown. */
const MAX_NAMES = 20;

/** A text in quotes. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
}

/** Names as a sentence has them: the first ones, and how many there are besides. */
export function listed(names: readonly string[]): string {
  const more = names.length > MAX_NAMES ? [`and ${names.length - MAX_NAMES} more`] : [];
  return [...names.slice(0, MAX_NAMES).map(quoted), ...more].join(", ");
}
