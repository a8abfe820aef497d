/** The setting `timezone` of databases: the zone in which their queries count days. */

import { z } from "zod";
import { isTimeZone } from "../table/time_zone.ts";

const RULE = "a time zone such as America/New_York";

/** Names as the tz database has them: a bare offset means one thing to one database and its opposite to another. */
const NAME = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/;

/** Reads the name of a zone. */
export function timeZone(): z.ZodType<string> {
  return z.string({ error: RULE }).refine((name) => NAME.test(name) && isTimeZone(name), {
    error: RULE,
  });
}
