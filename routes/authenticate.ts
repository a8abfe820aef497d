/** Finds out who makes each request before anything is looked up for it. */

import type { MiddlewareHandler } from "hono";
import type { Access } from "../access/mod.ts";
import type { Refusal, RefusalKind } from "../access/refusal.ts";
import { redactLink } from "../access/redact_link.ts";
import type { Client, Environment } from "./environment.ts";
import { isLocal } from "./local_request.ts";
import { type Problem, problemResponse } from "./problems.ts";
import { withReason } from "./refusals.ts";

/** Waits before the answer to a wrong credential; ends early where the client leaves. */
export type Wait = (milliseconds: number, signal: AbortSignal) => Promise<void>;

/** How requests are authenticated. */
export interface AuthenticateOptions {
  /** Who is let in. */
  readonly access: Pick<Access, "authenticate">;
  /** Waits. @default the system's clock */
  readonly wait?: Wait | undefined;
}

/**
 * The headers of what one caller sees. RFC 9111, 3.5: `Authorization` keeps a shared cache from storing an
 * answer, `X-Api-Key` does not.
 */
export const CALLERS_OWN = {
  "Cache-Control": "private, no-store",
  "Vary": "Authorization, X-Api-Key",
} as const;

/** Paths that tell nothing of any tenant, for what watches the process. */
const OPEN: readonly string[] = ["/healthz", "/readyz"];

/** The path that tools of this machine may ask for without a credential. */
const METRICS = "/metrics";

/** The challenge (RFC 6750, 3): what was given is worth naming only where something was. */
const CHALLENGE = 'Bearer realm="spillway"';

/** What refusals are answered with. */
const STATUSES = {
  missing: { status: 401, title: "Unauthorized", challenge: CHALLENGE },
  invalid: { status: 401, title: "Unauthorized", challenge: `${CHALLENGE}, error="invalid_token"` },
  ambiguous: {
    status: 400,
    title: "Bad request",
    challenge: `${CHALLENGE}, error="invalid_request"`,
  },
  unavailable: { status: 503, title: "Service unavailable" },
  throttled: { status: 429, title: "Too many requests" },
} as const satisfies Record<RefusalKind, Pick<Problem, "status" | "title" | "challenge">>;

/** Seconds after which the issuer of tokens may answer again, where nothing else is known. */
const UNAVAILABLE_SECONDS = 30;

/** Makes the middleware: `principal` is known to what comes after it, or there is an answer already. */
export function authenticate(
  { access, wait = waitFor }: AuthenticateOptions,
): MiddlewareHandler<Environment> {
  return async (context, next) => {
    const { req, env } = context;
    if (OPEN.includes(req.path)) return await next();
    const local = isLocal(req.raw, env?.client);
    if (req.path === METRICS && local) return await next();
    const { principal, refusal } = await access.authenticate({
      method: req.method,
      url: req.url,
      authorization: req.header("Authorization"),
      apiKey: req.header("X-Api-Key"),
      address: addressOf(env?.client),
      local,
    });
    if (principal) {
      context.set("principal", principal);
      return await next();
    }
    if (refusal.delay > 0) await wait(refusal.delay, req.raw.signal);
    return answer(refusal, req.url);
  };
}

function addressOf(client: Client | undefined): string {
  return client?.remoteAddress ?? "";
}

/** The answer; its reason is for the log, which never has a credential. */
function answer({ kind, detail, reason, credential, retryAfter }: Refusal, url: string): Response {
  const seconds = retryAfter === undefined
    ? kind === "unavailable" ? UNAVAILABLE_SECONDS : undefined
    : Math.ceil(retryAfter / 1000);
  const response = problemResponse({
    ...STATUSES[kind],
    detail,
    ...(seconds === undefined ? {} : { retryAfter: seconds }),
  });
  const whose = credential === undefined ? "" : ` (${credential})`;
  const link = reason.startsWith("link-") ? ` of ${redactLink(url)}` : "";
  return withReason(response, `${reason}${whose}${link}`);
}

async function waitFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}
