/** Finds the params that a query names. */

/** A character that may continue an SQL identifier; PostgreSQL and SQLite take all but ASCII too. */
const WORD = String.raw`[\w$\u0080-\uffff]`;

/**
 * What may hide a placeholder, be mistaken for one, or be one. An unfinished string or comment
 * reaches to the end. A doubled quote needs no rule: it reads as two strings side by side.
 */
const TOKEN = new RegExp(
  [
    String.raw`--[^\n]*`,
    // Not nested, as in SQLite; PostgreSQL nests them.
    String.raw`/\*[^]*?(?:\*/|$)`,
    // PostgreSQL 4.1.2.2: only a string with an E before it has backslash escapes.
    String.raw`(?<!${WORD})[eE]'(?:[^'\\]|''|\\[^]?)*(?:'|$)`,
    String.raw`'[^']*(?:'|$)`,
    String.raw`"[^"]*(?:"|$)`,
    "`[^`]*(?:`|$)",
    // PostgreSQL 4.1.2.4: dollar quotes, $$ … $$ and $tag$ … $tag$.
    String.raw`(?<!${WORD})\$(?<tag>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[^]*?\$\k<tag>\$`,
    // A cast.
    "::",
    String.raw`:(?<name>[A-Za-z_\u0080-\uffff]${WORD}*)`,
    String.raw`[[\]]`,
  ].join("|"),
  "g",
);

/** What stands before the bracket of an array or a subscript; elsewhere `[` quotes an identifier. */
const BEFORE_SUBSCRIPT = new RegExp(String.raw`(?:${WORD}|[)\]"]|\barray\s{1,100})$`, "i");

/**
 * The names of the placeholders (`:name`) of an SQL query, each once and in order.
 *
 * Strings, quoted identifiers, comments and casts (`::date`) hold none. It reads SQLite and
 * PostgreSQL; where the two differ, it takes what only one of them allows for what that one means:
 * `[a:b]` is an identifier of SQLite, `array[:a, :b]` an array of PostgreSQL.
 *
 * @example
 * ```ts
 * placeholders("select ':no', day::date from t where org = :org"); // ["org"]
 * ```
 */
export function placeholders(query: string): readonly string[] {
  const names = new Set<string>();
  const token = new RegExp(TOKEN);
  let subscripts = 0;
  for (let match = token.exec(query); match !== null; match = token.exec(query)) {
    const name = match.groups?.name;
    if (name !== undefined) names.add(name);
    else if (match[0] === "]") subscripts = Math.max(0, subscripts - 1);
    else if (match[0] === "[") {
      const before = query.slice(Math.max(0, match.index - 110), match.index);
      if (subscripts > 0 || BEFORE_SUBSCRIPT.test(before)) subscripts++;
      else {
        const end = query.indexOf("]", match.index);
        token.lastIndex = end < 0 ? query.length : end + 1;
      }
    }
  }
  return [...names];
}
