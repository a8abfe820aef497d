/** Settings that sources of several kinds have, as the configuration writes them; for the server alone. */

import { z } from "zod";
import { parsed } from "../table/parsed.ts";
import { isTimeZone } from "../table/time_zone.ts";
import { parseDuration, parseSize } from "../table/units.ts";

/** Reads `30s` as milliseconds, as the durations of the rest of the configuration are read. */
export function duration(byDefault: string): z.ZodType<number> {
  return parsed(
    (text) => parseDuration(text, { min: 1 }),
    "a duration from 1ms to 24d, such as 30s",
  ).prefault(byDefault);
}

const ZONE_RULE = "a time zone such as America/New_York";

/** Names as the tz database has them: a bare offset means one thing to one database and its opposite to another. */
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/;

/** Reads the name of the zone in which a database's queries count days. */
export function timeZone(): z.ZodType<string> {
  const error = ZONE_RULE;
  return z.string({ error }).refine((name) => ZONE_NAME.test(name) && isTimeZone(name), { error });
}

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** Half of the longest text that V8 holds (2^29 - 24 units): what is a string may be quoted yet. */
const LARGEST_ROW = 256 * MIB;

const ROW_RULE = "a size from 1KiB to 256MiB, such as 64MiB";

/**
 * Reads `64MiB` as bytes. A row has that much at most on its way from the source, so that one cell with a
 * video in it fails its own run, and takes the memory of no other.
 */
export function maxRow(): z.ZodType<number> {
  return parsed((text) => parseSize(text, { min: KIB, max: LARGEST_ROW }), ROW_RULE)
    .default(64 * MIB);
}
