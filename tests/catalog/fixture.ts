/** Reads configurations for tests, and what an operator reads about those that are wrong. */

import assert from "node:assert/strict";
import { z } from "zod";
import type { Config } from "../../catalog/config.ts";
import { ConfigError, formatConfigError } from "../../catalog/issues.ts";
import { loadConfig, type LoadOptions, type SourceSchema } from "../../catalog/load.ts";
import { loadFormats } from "../../exporters/mod.ts";

/** A kind of source of one setting, the path of a file. */
export const SQLITE: SourceSchema = {
  config: z.strictObject({ path: z.string({ error: "the path of a file" }) }),
  paths: ["path"],
};

/** What a test reads a configuration with. */
export interface TestLoadOptions extends Partial<Omit<LoadOptions, "env">> {
  /** The environment. @default nothing is set */
  readonly variables?: Readonly<Record<string, string>>;
}

const formats = await loadFormats();

/** Reads a configuration in `/etc/spillway`, with {@linkcode SQLITE} and all formats where none are given. */
export function load(text: string, { variables = {}, ...options }: TestLoadOptions = {}): Config {
  return loadConfig(text, {
    env: (name) => variables[name],
    folder: "/etc/spillway",
    sources: { sqlite: SQLITE },
    formats,
    ...options,
  });
}

/** What is thrown for a configuration; undefined for one that is right. */
export function errorOf(text: string, options?: TestLoadOptions): ConfigError | undefined {
  try {
    load(text, options);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
}

/** What is printed for a configuration; nothing for one that is right. */
export function printed(text: string, options?: TestLoadOptions): string {
  const error = errorOf(text, options);
  return error ? formatConfigError(error, "spillway.yaml") : "";
}
