/** Makes schemas of the functions that read texts. */

import { z } from "zod";

/**
 * A schema for text that is read as a value.
 *
 * @param read gives nothing where the text is no such value
 * @param error what is said then, and where there is no text
 *
 * @example
 * ```ts
 * const keep = parsed(parseDuration, "a duration such as 10m");
 * keep.parse("10m"); // 600000
 * ```
 */
export function parsed<T>(read: (text: string) => T | undefined, error: string): z.ZodType<T> {
  return z.string({ error }).transform((text, context) => {
    const value = read(text);
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: error });
    return z.NEVER;
  });
}
