/** What a principal may do: which exports and formats it sees, how much, and which columns are masked. */

import { AccessError } from "./access_error.ts";
import { matchesAny } from "./globs.ts";
import type { Mask } from "../table/masks.ts";
import type { Caps, Principal } from "./principal.ts";

/** The mask of a column. */
export interface MaskRule {
  /** How its cells are hidden. */
  readonly mask: Mask;
  /** The scope of principals that see them plain. @default none: no principal does */
  readonly unless?: string;
}

/** Whether an export is there for a principal; one that is not is as unknown as any other name. */
export function seesExport({ exports }: Principal, name: string): boolean {
  return matchesAny(exports, name);
}

/** The formats, of those that an export is offered in, that a principal may ask for. */
export function allowedFormats({ formats }: Principal, offered: readonly string[]): string[] {
  return offered.filter((format) => formats?.includes(format) ?? true);
}

/** The scope of principals that may have their own files converted. */
export const CONVERT_SCOPE = "convert";

/**
 * Throws where a principal may not have a file of its own converted. That shows no data of the server, but
 * takes its disk and its processors: a key for two exports is not a key for that.
 *
 * @throws {AccessError} of the kind `scope`
 */
export function assertConvert({ via, scopes }: Principal): void {
  if (via === "anonymous" || scopes.includes(CONVERT_SCOPE)) return;
  const detail = `your credential has not the scope ${CONVERT_SCOPE}`;
  throw new AccessError("scope", [{ name: "scope", detail }]);
}

/**
 * Throws where a principal may not ask for a format.
 *
 * @throws {AccessError} of the kind `format`
 */
export function assertFormat(principal: Principal, format: string): void {
  if (allowedFormats(principal, [format]).length > 0) return;
  const detail = `your credential is for ${principal.formats!.join(", ")}, and not for ${format}`;
  throw new AccessError("format", [{ name: "format", detail }]);
}

/**
 * The least of several limits, such as those of a principal and of each export in a file.
 *
 * @example
 * ```ts
 * strictestCaps(principal.caps, { maxRows: 5_000_000 });
 * ```
 */
export function strictestCaps(...all: readonly Caps[]): Caps {
  const least: { -readonly [Key in keyof Caps]: Caps[Key] } = {};
  for (const caps of all) {
    for (const key of ["maxRows", "maxBytes", "maxDuration"] as const) {
      const cap = caps[key];
      if (cap !== undefined) least[key] = Math.min(cap, least[key] ?? Infinity);
    }
  }
  return least;
}

/**
 * The masks that hold for a principal.
 *
 * @param rules those of an export, by the name of the column
 * @returns an object without a prototype, as columns are called anything
 */
export function masksFor(
  { scopes }: Principal,
  rules: Readonly<Record<string, MaskRule>>,
): Readonly<Record<string, Mask>> {
  const masks: Record<string, Mask> = Object.create(null);
  for (const [column, { mask, unless }] of Object.entries(rules)) {
    if (unless === undefined || !scopes.includes(unless)) masks[column] = mask;
  }
  return masks;
}
