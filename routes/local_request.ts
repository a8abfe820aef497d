/** Tells a request from this machine itself, by the operator, from all others. */

import { isLoopback } from "../table/loopback.ts";
import type { Client } from "./environment.ts";

/** Headers by which a proxy says that it has passed a request on; all that begin with `X-Forwarded` are, too. */
const FORWARDED = [
  ...["Forwarded", "Via", "X-Real-IP", "X-Client-IP", "X-Original-Host", "CDN-Loop"],
  ...["CF-Connecting-IP", "True-Client-IP"],
];

/**
 * Whether a request was made on this machine: both ends of its connection are loopback, it was called by a
 * loopback name, which a page of another site cannot (a rebound name is not `localhost`), no page of another
 * origin made it, and no proxy stands in between, as far as it says so or is named in
 * `server.trusted_proxies`. HTTP/1.0 is what nginx before 1.29.7 speaks that is told nothing but where to
 * pass requests on to; it says our own name then.
 */
export function isLocal({ headers }: Request, client: Client | undefined): boolean {
  if (!client || client.viaProxy || client.httpVersion === "1.0") return false;
  const host = headers.get("Host") ?? "";
  const called = URL.parse(`http://${host}/`)?.hostname ?? "";
  const origin = headers.get("Origin");
  return [client.remoteAddress, client.localAddress, called.replace(/^\[(.*)\]$/, "$1")]
    .every(isLoopback) &&
    (origin === null || URL.parse(origin)?.host === host) &&
    !FORWARDED.some((name) => headers.has(name)) &&
    ![...headers.keys()].some((name) => name.startsWith("x-forwarded"));
}
