/**
 * Turns dates and times into serials, the numbers that a spreadsheet keeps them as: days since
 * 1899-12-30 in the 1900 date system (ECMA-376 part 1, 18.17.4.1).
 */

import type { ColumnType } from "../../table/table.ts";
import {
  parseDateTime,
  parseDays,
  parseIsoDuration,
  parseTime,
  toZone,
  type ZoneOffset,
} from "../../table/datetime.ts";

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
  const days = parseDays(text);
  if (days === undefined) return DATE_BEYOND.test(text) ? "beyond" : undefined;
  const serial = days + EPOCH;
  return isShown(serial) ? serial : "beyond";
}

/** Reads a datetime as a zone's wall clock; by default as UTC's where it has an offset, else as it is. */
export function dateTimeSerial(text: string, offsets?: ZoneOffset): Serial {
  const read = parseDateTime(text);
  if (!read) return DATE_BEYOND.test(text) ? "beyond" : undefined;
  const moved = offsets ? toZone(read, offsets) : read.offset ? toZone(read, UTC) : read;
  const { days, seconds, fraction } = moved;
  const serial = days + EPOCH;
  return isShown(serial) ? withTime(serial, seconds, fraction) : "beyond";
}

const UTC: ZoneOffset = () => 0;

/**
 * Dates that databases have and four digits of a year do not hold: `infinity`, years BC and from 10000
 * on, and MySQL's without a month or a day.
 */
const DATE_BEYOND =
  /^(?:[+-]?infinity$|\d{4,}-\d\d-\d\d.* BC$|\+?\d{5,}-\d\d-\d\d|-\d{4,}-\d\d-\d\d|\d{4}-(?:00-\d\d|\d\d-00))/;

/** Reads `HH:MM[:SS[.f…]]`; what is a day or longer, or less than nothing, is a duration. */
export function timeSerial(text: string): Serial {
  const time = parseTime(text);
  if (time) return withTime(0, time.seconds, time.fraction);
  const parts = LONG_TIME.exec(text);
  if (!parts) return durationSerial(text);
  const [, sign, hours, minutes, seconds = "0", fraction = ""] = parts;
  if (sign !== undefined) return "beyond";
  return longSerial(Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds), fraction);
}

/** Times as MySQL has them, up to 838:59:59 either way. */
const LONG_TIME = /^(-)?(\d{2,9}):([0-5]\d)(?::([0-5]\d)(\.\d+)?)?$/;

/** Reads an ISO 8601 duration; one of months or years has no fixed length, and so no serial. */
export function durationSerial(text: string): Serial {
  const read = parseIsoDuration(text);
  if (!read) return DURATION_BEYOND.test(text) ? "beyond" : undefined;
  return longSerial(read.seconds, read.fraction);
}

/** A duration. Excel shows a negative one as `#####`. */
function longSerial(seconds: number, fraction: string): Serial {
  const days = Math.floor(seconds / SECONDS_A_DAY);
  if (days < 0 || days > LAST_SERIAL) return "beyond";
  return withTime(days, seconds - days * SECONDS_A_DAY, fraction);
}

const DURATION_BEYOND = /^[+-]?P(?=[\dT+-])(?:[+-]?[\d.,]+[YMWD])*(?:T(?:[+-]?[\d.,]+[HMS])+)?$/;

/** Whether a datetime, a time or a duration has a fraction of a second that is not zero. */
export function hasFraction(text: string, type: ColumnType): boolean {
  // The place of a datetime's point is known, without a search, and most have none.
  if (type === "datetime") {
    return text.length > DATETIME_LENGTH && isFraction(text, DATETIME_LENGTH);
  }
  const point = text.indexOf(".");
  return isFraction(text, point >= 0 ? point : text.indexOf(","));
}

/** Whether a datetime is one to the second and without an offset, as most are: `2026-01-02 03:04:05`. */
export function isPlainClock(text: string): boolean {
  return text.length === DATETIME_LENGTH && text.charCodeAt(16) === COLON;
}

const DATETIME_LENGTH = 19;

function isFraction(text: string, at: number): boolean {
  if (at < 0 || text.charCodeAt(at) !== POINT && text.charCodeAt(at) !== COMMA) return false;
  for (let digit = at + 1; digit < text.length; digit++) {
    const unit = text.charCodeAt(digit);
    if (unit !== ZERO) return unit > ZERO && unit <= NINE;
  }
  return false;
}

const COMMA = 0x2c;
const POINT = 0x2e;
const COLON = 0x3a;
const ZERO = 0x30;
const NINE = 0x39;

/** A duration of seconds, as long as one that is text may be. */
export function secondsDurationSerial(seconds: number): Serial {
  const serial = seconds / SECONDS_A_DAY;
  return serial >= 0 && serial < LAST_SERIAL + 1 ? serial : "beyond";
}

/**
 * A day with its time.
 *
 * Not rounded: a reader cuts off what is below a second, so that fewer decimals show more datetimes a
 * second early (docs/design.md, "A row of a workbook").
 */
function withTime(day: number, seconds: number, fraction: string): Serial {
  if (fraction === "") return day + seconds / SECONDS_A_DAY;
  const microseconds = toMicroseconds(fraction);
  if (microseconds === undefined) return "beyond";
  // Readers keep milliseconds: this is theirs the year 10000, of which they have none.
  if (day === LAST_SERIAL && seconds === SECONDS_A_DAY - 1 && microseconds >= 999_500) {
    return "beyond";
  }
  const serial = day + (seconds + microseconds / 1e6) / SECONDS_A_DAY;
  return microseconds % 1000 === 0 || isDistinct(serial, day, seconds * 1e6 + microseconds)
    ? serial
    : "beyond";
}

/** The microseconds that a fraction of a second is; undefined for a finer one. */
function toMicroseconds(fraction: string): number | undefined {
  if (fraction.length <= 7) return Number(fraction.slice(1).padEnd(6, "0"));
  return /[1-9]/.test(fraction.slice(7)) ? undefined : Number(fraction.slice(1, 7));
}

/**
 * Whether a reader who rounds to microseconds finds the same. A double near 46,000 steps by 0.6 µs and
 * tells them apart; from 2079-06-05 on it steps by 1.3 µs, in the year 9999 by 40: it still tells
 * milliseconds apart there, which is all that Excel shows.
 */
function isDistinct(serial: number, day: number, microseconds: number): boolean {
  return Math.round((serial - day) * SECONDS_A_DAY * 1e6) === microseconds;
}

function isShown(serial: number): boolean {
  return serial >= FIRST_SERIAL && serial <= LAST_SERIAL;
}
