/** Tells a request from this machine itself, by whoever runs the server, from all others. */

import { isLoopback } from "../catalog/hostname.ts";

/** Headers by which a proxy says that it has passed a request on. */
const FORWARDED = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via"];

/**
 * Whether a request was made on this machine: the server is bound to loopback, was called by a loopback name,
 * which a page of another site cannot (a rebound name is not `localhost`), and no proxy stands in between.
 *
 * @param hostname what the server is bound to
 */
export function isLocal(request: Request, hostname: string): boolean {
  const { hostname: called } = new URL(request.url);
  return isLoopback(hostname) && isLoopback(called.replace(/^\[(.*)\]$/, "$1")) &&
    !FORWARDED.some((name) => request.headers.has(name));
}
