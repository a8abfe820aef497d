/** Reads `schedules`: requests that the server makes by itself, and when. */

import { z } from "zod";
import { readName } from "../access/principal.ts";
import { parseCron, type Slots } from "../table/cron.ts";
import { isTimeZone } from "../table/time_zone.ts";
import type { Reader } from "./reader.ts";

const VALUE = "text, a number, true or false";

const value = z.union([z.string(), z.number(), z.boolean()], { error: VALUE }).transform(String);

const text = z.string({ error: "text" }).regex(/\S/, { error: "text that is not empty" });

const NAME = "text without control characters, of 1 to 256 characters";

const name = z.string({ error: NAME }).refine((text) => readName(text) !== undefined, {
  error: NAME,
});

/** The keys of a schedule. */
export const SCHEDULE = {
  /** When: minute, hour, day, month, day of the week. */
  cron: text,
  /** The time zone of that. */
  timezone: z.string({ error: "a time zone such as Europe/Berlin" }).refine(isTimeZone, {
    error: "a time zone such as Europe/Berlin",
  }).default("UTC"),
  /** The name of an export, or several with commas between. */
  export: text,
  /** The key of a format. */
  format: text,
  /** Values of params by name. */
  params: z.record(
    z.string(),
    z.union([value, z.array(value)], { error: `${VALUE}, or a list of them` }),
    { error: "a mapping" },
  ).default({}),
  /** Values of options by name, without the leading `_`. */
  options: z.record(z.string(), value, { error: "a mapping" }).default({}),
  /** Why. */
  reason: text.optional(),
  /** Where its end is told of. */
  notify: text.optional(),
  /** The id of the key that it runs with. */
  key: text.optional(),
  /** The id of the principal that it runs as. */
  principal: name.optional(),
  /** Whose data that one may have. */
  tenant: name.optional(),
  /** What that one may do besides. */
  scopes: z.array(name, { error: "a list of scopes" }).default([]),
};

/** As whom a schedule runs. */
export type ScheduleOwner =
  /** With a key of the configuration, and all that it may. */
  | { readonly kind: "key"; readonly id: string }
  /** As a principal, with what is said here. */
  | {
    readonly kind: "principal";
    readonly id: string;
    readonly tenant?: string;
    readonly scopes: readonly string[];
  }
  /** As everybody, where the server is open. */
  | { readonly kind: "anonymous" };

/** A request that the server makes by itself. */
export interface ScheduleDefinition {
  /** Its name in URLs. */
  readonly name: string;
  /** When, as it is written. */
  readonly cron: string;
  /** The time zone of that. */
  readonly timezone: string;
  /** When. */
  readonly slots: Slots;
  /** The names of its exports, with commas between. */
  readonly export: string;
  /** The key of its format. */
  readonly format: string;
  /** Its params, its options and its reason, as a query string has them. */
  readonly pairs: readonly (readonly [name: string, text: string])[];
  /** Where its end is told of. @default nowhere */
  readonly notify?: string;
  /** As whom it runs. */
  readonly owner: ScheduleOwner;
}

/** Reads one schedule. */
export function readSchedule(
  reader: Reader,
  name: string,
  value: unknown,
): ScheduleDefinition | undefined {
  const path = ["schedules", name];
  const { partial, whole } = reader.fields(SCHEDULE, value, path);
  const { cron, timezone, key, principal, tenant, scopes = [] } = partial;
  const slots = cron !== undefined && timezone !== undefined
    ? parseCron(cron, timezone)
    : undefined;
  if (cron !== undefined && timezone !== undefined && !slots) {
    reader.refuse(
      [...path, "cron"],
      "minute, hour, day, month and day of the week, such as 30 6 * * 1-5",
      cron,
    );
  }
  if (key !== undefined && (principal ?? tenant) !== undefined) {
    reader.add([...path, "key"], "a schedule runs with a key, or as a principal; not both");
  }
  if (principal === undefined && (tenant !== undefined || scopes.length > 0)) {
    reader.add(path, "tenant and scopes are those of a principal, which is missing");
  }
  if (!whole || !slots) return undefined;
  const { params, options, reason, notify } = whole;
  const owner: ScheduleOwner = key !== undefined
    ? { kind: "key", id: key }
    : principal === undefined
    ? { kind: "anonymous" }
    : {
      kind: "principal",
      id: principal,
      ...(tenant === undefined ? {} : { tenant }),
      scopes,
    };
  return {
    name,
    cron: whole.cron,
    timezone: whole.timezone,
    slots,
    export: whole.export,
    format: whole.format,
    pairs: [
      ...Object.entries(params).flatMap(([name, given]) =>
        [given].flat().map((one) => [name, one] as const)
      ),
      ...Object.entries(options).map(([name, given]) => [`_${name}`, given] as const),
      ...(reason === undefined ? [] : [["_reason", reason] as const]),
    ],
    ...(notify === undefined ? {} : { notify }),
    owner,
  };
}
