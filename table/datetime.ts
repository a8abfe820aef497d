/**
 * Turns the text of dates, times and durations into numbers and back.
 *
 * A calendar day is a count of days since 1970-01-01 and a time is a count of seconds since
 * midnight, both plain numbers: an Excel serial is `days + 25569 + seconds / 86400`. `Date` is not
 * used, because `toISOString` alone costs 450 ns, more than all other cells of a row together.
 */

import { PAIRS } from "./days.ts";
import type { ZoneOffset } from "./time_zone.ts";

export { type ZoneOffset, zoneOffsets } from "./time_zone.ts";

const SECONDS_A_DAY = 86_400;

/** The greatest year that four digits hold; the text forms know no other. */
const MAX_YEAR = 9999;

/** Days from 1970-01-01 to 0000-01-01. */
const FIRST_DAY = -719_528;

/** Days from 1970-01-01 to the first of each year. */
const daysBeforeYear = new Int32Array(MAX_YEAR + 2);
daysBeforeYear[0] = FIRST_DAY;
for (let year = 0; year <= MAX_YEAR; year++) {
  daysBeforeYear[year + 1] = daysBeforeYear[year]! + (isLeap(year) ? 366 : 365);
}

/** The day after 9999-12-31. */
const END_DAY = daysBeforeYear[MAX_YEAR + 1]!;

/** Days of a year before each month, 1 to 12, without the leap day. */
const daysBeforeMonth = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/** A time of day, as written. */
export interface Time {
  /** Whole seconds since midnight, 0 to 86,399. */
  readonly seconds: number;
  /** The digits after the seconds with their point (`.250`), or `""`: kept as text, so exact. */
  readonly fraction: string;
}

/** A datetime, as written or as moved to a zone: a wall clock, with an offset where one is known. */
export interface DateTime extends Time {
  /** Days since 1970-01-01, on the wall clock. */
  readonly days: number;
  /** Minutes that the wall clock is ahead of UTC; undefined where the text has none. */
  readonly offset: number | undefined;
}

/** Reads `YYYY-MM-DD`, a day that exists, as days since 1970-01-01. */
export function parseDays(text: string): number | undefined {
  return text.length === 10 ? dayAt(text) : undefined;
}

/** Reads `HH:MM[:SS[.f…]]`, a time before 24:00 and without a leap second. */
export function parseTime(text: string): Time | undefined {
  const seconds = secondsAt(text, 0);
  if (seconds === undefined) return undefined;
  const end = timeEnd(text, 0);
  return end === text.length ? { seconds, fraction: text.slice(8) } : undefined;
}

/**
 * Reads `YYYY-MM-DD`, `T` or a space, `HH:MM[:SS[.f…]]`, then nothing, `Z`, `±HH`, `±HHMM` or
 * `±HH:MM`. Anything else is `undefined`, and for the caller to write as the text that it is.
 */
export function parseDateTime(text: string): DateTime | undefined {
  const separator = text.charCodeAt(10);
  if (separator !== 0x54 && separator !== 0x20 && separator !== 0x74) return undefined;
  const days = dayAt(text);
  const seconds = secondsAt(text, 11);
  if (days === undefined || seconds === undefined) return undefined;
  const end = timeEnd(text, 11);
  const fraction = end > 19 ? text.slice(19, end) : "";
  if (end === text.length) return { days, seconds, fraction, offset: undefined };
  const offset = offsetAt(text, end);
  return offset === undefined ? undefined : { days, seconds, fraction, offset };
}

/** A duration of a fixed length. */
export interface Duration {
  /** Whole seconds, rounded down; negative where it goes back. */
  readonly seconds: number;
  /** The digits after the seconds with their point (`.250`), which go on; or `""`. */
  readonly fraction: string;
}

/**
 * Reads an ISO 8601 duration: `PT36H5M`, `P1DT2.5S`, `P2W`, `-PT90S`, and `P1DT-1H`, as PostgreSQL puts
 * signs within. A day is 24 hours; a duration of years or months has no fixed length and is `undefined`.
 */
export function parseIsoDuration(text: string): Duration | undefined {
  const parts = DURATION.exec(text);
  if (!parts) return undefined;
  const [, sign, years, months, weeks, days, hours, minutes, seconds, fraction] = parts;
  if (Number(years ?? 0) !== 0 || Number(months ?? 0) !== 0) return undefined;
  const back = sign === "-";
  const whole = Number(weeks ?? 0) * 7 * SECONDS_A_DAY + Number(days ?? 0) * SECONDS_A_DAY +
    Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0);
  const total = back ? -whole : whole;
  if (fraction === undefined || /^0+$/.test(fraction)) return { seconds: total, fraction: "" };
  if (back === seconds!.startsWith("-")) return { seconds: total, fraction: "." + fraction };
  return { seconds: total - 1, fraction: "." + restOfSecond(fraction) };
}

/** The digits of what is left of a second: `75` of `25`. */
function restOfSecond(digits: string): string {
  let last = digits.length - 1;
  while (digits[last] === "0") last--;
  const nines = [...digits.slice(0, last)].map((digit) => 9 - Number(digit));
  return nines.join("") + (10 - Number(digits[last]));
}

// The lookaheads ask for at least one number, and for one after a `T` (ISO 8601-1, 5.5.2.2).
const DURATION =
  /^([+-])?P(?=[\dT+-])(?:([+-]?\d+)Y)?(?:([+-]?\d+)M)?(?:([+-]?\d+)W)?(?:([+-]?\d+)D)?(?:T(?=[\d+-])(?:([+-]?\d+)H)?(?:([+-]?\d+)M)?(?:([+-]?\d+)(?:[.,](\d+))?S)?)?$/;

/** The same instant on the wall clock of a zone; a datetime without an offset is UTC. */
export function toZone(datetime: DateTime, offsets: ZoneOffset): DateTime {
  const epochSeconds = datetime.days * SECONDS_A_DAY + datetime.seconds -
    (datetime.offset ?? 0) * 60;
  const offset = offsets(epochSeconds);
  const wall = epochSeconds + offset * 60;
  const days = Math.floor(wall / SECONDS_A_DAY);
  return { days, seconds: wall - days * SECONDS_A_DAY, fraction: datetime.fraction, offset };
}

/** What {@linkcode formatDateTime} puts between the date and the time, and after them. */
export type DateTimeStyle = "rfc3339" | "spreadsheet";

/**
 * Writes a datetime as RFC 3339 (`2026-01-02T12:04:05.25+09:00`), or as a spreadsheet reads it
 * (`2026-01-02 12:04:05.25`); `undefined` outside the years 0000 to 9999.
 */
export function formatDateTime(datetime: DateTime, style: DateTimeStyle): string | undefined {
  const { days, seconds, fraction, offset } = datetime;
  if (days < FIRST_DAY || days >= END_DAY) return undefined;
  const minute = (seconds / 60) | 0;
  const time = MINUTES[minute]! + ":" + PAIRS[seconds - minute * 60]! + fraction;
  return style === "spreadsheet"
    ? formatDate(days) + " " + time
    : formatDate(days) + "T" + time + (offset === undefined ? "" : formatOffset(offset));
}

/** `00:00` to `23:59`: with {@linkcode PAIRS} 40 ns a datetime, a tenth of `toISOString`. */
const MINUTES = Array.from(
  { length: 1440 },
  (_, minute) => `${PAIRS[Math.floor(minute / 60)]}:${PAIRS[minute % 60]}`,
);

/** The last day written: rows near each other are often of the same day. */
let lastDays = NaN;
let lastDate = "";

/** Writes days since 1970-01-01 as `YYYY-MM-DD`, for the years 0000 to 9999. */
export function formatDate(days: number): string {
  if (days === lastDays) return lastDate;
  // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days: years begin
  // in March, so that the leap day is the last of its year.
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = ((dayOfEra - ((dayOfEra / 1460) | 0) + ((dayOfEra / 36_524) | 0) -
    ((dayOfEra / 146_096) | 0)) / 365) | 0;
  const dayOfYear = dayOfEra - (365 * yearOfEra + (yearOfEra >> 2) - ((yearOfEra / 100) | 0));
  const fromMarch = ((5 * dayOfYear + 2) / 153) | 0;
  const day = dayOfYear - (((153 * fromMarch + 2) / 5) | 0) + 1;
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const century = (year / 100) | 0;
  lastDays = days;
  lastDate = PAIRS[century]! + PAIRS[year - century * 100]! + "-" + PAIRS[month]! + "-" +
    PAIRS[day]!;
  return lastDate;
}

function formatOffset(minutes: number): string {
  return minutes === 0 ? "Z" : (minutes < 0 ? "-" : "+") + MINUTES[Math.abs(minutes)]!;
}

/** Days since 1970-01-01 of a day of the proleptic Gregorian calendar, years 0 to 9999. */
function daysOf(year: number, month: number, day: number): number {
  const leapDay = month > 2 && isLeap(year) ? 1 : 0;
  return daysBeforeYear[year]! + daysBeforeMonth[month]! + leapDay + day - 1;
}

function daysInMonth(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return isLeap(year) ? 29 : 28;
}

function isLeap(year: number): boolean {
  return (year & 3) === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** The day that the first ten characters name. */
function dayAt(text: string): number | undefined {
  const century = pairAt(text, 0);
  const years = pairAt(text, 2);
  const month = pairAt(text, 5);
  const day = pairAt(text, 8);
  if (century < 0 || years < 0 || month < 1 || month > 12 || day < 1) return undefined;
  if (text.charCodeAt(4) !== 0x2d || text.charCodeAt(7) !== 0x2d) return undefined;
  const year = century * 100 + years;
  if (day > 28 && day > daysInMonth(year, month)) return undefined;
  return daysOf(year, month, day);
}

/** The whole seconds of the `HH:MM` or `HH:MM:SS` at a position. */
function secondsAt(text: string, at: number): number | undefined {
  const hours = pairAt(text, at);
  const minutes = pairAt(text, at + 3);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined;
  if (text.charCodeAt(at + 2) !== 0x3a) return undefined;
  if (text.charCodeAt(at + 5) !== 0x3a) return hours * 3600 + minutes * 60;
  const seconds = pairAt(text, at + 6);
  return seconds < 0 || seconds > 59 ? undefined : hours * 3600 + minutes * 60 + seconds;
}

/** Where the time that {@linkcode secondsAt} read ends, its fraction included. */
function timeEnd(text: string, at: number): number {
  if (text.charCodeAt(at + 5) !== 0x3a) return at + 5;
  if (text.charCodeAt(at + 8) !== 0x2e) return at + 8;
  let end = at + 9;
  while (end < text.length && isDigit(text.charCodeAt(end))) end++;
  // A point without digits belongs to nothing, and so makes the text unreadable.
  return end === at + 9 ? at + 8 : end;
}

/** The minutes of the offset that fills the rest of the text. */
function offsetAt(text: string, at: number): number | undefined {
  const sign = text.charCodeAt(at);
  const rest = text.length - at;
  if (sign === 0x5a || sign === 0x7a) return rest === 1 ? 0 : undefined;
  if (sign !== 0x2b && sign !== 0x2d) return undefined;
  const colon = text.charCodeAt(at + 3) === 0x3a;
  if (rest !== 3 && rest !== (colon ? 6 : 5)) return undefined;
  const hours = pairAt(text, at + 1);
  const minutes = rest === 3 ? 0 : pairAt(text, at + (colon ? 4 : 3));
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined;
  return (sign === 0x2d ? -1 : 1) * (hours * 60 + minutes);
}

/** The number that two digits at a position make, or -1. */
function pairAt(text: string, at: number): number {
  const tens = text.charCodeAt(at);
  const ones = text.charCodeAt(at + 1);
  return isDigit(tens) && isDigit(ones) ? (tens - 0x30) * 10 + ones - 0x30 : -1;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
