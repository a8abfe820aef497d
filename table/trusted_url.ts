/** Tells the URLs whose answers no one can change on the way. */

import { isLoopback } from "./loopback.ts";

/**
 * Whether a text is an `https` URL, or `http` to this machine, without a credential and a fragment.
 *
 * @param allowHttp whether `http` may leave the machine
 */
export function isTrustedUrl(text: string, allowHttp = false): boolean {
  const url = URL.parse(text);
  if (!url || url.username !== "" || url.password !== "" || text.includes("#")) return false;
  if (url.protocol === "https:") return true;
  return url.protocol === "http:" &&
    (allowHttp || isLoopback(url.hostname.replace(/^\[(.*)\]$/, "$1")));
}
