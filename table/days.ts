/** Days of the calendar by their number. */

/** `00` to `99`. */
export const PAIRS: readonly string[] = Array.from(
  { length: 100 },
  (_, number) => String(number).padStart(2, "0"),
);

/**
 * Days since 0000-03-01 of the proleptic Gregorian calendar, in which a year ends with its leap day
 * (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). The year 0 is 1 BC.
 */
export function daysOf(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1;
  const era = Math.floor(shifted / 400);
  const ofEra = shifted - era * 400;
  const ofYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return era * ERA_DAYS + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear;
}

/** Days in 400 years. */
const ERA_DAYS = 146_097;

/** The date of a number of {@linkcode daysOf}: `2026-01-02`, with ` BC` behind it before the year 1. */
export function dateText(days: number): string {
  const era = Math.floor(days / ERA_DAYS);
  const day = days - era * ERA_DAYS;
  const ofEra = Math.floor(
    (day - Math.floor(day / 1460) + Math.floor(day / 36_524) - Math.floor(day / 146_096)) / 365,
  );
  const ofYear = day - (365 * ofEra + Math.floor(ofEra / 4) - Math.floor(ofEra / 100));
  const shifted = Math.floor((5 * ofYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = era * 400 + ofEra + (month > 2 ? 0 : 1);
  const written = String(year > 0 ? year : 1 - year).padStart(4, "0");
  const date = `${written}-${PAIRS[month]}-${
    PAIRS[ofYear - Math.floor((153 * shifted + 2) / 5) + 1]
  }`;
  return year > 0 ? date : `${date} BC`;
}
