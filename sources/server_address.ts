/** What the settings of sources say about the server to connect to, whichever kind it is of. */

import { z } from "zod";

/** A server on a network. */
export interface ServerAddress {
  /** Its name or address, without brackets. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
}

/** Milliseconds in a unit, by its name. */
const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** The longest time that a timer and the settings of databases hold: 24 days. */
const LONGEST_MS = 24 * UNITS.d!;

/** Reads `30s` as milliseconds, as the durations of the rest of the configuration are read. */
export function duration(byDefault: string): z.ZodType<number> {
  const rule = { error: "a duration from 1ms to 24d, such as 30s" };
  const milliseconds = (text: string) => {
    const [, count, unit] = /^(\d{1,10})(ms|s|m|h|d)$/.exec(text) ?? [];
    return unit === undefined ? 0 : Number(count) * UNITS[unit]!;
  };
  return z.string(rule)
    .refine((text) => milliseconds(text) >= 1 && milliseconds(text) <= LONGEST_MS, rule)
    .default(byDefault)
    .transform(milliseconds);
}

/** Whether bytes to a host, named without brackets, stay on the machine. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** The host and port as `--allow-net` takes them. */
export function hostAndPort({ host, port }: ServerAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
