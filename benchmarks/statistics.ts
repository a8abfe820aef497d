/** What many measurements of the same thing come to. */

/** The middle and the ends of some numbers. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Sums numbers up; there must be one. */
export function spread(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), least: quantile(values, 0), most: quantile(values, 1) };
}

/** The value that a share of the values does not exceed: 0.95 is the 95th percentile (nearest rank). */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError("Cannot sum up measurements: there are none");
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** How many times as long each of the others took, round by round. */
export function ratios(others: readonly number[], ours: readonly number[]): readonly number[] {
  return others.map((other, round) => other / ours[round]!);
}
