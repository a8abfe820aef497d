/** Decides which configuration file the process uses. */

import type { Environment } from "./interpolate.ts";

/** The file that is used when none is named. */
export const DEFAULT_CONFIG_FILE = "./spillway.yaml";

/** Where the configuration comes from. */
export type ConfigChoice =
  /** A file; `by` tells who named it, so that a message about a missing one can. */
  | { readonly kind: "file"; readonly path: string; readonly by: "flag" | "environment" | "folder" }
  /** The demo that is built in. */
  | { readonly kind: "demo" };

/** What the choice depends on. */
export interface LocateOptions {
  /** The value of `--config`, when it is given. */
  readonly flag?: string;
  /** The environment, for `SPILLWAY_CONFIG`. */
  readonly env: Environment;
  /** Whether there is something at a path. @default looks, and fails where it may not */
  readonly exists?: (path: string) => boolean;
}

/**
 * Chooses `--config`, else `SPILLWAY_CONFIG` (unless it is empty), else `./spillway.yaml` when there
 * is one, else the demo.
 *
 * A file that is named is chosen whether or not it exists: to run the demo in place of a file with a
 * mistyped name would hide the mistake.
 *
 * @throws when it may not be known whether `./spillway.yaml` exists
 */
export function locateConfig(options: LocateOptions): ConfigChoice {
  if (options.flag !== undefined) return { kind: "file", path: options.flag, by: "flag" };
  const named = options.env("SPILLWAY_CONFIG");
  if (named) return { kind: "file", path: named, by: "environment" };
  if ((options.exists ?? exists)(DEFAULT_CONFIG_FILE)) {
    return { kind: "file", path: DEFAULT_CONFIG_FILE, by: "folder" };
  }
  return { kind: "demo" };
}

/** Counts a dangling link as there, so that reading it fails instead of being skipped. */
function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
