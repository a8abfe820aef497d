/** Finds the placeholders of a path and a query string. */

/** `:name`; a colon that is none is written `%3A`. */
export const PLACEHOLDER = /:([A-Za-z_]\w*)/g;

/** The names of the placeholders in a query, each once and in order. */
export function placeholders(query: string): readonly string[] {
  return [...new Set([...query.matchAll(PLACEHOLDER)].map(([, name]) => name!))];
}
