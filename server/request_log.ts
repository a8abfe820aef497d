/** The log line of a request that was refused. */

import { getLogger } from "@logtape/logtape";
import { cutText, redactPath } from "../access/redact_text.ts";
import type { ResentFile, SignedLink } from "../routes/dependencies.ts";
import { asTemplate } from "./as_template.ts";

const logger = getLogger(["spillway", "http"]);

/** A request that was refused, by a route or before one was asked. */
export interface Refused {
  /** The client's address, where it is known. */
  readonly client?: string;
  /** The method, where it could be read. */
  readonly method?: string;
  /** The path without its query string, where it could be read. */
  readonly path?: string;
  /** The status of the answer. */
  readonly status: number;
  /** Why, without the values that were given. */
  readonly reason: string;
  /** The run's id, which the client knows as `Export-Id`. */
  readonly id?: string;
  /** Who asked, where that is known. */
  readonly principal?: string;
  /** Whose data they may have. */
  readonly tenant?: string;
}

/** Logs a refusal: a warning where the server is why, information where the request is. */
export function logRefusal(
  { client, method, status, id, principal, tenant, ...refused }: Refused,
): void {
  const path = redactPath(refused.path ?? "");
  const reason = cutText(refused.reason);
  const request = method === undefined ? "a request" : `${method} ${path}`;
  const message = asTemplate(`Refused ${request} with ${status}: ${reason}`);
  const fields = {
    ...(id === undefined ? {} : { id }),
    ...(client === undefined ? {} : { client }),
    ...(principal === undefined ? {} : { principal }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(method === undefined ? {} : { method, path }),
    status,
    reason,
  };
  if (status === 503) logger.warn(message, fields);
  else logger.info(message, fields);
}

/** Logs a link that was signed; its holder may download without another credential. */
export function logLink({ path, ...signed }: SignedLink): void {
  getLogger(["spillway", "links"]).info(asTemplate(`Signed a link to ${path}`), {
    path,
    ...signed,
  });
}

/** Logs a file that is sent again, whole or in part, or asked about: there is no run that has a line. */
export function logResent({ range, ...resent }: ResentFile): void {
  const { export: name, format, status } = resent;
  getLogger(["spillway", "run"]).info(
    asTemplate(`Sent a kept file with ${status}: ${name}.${format}`),
    { ...resent, ...(range === undefined ? {} : { range: cutText(range) }) },
  );
}
