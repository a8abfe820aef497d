/** Params that follow a column from run to run: how they are declared, and what value they have. */

import { ORIGIN_RULE, type ParamOrigin, parseOrigin } from "../access/identity_params.ts";
import type { ParamType, ParamValue } from "../sources/source.ts";
import { type Param, quote, readIdentityValue } from "./params.ts";

/** Where the value of a param comes from that no caller gives. */
export type ParamSource = ParamOrigin | { readonly kind: "cursor"; readonly column: string };

/** What a param says after `from`, for messages. */
export const SOURCE_RULE = `${ORIGIN_RULE}; or cursor: with the name of a column`;

/** The types of params that can follow a column: those that numbers and times are bound as, and text as it is. */
export const CURSOR_TYPES = [
  "integer",
  "number",
  "date",
  "datetime",
  "string",
] as const satisfies readonly ParamType[];

/** Reads what a param says after `from`; nothing when it is no source. */
export function parseSource(text: string): ParamSource | undefined {
  const column = /^cursor:(.+)$/.exec(text)?.[1];
  return column === undefined ? parseOrigin(text) : { kind: "cursor", column };
}

/** The value of a param, or what is wrong with the one that the run before ended at. */
export type CursorReading =
  | { readonly value: ParamValue }
  | { readonly detail: string };

/**
 * The value of a param that follows a column.
 *
 * @param text the highest value of the run before; nothing where there is none: the param's default then
 */
export function readCursor(param: Param, text: string | undefined): CursorReading {
  if (text === undefined) return { value: param.default ?? null };
  const value = readIdentityValue(param, [text]);
  if (value === undefined) {
    return { detail: `the run before ended at ${quote(text)}, which is no ${param.type} for it` };
  }
  // More than it was would leave rows out.
  if (param.type === "number" && !isExact(text, value as number)) {
    return {
      detail: `the run before ended at ${quote(text)}, which has more digits than a number ` +
        "holds; declare the param as a string",
    };
  }
  return { value };
}

/** Whether a double is written as this, but for zeros that say nothing. */
function isExact(text: string, value: number): boolean {
  const plain = /[.]/.test(text) ? text.replace(/\.?0+$/, "") : text;
  return /e/i.test(text) || plain.replace(/^(-?)0+(?=\d)/, "$1") === String(value);
}
