/**
 * Makes dates, datetimes, times and durations of the text that stands for them.
 *
 * What a database has beyond the calendar of four digits is of its type here (`infinity`, ` BC`, the
 * year 12026, MySQL's `2026-00-00`): a format that cannot hold it says so.
 */

import { toNumber, type Value } from "./number_converters.ts";

const DAY = String.raw`(\d{4,7})-(0\d|1[0-2])-([012]\d|3[01])`;
const CLOCK = String.raw`(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?`;
const OFFSET = String.raw`[Zz]|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?`;

/** A day, and its time where there is one: the groups are the day, its parts, the time, the era. */
const DATETIME = new RegExp(`^(${DAY})(?:[Tt ](${CLOCK})(?:${OFFSET})?)?( BC)?$`);

const MIDNIGHT = /^00:00(?::00(?:\.0+)?)?$/;

const INFINITY = /^-?infinity$/;

/** Reads a day that exists, or one that MySQL keeps without a month or a day, with its time. */
function readDay(text: string) {
  const [, date, year, month, day, clock, era = ""] = DATETIME.exec(text) ?? [];
  if (date === undefined || !exists(Number(year), Number(month), Number(day), era)) {
    return undefined;
  }
  return { date, clock, era };
}

function exists(year: number, month: number, day: number, era: string): boolean {
  if (day <= 28) return true;
  if (month !== 2) return day <= 30 || ![4, 6, 9, 11].includes(month);
  // There is no year 0: 1 BC comes before the year 1.
  const counted = era === "" ? year : 1 - year;
  return day === 29 && counted % 4 === 0 && (counted % 100 !== 0 || counted % 400 === 0);
}

/** A day, or the day of a midnight on the clock that the text shows, whatever its offset. */
export function toDate(value: Value): Value | undefined {
  if (typeof value !== "string") return undefined;
  const read = readDay(value);
  if (read === undefined) return INFINITY.test(value) ? value : undefined;
  const { date, clock, era } = read;
  return clock === undefined || MIDNIGHT.test(clock) ? date + era : undefined;
}

/** A datetime as it is, or the midnight of a day. */
export function toDatetime(value: Value): Value | undefined {
  if (typeof value !== "string") return undefined;
  const read = readDay(value);
  if (read === undefined) return INFINITY.test(value) ? value : undefined;
  return read.clock === undefined ? `${read.date} 00:00:00${read.era}` : value;
}

/** A time as MySQL has it: up to 838 hours, either way. */
const TIME = /^(-)?(\d{2,9}):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?$/;

/** A duration of hours, minutes and seconds alone (ISO 8601-1, 5.5.2.2). */
const CLOCK_DURATION = /^(-)?PT(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(\.\d+)?S)?$/;

/** PostgreSQL has signs within. */
const DURATION =
  /^[+-]?P(?=[\dT-])(?:-?\d+Y)?(?:-?\d+M)?(?:-?\d+W)?(?:-?\d+D)?(?:T(?=[\d-])(?:-?\d+H)?(?:-?\d+M)?(?:-?\d+(?:[.,]\d+)?S)?)?$/;

/** `-PT36H5M6.25S`. */
export function durationText(
  negative: boolean,
  hours: number,
  minutes: number,
  seconds: string,
): string {
  return `${negative ? "-" : ""}PT${hours}H${minutes}M${seconds}S`;
}

/** A time of the day; a day or more, and less than nothing, is a duration. */
export function toTime(value: Value): Value | undefined {
  if (typeof value !== "string") return undefined;
  const time = TIME.exec(value);
  if (time) return time[1] === undefined && Number(time[2]) < 24 ? value : toDuration(value);
  const duration = CLOCK_DURATION.exec(value);
  if (!duration) return undefined;
  const [, sign, hours = "", minutes = "", seconds = "", fraction = ""] = duration;
  if (sign || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return value;
  return [hours, minutes, seconds].map((part) => part.padStart(2, "0")).join(":") + fraction;
}

/** ISO 8601, which a time is written as; or seconds. */
export function toDuration(value: Value): Value | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string") return undefined;
  if (DURATION.test(value)) return value;
  const time = TIME.exec(value);
  if (!time) {
    const seconds = toNumber(value);
    return Number.isFinite(seconds) ? seconds : undefined;
  }
  const [, sign, hours, minutes, seconds = "0"] = time;
  return durationText(
    sign !== undefined,
    Number(hours),
    Number(minutes),
    seconds.replace(/^0(?=\d)/, ""),
  );
}
