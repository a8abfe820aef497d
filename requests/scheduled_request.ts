/** Makes the request of a schedule, the same as its principal could make. */

import { AccessError } from "../access/access_error.ts";
import { type AccessConfig, isEmpty } from "../access/config.ts";
import { isExpired, principalOfKey } from "../access/keys.ts";
import { ANONYMOUS, NO_CLAIMS, type Principal } from "../access/principal.ts";
import type { Config } from "../catalog/config.ts";
import { ConfigError, type ConfigIssue, formatPath } from "../catalog/issues.ts";
import type { ScheduleDefinition } from "../catalog/schedules.ts";
import type { WebhooksSettings } from "../catalog/webhooks.ts";
import { findExports, type Offer } from "./find_exports.ts";
import type { Receipt } from "../runs/receipt.ts";
import { readNotify } from "./notify.ts";
import { RequestError } from "./request_error.ts";
import { parseRequest, type RunRequest } from "./run_request.ts";
import { beginAfter } from "./since.ts";

/** What a schedule asks for. */
export interface ScheduledRequest {
  /** The request. */
  readonly request: RunRequest;
  /** Where its end is told of. @default nowhere */
  readonly notify?: string;
}

/** What the requests of schedules are made in. */
export interface ScheduleOffer extends Offer {
  /** Where the ends of runs are told of; nothing: nowhere. */
  readonly webhooks: WebhooksSettings | undefined;
}

/**
 * The request of a schedule.
 *
 * @param now in milliseconds since 1970
 * @param last its last run that was complete and handed over
 * @throws {RequestError} where there is no such request
 * @throws {AccessError} where its principal may not make it
 */
export function scheduledRequest(
  schedule: ScheduleDefinition,
  { catalog, formats, webhooks }: ScheduleOffer,
  now: number,
  last?: Receipt,
): ScheduledRequest {
  const principal = schedulePrincipal(schedule, catalog.access, now);
  if (!principal) throw new RequestError(refusalOf(schedule, catalog.access));
  const file = findExports(schedule.export, schedule.format, { catalog, formats }, principal);
  const begin = beginAfter(last, schedule.pairs, file.exports, principal);
  const request = parseRequest(file, schedule.pairs, { principal, formats, begin });
  if (schedule.notify === undefined) return { request };
  return { request, notify: readNotify(schedule.notify, webhooks) };
}

/**
 * As whom a schedule runs; nothing where that one is not let in.
 *
 * @param now in milliseconds since 1970
 */
export function schedulePrincipal(
  { owner }: Pick<ScheduleDefinition, "owner">,
  access: AccessConfig,
  now: number,
): Principal | undefined {
  switch (owner.kind) {
    case "anonymous":
      return access.anonymous || isEmpty(access) ? ANONYMOUS : undefined;
    case "key": {
      const setting = access.keys.find(({ id }) => id === owner.id);
      return setting && !isExpired(setting, now) ? principalOfKey(setting) : undefined;
    }
    case "principal":
      return {
        id: owner.id,
        via: "schedule",
        ...(owner.tenant === undefined ? {} : { tenant: owner.tenant }),
        scopes: owner.scopes,
        exports: ["*"],
        caps: {},
        claims: NO_CLAIMS,
      };
  }
}

function refusalOf({ owner }: ScheduleDefinition, { keys }: AccessConfig): string {
  if (owner.kind !== "key") {
    return "names no key and no principal that it runs as, and this server is not open to everybody";
  }
  return keys.some(({ id }) => id === owner.id)
    ? `its key ${owner.id} has expired`
    : `there is no key ${owner.id}`;
}

/** A time at which no key has expired. */
const BEFORE_ALL = -Infinity;

/**
 * Checks that each schedule could be run, at least until its key expired: a configuration that was good stays so.
 *
 * @throws {ConfigError} with every issue
 */
export function checkSchedules(catalog: Config, formats: Offer["formats"]): void {
  const issues = [...catalog.schedules.values()].flatMap((schedule) => {
    try {
      const offer = { catalog, formats, webhooks: catalog.runs.webhooks };
      scheduledRequest(schedule, offer, BEFORE_ALL);
      return [];
    } catch (error) {
      if (!(error instanceof RequestError || error instanceof AccessError)) throw error;
      return [issueOf(schedule, error.message)];
    }
  });
  if (issues.length > 0) throw new ConfigError(issues);
}

/**
 * The schedules that do not run any more, as their keys have expired.
 *
 * @param now in milliseconds since 1970
 */
export function expiredSchedules(
  { schedules, access }: Pick<Config, "schedules" | "access">,
  now: number,
): readonly ConfigIssue[] {
  return [...schedules.values()]
    .filter((schedule) =>
      schedule.owner.kind === "key" && !schedulePrincipal(schedule, access, now)
    )
    .map((schedule) => issueOf(schedule, `does not run: ${refusalOf(schedule, access)}`));
}

function issueOf({ name }: ScheduleDefinition, message: string): ConfigIssue {
  return { path: formatPath(["schedules", name]), message };
}
