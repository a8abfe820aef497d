/**
 * Moves the text of a `timestamptz` from the session's zone to UTC: `2026-01-01 00:00:00-05` becomes
 * `2026-01-01 05:00:00+00`, which a session in UTC would have sent.
 *
 * Where it is in UTC already, that is a look at three bytes. Else its digits are moved, and the days around
 * the last one are remembered, as rows that lie near each other often are of one day.
 */

import { dateText, daysOf, PAIRS } from "../../table/days.ts";

/** Whether a text is in UTC, by its end. */
export function isUtc(bytes: Uint8Array, end: number): boolean {
  return bytes[end - 1] === ZERO && bytes[end - 2] === ZERO && bytes[end - 3] === PLUS;
}

/** Bytes behind a text that {@linkcode moveToUtc} may use: a day after the year 9999 has one more. */
export const SLACK_BYTES = 1;

/** Moves a text where it stands, and gives its new end. What has no offset (`infinity`) stays as it is. */
export function moveToUtc(bytes: Uint8Array, start: number, end: number): number {
  const sign = signOf(bytes, start, end);
  if (sign < 0) {
    const moved = moveText(String.fromCharCode(...bytes.subarray(start, end)));
    return start + writeText(bytes, start, moved);
  }
  let minutes = minutesOf(bytes, start + HOUR) - offsetOf(bytes, sign, end);
  if (minutes < 0 || minutes >= DAY_MINUTES) {
    const forward = minutes > 0;
    writeText(bytes, start, dayBeside(bytes, start, forward));
    minutes += forward ? -DAY_MINUTES : DAY_MINUTES;
  }
  writeText(bytes, start + HOUR, PAIRS[minutes / 60 | 0]!);
  writeText(bytes, start + MINUTE, PAIRS[minutes % 60]!);
  writeText(bytes, sign, "+00");
  return sign + 3;
}

/** Gives the same as a new text, with the minutes of its offset; `text` holds the bytes as Latin-1. */
export function readInstant(bytes: Uint8Array, text: string, start: number, end: number): string {
  const sign = signOf(bytes, start, end);
  if (sign < 0) {
    const moved = moveText(text.slice(start, end));
    return moved.replace(/\+00(?= BC$|$)/, "+00:00");
  }
  const minutes = minutesOf(bytes, start + HOUR) - offsetOf(bytes, sign, end);
  const rest = text.slice(start + SECOND - 1, sign) + "+00:00";
  if (minutes < 0) return dayBeside(bytes, start, false) + timeText(minutes + DAY_MINUTES) + rest;
  if (minutes < DAY_MINUTES) return text.slice(start, start + HOUR - 1) + timeText(minutes) + rest;
  return dayBeside(bytes, start, true) + timeText(minutes - DAY_MINUTES) + rest;
}

const ZERO = 0x30;
const PLUS = 0x2b;
const DASH = 0x2d;
const COLON = 0x3a;
const NINE = 0x39;

/** Where the parts of `2026-01-02 03:04:05` begin. */
const HOUR = 11;
const MINUTE = 14;
const SECOND = 17;

const DAY_MINUTES = 1440;

/**
 * Where the offset of a text begins, if it has one of hours or of hours and minutes, and years of four
 * digits around it; else -1.
 */
function signOf(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes[start]!;
  // The years 00.. and 99.. are looked at in full.
  if (
    bytes[start + 4] !== DASH || first === bytes[start + 1] && (first === ZERO || first === NINE)
  ) {
    return -1;
  }
  const sign = bytes[end - 3] === COLON ? end - 6 : end - 3;
  return bytes[sign] === PLUS || bytes[sign] === DASH ? sign : -1;
}

/** Minutes of `03:04`. */
function minutesOf(bytes: Uint8Array, at: number): number {
  return pairAt(bytes, at) * 60 + pairAt(bytes, at + 3);
}

/** Minutes east of UTC of an offset. */
function offsetOf(bytes: Uint8Array, sign: number, end: number): number {
  const minutes = pairAt(bytes, sign + 1) * 60 + (end - sign > 3 ? pairAt(bytes, sign + 4) : 0);
  return bytes[sign] === PLUS ? minutes : -minutes;
}

function pairAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! - ZERO) * 10 + bytes[at + 1]! - ZERO;
}

function timeText(minutes: number): string {
  return " " + PAIRS[minutes / 60 | 0] + ":" + PAIRS[minutes % 60];
}

function writeText(bytes: Uint8Array, start: number, text: string): number {
  for (let at = 0; at < text.length; at++) bytes[start + at] = text.charCodeAt(at);
  return text.length;
}

/** The last day that was asked for, by its digits, and the days beside it. */
let knownDay = 0;
let before = "";
let after = "";

/** The date of the day before a text's, or after it. */
function dayBeside(bytes: Uint8Array, start: number, forward: boolean): string {
  const year = pairAt(bytes, start) * 100 + pairAt(bytes, start + 2);
  const month = pairAt(bytes, start + 5);
  const day = pairAt(bytes, start + 8);
  const digits = (year * 100 + month) * 100 + day;
  if (digits !== knownDay) {
    const days = daysOf(year, month, day);
    knownDay = digits;
    before = dateText(days - 1);
    after = dateText(days + 1);
  }
  return forward ? after : before;
}

/** All that a `timestamptz` can be: years BC and of more digits, offsets with the seconds of old clocks. */
const TEXT =
  /^(\d{4,6})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(\.\d+)?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?( BC)?$/;

const DAY_SECONDS = 86_400;

function moveText(text: string): string {
  const [, year, month, day, hour, minute, second, fraction = "", sign, ...rest] =
    TEXT.exec(text) ??
      [];
  if (sign === undefined) return text;
  const [hours, minutes = 0, seconds = 0, bc] = rest;
  const offset = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  const moment = daysOf(bc ? 1 - Number(year) : Number(year), Number(month), Number(day)) *
      DAY_SECONDS +
    Number(hour) * 3600 + Number(minute) * 60 + Number(second) -
    (sign === "+" ? offset : -offset);
  const days = Math.floor(moment / DAY_SECONDS);
  const left = moment - days * DAY_SECONDS;
  const date = dateText(days);
  const time = `${timeText(Math.floor(left / 60))}:${PAIRS[left % 60]}${fraction}+00`;
  return date.endsWith(" BC") ? date.slice(0, -3) + time + " BC" : date + time;
}
