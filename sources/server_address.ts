/** What the settings of sources say about the server to connect to, whichever kind it is of. */

import { z } from "zod";
import { parseDuration } from "../table/units.ts";

/** A server on a network. */
export interface ServerAddress {
  /** Its name or address, without brackets. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
}

/** Reads `30s` as milliseconds, as the durations of the rest of the configuration are read. */
export function duration(byDefault: string): z.ZodType<number> {
  const rule = { error: "a duration from 1ms to 24d, such as 30s" };
  const milliseconds = (text: string) => parseDuration(text) ?? 0;
  return z.string(rule)
    .refine((text) => milliseconds(text) >= 1, rule)
    .default(byDefault)
    .transform(milliseconds);
}

/** The host and port as `--allow-net` takes them. */
export function hostAndPort({ host, port }: ServerAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
