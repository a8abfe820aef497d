/** Finds the address of a request's client, which a proxy in front knows. */

import { createAddressTest, isAddress, plainAddress } from "./addresses.ts";

/** Tells a request's client from its connection. */
export interface ClientAddress {
  /** Whether an address is a proxy's that is believed. */
  isProxy(address: string): boolean;
  /** The client's address of a request that came from a proxy; the proxy's own, where it tells none. */
  behind(proxy: string, headers: Headers): string;
}

/**
 * Makes the way to tell.
 *
 * Each proxy adds the address that it was connected from to `X-Forwarded-For`, or to `Forwarded` (RFC 7239),
 * at the end. So the last one is believed where the connection is a trusted proxy's, the one before where
 * the last is a trusted proxy too, and so on: what a client writes there itself is never reached.
 * `Forwarded` is read where there is no `X-Forwarded-For`; a proxy that sets the one removes the other.
 *
 * @param trustedProxies addresses and networks
 */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  const isProxy = createAddressTest(trustedProxies);
  return {
    isProxy,
    behind(proxy, headers) {
      const given = headers.get("X-Forwarded-For")?.split(",") ??
        forwardedFor(headers.get("Forwarded") ?? "");
      let client = proxy;
      for (const text of given.reverse()) {
        const address = readAddress(text);
        // What is no address says nothing, and neither does what stands before it.
        if (address === undefined) return client;
        client = address;
        if (!isProxy(client)) return client;
      }
      return client;
    },
  };
}

/** The values of `for` in `Forwarded`, in order; a comma or a semicolon may be in quotes. */
function forwardedFor(value: string): string[] {
  return (value.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? []).map((element) =>
    /(?:^|;)\s*for\s*=\s*("[^"]*"|[^;\s]*)/i.exec(element)?.[1]?.replaceAll('"', "") ?? ""
  );
}

/** `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1` or `[2001:db8::1]:80`. */
function readAddress(text: string): string | undefined {
  const written = text.trim();
  const [, bracketed, plain] = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+)(?::\d+)?)$/.exec(written) ?? [];
  const address = bracketed ?? plain ?? written;
  return isAddress(address) ? plainAddress(address) : undefined;
}
