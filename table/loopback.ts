/** Tells the addresses that only this machine can reach from the others. */

/**
 * Whether a server bound to it is reached from this machine alone: `localhost`, 127.0.0.0/8
 * (RFC 1122, 3.2.1.3) or `::1` in any spelling (RFC 4291, 2.5.3).
 *
 * Only the plain four-part form of IPv4 counts, as `127.1` is read differently by different systems.
 */
export function isLoopback(hostname: string): boolean {
  if (hostname.toLowerCase() === "localhost") return true;
  if (/^127(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/.test(hostname)) return true;
  if (!/^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(hostname)) return false;
  // A URL holds the shortest spelling of an address: 0:0:0:0:0:0:0:1 is [::1] there.
  return URL.parse(`http://[${hostname}]/`)?.hostname === "[::1]";
}
