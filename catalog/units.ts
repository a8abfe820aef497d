/** Reads the durations of the configuration, such as `25s`. */

const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * The longest duration, in milliseconds: 24 days. A timer holds 2^31 - 1 ms (24.8 days) and fires at
 * once when it is asked for more.
 */
export const LONGEST_DURATION = 24 * 86_400_000;

/**
 * Reads a whole number with one unit, `ms`, `s`, `m`, `h` or `d`, as milliseconds.
 *
 * @returns nothing, when the text is no such duration or one longer than {@linkcode LONGEST_DURATION}
 *
 * @example
 * ```ts
 * parseDuration("60m"); // 3600000
 * parseDuration("60"); // undefined: 60 of what?
 * ```
 */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,10})(ms|s|m|h|d)$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) return undefined;
  const milliseconds = Number(count) * MILLISECONDS[unit]!;
  return milliseconds <= LONGEST_DURATION ? milliseconds : undefined;
}
