/**
 * Moves what MySQL sends of a TIMESTAMP from the session's zone to UTC.
 *
 * The server keeps moments and sends the session's clock, without an offset. Which offsets its zone has had
 * is for the server alone to say: `SYSTEM` has no name, and its tables may be older than ours. So it is
 * asked, once by each worker: for its offset every two weeks, and then for the seconds at which it changed.
 *
 * Where a clock is set back, an hour comes twice. What is sent of it may mean two moments, and stays what it
 * is, with both offsets behind it: `2026-11-01 01:30:00 -04:00/-05:00`.
 */

import { dateText, daysOf, PAIRS } from "../../table/days.ts";

/** A zone's offsets from UTC over time. */
export interface ZoneOffsets {
  /** When each begins, in seconds since 1970 in UTC, in order; the first has always been. */
  readonly starts: readonly number[];
  /** Seconds east of UTC. */
  readonly offsets: readonly number[];
}

/** Says the session's offset from UTC at each of some moments, in seconds; null where it has none to say. */
export type AskOffsets = (moments: readonly number[]) => Promise<readonly (number | null)[]>;

/** Seconds between two moments that are asked for: Morocco has been off its summer time for a month. */
const SAMPLE_S = 14 * 86_400;

/** Moments that an interval is cut at, to find the one at which the offset changes. */
const CUTS = 3;

/** The last second of a TIMESTAMP: 32 bits with a sign, without one from MariaDB 11.5 on. */
const LAST_S = 2 ** 32 - 1;

/** Finds out a zone's offsets from 1970 on. */
export async function askZone(ask: AskOffsets): Promise<ZoneOffsets> {
  const samples = Array.from({ length: Math.ceil(LAST_S / SAMPLE_S) }, (_, n) => n * SAMPLE_S);
  const found = await ask(samples);
  let changes = changesOf(samples, found);
  while (changes.some(({ from, to }) => to - from > 1)) {
    const cuts = changes.map(({ from, to }) => cutsOf(from, to));
    const offsets = await ask(cuts.flat());
    let at = 0;
    changes = changes.flatMap((change, index) => {
      const moments = cuts[index]!;
      const inner = offsets.slice(at, at += moments.length);
      return changesOf([change.from, ...moments, change.to], [
        change.before,
        ...inner,
        change.after,
      ]);
    });
  }
  return {
    starts: [-Infinity, ...changes.map(({ to }) => to)],
    offsets: [found[0] ?? 0, ...changes.map(({ after }) => after)],
  };
}

/** A change of offset, after one moment and at another at the latest. */
interface Change {
  readonly from: number;
  readonly to: number;
  readonly before: number;
  readonly after: number;
}

function changesOf(
  moments: readonly number[],
  offsets: readonly (number | null)[],
): readonly Change[] {
  return moments.slice(1).flatMap((to, index) => {
    const before = offsets[index] ?? null;
    const after = offsets[index + 1] ?? null;
    if (before === null || after === null || before === after) return [];
    return [{ from: moments[index]!, to, before, after }];
  });
}

/** Up to so many moments between two, evenly apart. */
function cutsOf(from: number, to: number): readonly number[] {
  const step = Math.max(1, Math.ceil((to - from) / (CUTS + 1)));
  return Array.from({ length: Math.ceil((to - from) / step) - 1 }, (_, n) => from + (n + 1) * step);
}

/** What is known of a day. */
interface Day {
  readonly text: string;
  /** The seconds since 1970 at which its clock shows 00:00, were that UTC. */
  readonly start: number;
  /** Its offset; absent where it has several. */
  readonly offset: number | undefined;
  /** The dates around it. */
  readonly before: string;
  readonly after: string;
}

/** Makes the function that moves a text such as `2026-01-02 03:04:05.5` to UTC, with a `Z` behind it. */
export function createUtcReader(zone: ZoneOffsets): (local: string) => string {
  let day = dayOf("1970-01-01", zone);

  return function toUtc(local) {
    const date = local.slice(0, 10);
    if (date !== day.text) {
      if (date === ZERO_DATE) return local;
      day = dayOf(date, zone);
    }
    const seconds = (pairAt(local, 11) * 60 + pairAt(local, 14)) * 60 + pairAt(local, 17);
    let { offset } = day;
    if (offset === undefined) {
      const candidates = offsetsAt(day.start + seconds, zone);
      if (candidates.length !== 1) {
        return `${local} ${candidates.map(offsetText).join("/")}`.trimEnd();
      }
      offset = candidates[0]!;
    }
    const utc = seconds - offset;
    const rest = local.slice(19) + "Z";
    if (utc < 0) return day.before + timeText(utc + DAY_S) + rest;
    return utc < DAY_S ? date + timeText(utc) + rest : day.after + timeText(utc - DAY_S) + rest;
  };
}

const DAY_S = 86_400;

/** What MySQL lets people keep for no date; it is no moment either. */
const ZERO_DATE = "0000-00-00";

/** The number of 1970-01-01. */
const EPOCH = daysOf(1970, 1, 1);

function dayOf(text: string, zone: ZoneOffsets): Day {
  const [year, month, day] = text.split("-").map(Number);
  const number = daysOf(year!, month!, day!);
  const start = (number - EPOCH) * DAY_S;
  const possible = new Set(
    zone.offsets.filter((offset, index) =>
      zone.starts[index]! <= start + DAY_S - offset &&
      (zone.starts[index + 1] ?? Infinity) > start - offset
    ),
  );
  return {
    text,
    start,
    offset: possible.size === 1 ? [...possible][0] : undefined,
    before: dateText(number - 1),
    after: dateText(number + 1),
  };
}

/** The offsets that a clock which shows these seconds since 1970 may have. */
function offsetsAt(local: number, { starts, offsets }: ZoneOffsets): readonly number[] {
  return offsets.filter((offset, index) =>
    starts[index]! <= local - offset && (starts[index + 1] ?? Infinity) > local - offset
  );
}

function offsetText(seconds: number): string {
  const minutes = Math.floor(Math.abs(seconds) / 60);
  return `${seconds < 0 ? "-" : "+"}${PAIRS[minutes / 60 | 0]}:${PAIRS[minutes % 60]}`;
}

function timeText(seconds: number): string {
  const minutes = seconds / 60 | 0;
  return " " + PAIRS[minutes / 60 | 0] + ":" + PAIRS[minutes % 60] + ":" + PAIRS[seconds % 60];
}

function pairAt(text: string, at: number): number {
  return (text.charCodeAt(at) - ZERO) * 10 + text.charCodeAt(at + 1) - ZERO;
}

const ZERO = 0x30;
