/** Quotes what a file says, in an error: no more of it than a reader wants. */

/** Characters of it that are shown. */
const MAX_SHOWN = 100;

/** A text in quotes. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
}
