/** Matches the names of exports with patterns in which `*` stands for any text. */

/**
 * Whether the whole of a name matches a pattern, in time linear in the name for each `*`.
 *
 * @example
 * ```ts
 * matchesGlob("audit-*", "audit-log"); // true
 * matchesGlob("audit-*", "my-audit-log"); // false
 * ```
 */
export function matchesGlob(glob: string, name: string): boolean {
  const [start = "", ...pieces] = glob.split("*");
  const end = pieces.pop();
  if (end === undefined) return name === glob;
  const last = name.length - end.length;
  if (!name.startsWith(start) || !name.endsWith(end)) return false;
  let at = start.length;
  for (const piece of pieces) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= last;
}

/** Whether a name matches one of several patterns. */
export function matchesAny(globs: readonly string[], name: string): boolean {
  return globs.some((glob) => matchesGlob(glob, name));
}
