/** Knows how far a time zone's wall clock is ahead of UTC at an instant. */

/** Minutes that a zone's wall clock is ahead of UTC at an instant, in seconds since the epoch. */
export type ZoneOffset = (epochSeconds: number) => number;

/**
 * The offsets of an IANA zone (`Asia/Seoul`) or of a fixed one (`+09:00`). Ask once a column and
 * keep the function: it remembers the spans between the zone's transitions, so that a call costs
 * nanoseconds where `Intl.DateTimeFormat` and `Temporal` cost microseconds.
 *
 * Offsets are whole minutes, as RFC 3339 writes them; the seconds of local mean time (Seoul before
 * 1908 was `+08:27:52`) are rounded away from the wall clock, never from the instant.
 *
 * @throws {RangeError} when there is no such zone
 */
export function zoneOffsets(zone: string): ZoneOffset {
  let offsets = zones.get(zone);
  if (!offsets) zones.set(zone, offsets = createZone(zone));
  return offsets;
}

/** Whether there is such a zone. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const zones = new Map<string, ZoneOffset>();

/** A time during which a zone's offset stays the same: from `start` to just before `end`. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly minutes: number;
}

function createZone(zone: string): ZoneOffset {
  // Asked now, so that an unknown zone fails before the first row.
  let last = spanOf(zone, 0);
  const spans = [last];
  return (epochSeconds) => {
    if (epochSeconds >= last.start && epochSeconds < last.end) return last.minutes;
    let low = 0;
    let high = spans.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (spans[middle]!.end <= epochSeconds) low = middle + 1;
      else high = middle;
    }
    const known = spans[low];
    if (known && known.start <= epochSeconds) return (last = known).minutes;
    last = spanOf(zone, epochSeconds);
    spans.splice(low, 0, last);
    return last.minutes;
  };
}

function spanOf(zone: string, epochSeconds: number): Span {
  const instant = (seconds: number) => Temporal.Instant.fromEpochMilliseconds(seconds * 1000);
  let at: Temporal.ZonedDateTime;
  try {
    at = instant(epochSeconds).toZonedDateTimeISO(zone);
  } catch (cause) {
    throw new RangeError(`Cannot use time zone ${JSON.stringify(zone)}: it is not known`, {
      cause,
    });
  }
  // "previous" is strictly before: ask a second later, for a transition that is this very second.
  const previous = instant(epochSeconds + 1).toZonedDateTimeISO(zone)
    .getTimeZoneTransition("previous");
  const next = at.getTimeZoneTransition("next");
  return {
    start: previous ? previous.epochMilliseconds / 1000 : -Infinity,
    end: next ? next.epochMilliseconds / 1000 : Infinity,
    minutes: Math.round(at.offsetNanoseconds / 60e9),
  };
}
