/** Tells a request from this machine itself, by the operator, from all others. */

import { isLoopback } from "../table/loopback.ts";
import type { Client } from "./environment.ts";

/** Headers by which a proxy says that it has passed a request on. */
const FORWARDED = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via"];

/**
 * Whether a request was made on this machine: both ends of its connection are loopback, it was called by a
 * loopback name, which a page of another site cannot (a rebound name is not `localhost`), and no proxy
 * stands in between.
 */
export function isLocal({ headers }: Request, client: Client | undefined): boolean {
  if (!client) return false;
  const called = URL.parse(`http://${headers.get("Host")}/`)?.hostname ?? "";
  return [client.remoteAddress, client.localAddress, called.replace(/^\[(.*)\]$/, "$1")]
    .every(isLoopback) && !FORWARDED.some((name) => headers.has(name));
}
