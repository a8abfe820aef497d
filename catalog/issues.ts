/** What is wrong with a configuration file, as an operator reads it. */

/** Where a value stands in the file: the keys and list positions that lead to it. */
export type Path = readonly (string | number)[];

/** One thing to correct. */
export interface ConfigIssue {
  /** The keys that lead to it, such as `exports.audit-log.params.org.type`; empty for the whole file. */
  readonly path: string;
  /** What is wrong, and what was expected; never the value of an environment variable. */
  readonly message: string;
  /** The line of the file, from 1; absent where the issue is something that is not there. */
  readonly line?: number;
}

/** A configuration that cannot be used. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** Everything that is wrong with it, in the order of the file. */
  readonly issues: readonly ConfigIssue[];

  constructor(issues: readonly ConfigIssue[]) {
    const count = issues.length === 1 ? "1 mistake" : `${issues.length} mistakes`;
    super(`Cannot use the configuration: ${count}`);
    this.issues = issues;
  }
}

/** Writes a path as people do: `exports.audit-log.formats[1]`, with unusual keys in quotes. */
export function formatPath(path: Path): string {
  return path.map((step, index) => {
    if (typeof step === "number") return `[${step}]`;
    const key = /^[\w-]+$/.test(step) ? step : JSON.stringify(step);
    return index === 0 ? key : `.${key}`;
  }).join("");
}

/**
 * Writes the issues for a terminal, a line each: `spillway.yaml:3: server.port: expected …`.
 *
 * @param file the name of the configuration file, as the operator knows it
 */
export function formatConfigError(error: ConfigError, file: string): string {
  return error.issues.map(({ path, message, line }) => {
    const location = line === undefined ? file : `${file}:${line}`;
    return `${[location, path, message].filter((part) => part !== "").join(": ")}\n`;
  }).join("");
}
