/**
 * Lets pages of other origins that are configured read answers (Fetch, 3.2: CORS).
 *
 * The middleware that comes with Hono does not do: docs/design.md, "Who may have what".
 */

import type { MiddlewareHandler } from "hono";
import type { Environment } from "./environment.ts";

/** Makes the headers by which a browser lets a page read an answer; none for a page that may not. */
export type ShareHeaders = (origin: string | null) => Readonly<Record<string, string>>;

/** Headers of answers that a page may read, besides those that every page may (Fetch, 2.2.2). */
const EXPOSED = [
  ...["Accept-Ranges", "Content-Disposition", "Content-Range", "ETag", "Export-Id"],
  ...["Export-Max-Rows", "Export-Truncated", "Link", "Location", "Preference-Applied"],
  ...["Repr-Digest", "Retry-After", "WWW-Authenticate"],
].join(", ");

/** Headers of requests that a page may set; a cookie is no credential here, so that it may send none. */
const ALLOWED = [
  ...["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "If-Range"],
  ...["Last-Event-ID", "Prefer", "Range", "Traceparent", "X-Api-Key"],
].join(", ");

/** Seconds for which a browser need not ask again; Chromium takes no more. */
const MAX_AGE_SECONDS = 7200;

/** What a preflight is answered with, besides the headers of every answer. */
const PREFLIGHT_HEADERS = {
  "Access-Control-Allow-Methods": "GET, HEAD, POST, DELETE",
  "Access-Control-Allow-Headers": ALLOWED,
  "Access-Control-Max-Age": `${MAX_AGE_SECONDS}`,
};

/**
 * Makes the headers for a list of origins, which are compared as a browser writes them, to the letter.
 *
 * @param origins scheme, name and port where it is not the scheme's own; none: no page of another origin
 */
export function shareHeaders(origins: readonly string[]): ShareHeaders {
  if (origins.length === 0) return () => ({});
  const listed = new Set(origins);
  return (origin) => ({
    // Also without them: a cache must not give one origin's answer to another.
    "Vary": "Origin",
    ...(origin !== null && listed.has(origin)
      ? {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": EXPOSED,
      }
      : {}),
  });
}

/** Adds the headers to each answer, be it a file or a refusal: a page that cannot read why learns nothing. */
export function share(headersFor: ShareHeaders): MiddlewareHandler<Environment> {
  return async (context, next) => {
    await next();
    const headers = headersFor(context.req.header("Origin") ?? null);
    for (const [name, value] of Object.entries(headers)) context.res.headers.append(name, value);
  };
}

/** Answers what a browser asks before a request with such headers or methods; it has no credential yet. */
export function preflight(origins: readonly string[]): MiddlewareHandler<Environment> {
  const listed = new Set(origins);
  return async ({ req }, next) => {
    const asks = req.method === "OPTIONS" &&
      req.header("Access-Control-Request-Method") !== undefined;
    if (!asks || !listed.has(req.header("Origin") ?? "")) return await next();
    return new Response(null, { status: 204, headers: PREFLIGHT_HEADERS });
  };
}
