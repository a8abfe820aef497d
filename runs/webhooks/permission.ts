/** Says whether this process has the permissions that a webhook needs: Deno checks a name and its addresses apart. */

import { isIP } from "node:net";

/** The host of a URL, an address of IPv6 without its brackets. */
export function hostnameOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

/** Whether the host of a URL may be connected to, where it is an address, or its addresses be asked for. */
export function mayReach(url: URL): boolean {
  const hostname = hostnameOf(url);
  // Deno looks a name up without its port.
  return isIP(hostname) ? mayConnect(hostname, url) : isGranted(hostname);
}

/** Whether one of the addresses of a URL's host may be connected to; a permission for the name is none for it. */
export function mayConnect(address: string, { port, protocol }: URL): boolean {
  const host = isIP(address) === 6 ? `[${address}]` : address;
  return isGranted(`${host}:${port || (protocol === "https:" ? 443 : 80)}`);
}

function isGranted(host: string): boolean {
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}
