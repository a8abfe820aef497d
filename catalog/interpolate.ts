/** Puts environment variables into one string of the configuration. */

/** Where environment variables are looked up; `Deno.env` in production. */
export type Environment = (name: string) => string | undefined;

/** What became of a string. */
export interface Interpolated {
  /** The string with its references replaced. */
  readonly text: string;
  /** Whether it referred to a variable, so that it may hold a secret now. */
  readonly changed: boolean;
  /** What is wrong with its references, one sentence each; never a variable's value. */
  readonly problems: readonly string[];
}

/** An escaped `$${`, a reference, or a `${` that begins neither. */
const REFERENCE = /\$\$\{|\$\{(?<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?<otherwise>[^}]*))?\}|\$\{/g;

/**
 * Replaces `${NAME}`, `${NAME:-default}` and the escape `$${`, which stands for `${`.
 *
 * As in a POSIX shell (2.6.2), the default also stands in for a variable that is set and empty.
 * What a variable holds is not looked at again, so a value cannot refer to another one.
 *
 * @example
 * ```ts
 * interpolate("${HOST:-localhost}:$${x}", () => undefined).text; // "localhost:${x}"
 * ```
 */
export function interpolate(text: string, env: Environment): Interpolated {
  let changed = false;
  const problems: string[] = [];
  const replaced = text.replace(REFERENCE, (match, name?: string, otherwise?: string) => {
    if (match === "$${") return "${";
    if (name === undefined) {
      problems.push("expected ${NAME} or ${NAME:-default}; a literal ${ is written $${");
      return match;
    }
    changed = true;
    const value = env(name);
    if (otherwise !== undefined) return value || otherwise;
    if (value === undefined) problems.push(`the environment variable ${name} is not set`);
    return value ?? "";
  });
  return { text: replaced, changed, problems };
}
