/** Tells a request from this machine itself, by the operator, from all others. */

import { isLoopback } from "../table/loopback.ts";
import type { Client } from "./environment.ts";

/**
 * Headers by which a proxy says that it has passed a request on; every one that begins with `X-Forwarded` is
 * one, too. `Origin` is a page's of another origin, which a browser on this machine shows.
 */
const NOT_LOCAL = [
  ...["Forwarded", "Via", "X-Real-IP", "X-Client-IP", "X-Original-Host", "CDN-Loop"],
  ...["CF-Connecting-IP", "True-Client-IP", "Origin"],
];

/**
 * Whether a request was made on this machine: both ends of its connection are loopback, it was called by a
 * loopback name, which a page of another site cannot (a rebound name is not `localhost`), and no proxy
 * stands in between, as far as it says so or is named in `server.trusted_proxies`. HTTP/1.0 is what nginx
 * speaks that is told nothing but where to pass requests on to; it says the name of its upstream then.
 */
export function isLocal({ headers }: Request, client: Client | undefined): boolean {
  if (!client || client.viaProxy || client.httpVersion === "1.0") return false;
  const called = URL.parse(`http://${headers.get("Host")}/`)?.hostname ?? "";
  return [client.remoteAddress, client.localAddress, called.replace(/^\[(.*)\]$/, "$1")]
    .every(isLoopback) &&
    !NOT_LOCAL.some((name) => headers.has(name)) &&
    ![...headers.keys()].some((name) => name.startsWith("x-forwarded"));
}
