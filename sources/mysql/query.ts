/** Finds the placeholders of a query as MySQL reads it. */

/** How the server reads a statement: its `sql_mode`. */
export interface SqlMode {
  /** Whether a backslash in a string is a letter like others (`NO_BACKSLASH_ESCAPES`). @default false */
  readonly plainBackslash?: boolean;
  /** Whether `"…"` is a name, in which a backslash is one too (`ANSI_QUOTES`). @default false */
  readonly ansiQuotes?: boolean;
}

/** How a query can be read by a server that was not asked. */
const MODES: readonly SqlMode[] = [{}, { plainBackslash: true }, { ansiQuotes: true }];

/** The end of the query in the place of that of a string, a name or a comment. */
const UNFINISHED = "(?<unfinished>$)";

/**
 * What may hide a placeholder or be one (MySQL 9.1 and 9.7); a string or comment without an end
 * reaches to the end. A doubled quote needs no rule: it reads as two strings side by side.
 */
export function tokens({ plainBackslash = false, ansiQuotes = false }: SqlMode): RegExp {
  const quoted = (quote: string, plain: boolean) =>
    `${quote}${plain ? `[^${quote}]*` : `(?:[^${quote}\\\\]|\\\\[^])*`}(?:${quote}|${UNFINISHED})`;
  return new RegExp(
    [
      // Two dashes begin a comment before a space or a control character only: `5--:n` has none.
      String.raw`--(?=[\s\x00-\x1f]|$)[^\n]*`,
      String.raw`#[^\n]*`,
      String.raw`/\*[^]*?(?:\*/|${UNFINISHED})`,
      quoted("'", plainBackslash),
      quoted('"', plainBackslash || ansiQuotes),
      `\`[^\`]*(?:\`|${UNFINISHED})`,
      "::",
      String.raw`(?<mark>\?)`,
      String.raw`:(?<name>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`,
    ].join("|"),
    "g",
  );
}

/**
 * The names of a query's placeholders, each once and in order: those that it has whatever the server's
 * `sql_mode` is, and of the declared ones those that it has with one of them. A mode in which a string or a
 * comment has no end is not the server's.
 */
export function placeholders(query: string, declared: readonly string[]): readonly string[] {
  const possible = MODES.filter((mode) => [...query.matchAll(tokens(mode))].every(isFinished));
  const readings = (possible.length === 0 ? MODES : possible).map((mode) => namesOf(query, mode));
  return [...new Set(readings.flat())].filter((name) =>
    declared.includes(name) || readings.every((names) => names.includes(name))
  );
}

function isFinished({ groups }: RegExpExecArray): boolean {
  return groups?.unfinished === undefined;
}

/** The names of the placeholders that a query has for a server of some mode, each as often as it stands there. */
export function namesOf(query: string, mode: SqlMode): readonly string[] {
  return [...query.matchAll(tokens(mode))].flatMap(({ groups }) => groups?.name ?? []);
}
