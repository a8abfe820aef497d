/** Turns serials, the numbers that a worksheet keeps dates and times as, into the text of cells. */

import { formatDate, formatDateTime } from "../../../table/datetime.ts";
import { PAIRS } from "../../../table/days.ts";
import type { ColumnType } from "../../../table/table.ts";

/** What a number format shows a number as. */
export type SerialType = Extract<ColumnType, "date" | "datetime" | "time" | "duration">;

/** From 1899-12-30 to 1970-01-01, in days. */
const EPOCH = 25_569;

/** Days from the first day of the 1900 date system to that of 1904 (ECMA-376 part 1, 18.17.4.1). */
export const DAYS_1904 = 1462;

/** 1900-02-29, a day that never was and Excel counts, as Lotus 1-2-3 did. */
const LEAP_SERIAL = 60;

/** The day after 9999-12-31. */
const END_SERIAL = 2_958_466;

const DAY_MILLISECONDS = 86_400e3;
const DAY_MICROSECONDS = 86_400e6;

/** How a number is read. */
export interface SerialReading {
  /** What its format shows. */
  readonly type: SerialType;
  /** Whether its format shows fractions of a second. */
  readonly fractions: boolean;
}

/** A cell, and what it is: a date format also shows the times of day, and a time format days. */
export interface SerialCell {
  /** The cell. */
  readonly text: string;
  /** Its type. */
  readonly type: SerialType;
}

/**
 * Reads a serial of the 1900 date system, or one of 1904 with {@linkcode DAYS_1904} added.
 *
 * @returns nothing where it is none: below zero, after 9999-12-31, the zeroth of January, 29 February 1900
 */
export function serialCell(
  serial: number,
  { type, fractions }: SerialReading,
): SerialCell | undefined {
  if (!(serial >= 0 && serial < END_SERIAL)) return undefined;
  let day = Math.floor(serial);
  let micros = fractions
    ? microsecondsOf(serial, day)
    : Math.round((serial - day) * DAY_MILLISECONDS) * 1000;
  if (micros === DAY_MICROSECONDS) {
    micros = 0;
    day++;
  }
  if (type === "duration") return { text: durationText(day, micros), type };
  if (day === 0) {
    if (micros === 0 && type !== "time") return undefined;
    return { text: clockText(micros), type: "time" };
  }
  if (day === LEAP_SERIAL || day >= END_SERIAL) return undefined;
  // Before the day that never was, days are one less.
  const days = day - EPOCH + (day < LEAP_SERIAL ? 1 : 0);
  if (type === "date" && micros === 0) return { text: formatDate(days), type };
  return { text: dateTimeText(days, micros), type: "datetime" };
}

/**
 * The microseconds of the day, where the format shows fractions of a second. Else they are milliseconds: what is
 * finer is left of sums and of cut digits.
 */
function microsecondsOf(serial: number, day: number): number {
  const micros = Math.round((serial - day) * DAY_MICROSECONDS);
  const millis = Math.round(micros / 1000);
  if (millis * 1000 === micros) return micros;
  // LibreOffice writes 15 digits of a serial and XlsxWriter 16, which miss a millisecond by 5 us and 1 us.
  const whole = day + millis / DAY_MILLISECONDS;
  const scale = 10 ** (15 - String(day).length);
  const isWhole = serial === whole || serial === Number(whole.toPrecision(16)) ||
    serial === Number(whole.toPrecision(15)) || serial === Math.round(whole * scale) / scale;
  return isWhole ? millis * 1000 : micros;
}

function dateTimeText(days: number, micros: number): string {
  const seconds = Math.floor(micros / 1e6);
  const time = { days, seconds, fraction: fractionText(micros - seconds * 1e6), offset: undefined };
  return formatDateTime(time, "rfc3339")!;
}

function clockText(micros: number): string {
  const seconds = Math.floor(micros / 1e6);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return `${PAIRS[hours]}:${PAIRS[minutes - hours * 60]}:${PAIRS[seconds - minutes * 60]}${
    fractionText(micros - seconds * 1e6)
  }`;
}

/** ISO 8601 of at most hours, as a duration in hours is shown. */
function durationText(days: number, micros: number): string {
  const seconds = Math.floor(micros / 1e6);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const parts = [
    [days * 24 + hours, "", "H"],
    [minutes - hours * 60, "", "M"],
    [seconds - minutes * 60, fractionText(micros - seconds * 1e6), "S"],
  ] as const;
  const shown = parts.filter(([number, fraction]) => number !== 0 || fraction !== "");
  return `PT${shown.map((part) => part.join("")).join("") || "0S"}`;
}

function fractionText(micros: number): string {
  if (micros === 0) return "";
  const digits = String(micros).padStart(6, "0");
  return `.${micros % 1000 === 0 ? digits.slice(0, 3) : digits}`.replace(/0+$/, "");
}
