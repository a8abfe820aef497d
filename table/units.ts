/** Reads the durations and sizes of the configuration, such as `25s` and `20GiB`. */

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
export const MAX_DURATION_MS = 24 * 86_400_000;

/** What a duration or a size must be from and to, in milliseconds or bytes. */
export interface Bounds {
  /** The least one. @default 0 */
  readonly min?: number;
  /**
   * The greatest one. @default {@linkcode MAX_DURATION_MS}, of which more is for what no timer waits for; of
   * sizes, what a double holds exactly
   */
  readonly max?: number;
}

/**
 * Reads a whole number with one unit, `ms`, `s`, `m`, `h` or `d`, as milliseconds.
 *
 * @returns nothing, when the text is no such duration or one out of bounds
 *
 * @example
 * ```ts
 * parseDuration("60m"); // 3600000
 * parseDuration("60"); // undefined: 60 of what?
 * ```
 */
export function parseDuration(
  text: string,
  { min = 0, max = MAX_DURATION_MS }: Bounds = {},
): number | undefined {
  const [, count, unit] = /^(\d{1,16})(ms|s|m|h|d)$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) return undefined;
  const milliseconds = Number(count) * MILLISECONDS[unit]!;
  return milliseconds >= min && milliseconds <= max ? milliseconds : undefined;
}

const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/**
 * Reads a whole number with one unit, `B`, `KiB`, `MiB`, `GiB` or `TiB`, as bytes.
 *
 * @returns nothing, when the text is no such size or one out of bounds
 *
 * @example
 * ```ts
 * parseSize("20GiB"); // 21474836480
 * parseSize("20GB"); // undefined: a thousand or 1024 of what?
 * ```
 */
export function parseSize(
  text: string,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: Bounds = {},
): number | undefined {
  const [, count, unit] = /^(\d{1,16})(B|KiB|MiB|GiB|TiB)$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) return undefined;
  const bytes = Number(count) * BYTES[unit]!;
  return bytes >= min && bytes <= max ? bytes : undefined;
}
