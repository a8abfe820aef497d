/** Reads and compares addresses of IPv4 and IPv6. */

import { BlockList, isIP } from "node:net";

/** An address as it is written; IPv4 that is mapped into IPv6 (RFC 4291, 2.5.5.2) as IPv4. */
export function plainAddress(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

/** Whether a text is an address. */
export function isAddress(text: string): boolean {
  return isIP(text) !== 0;
}

/**
 * What one client is told from another by: its address of IPv4, and of IPv6 the first 64 bits, as a
 * network of that size is the least that a host gets (RFC 6177) and all of its addresses are its own.
 */
export function clientKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const groups = head.split(":").filter(Boolean);
  const after = (tail ?? "").split(":").filter(Boolean);
  // An address of IPv4 at the end stands for two groups.
  const written = groups.length + after.length + (after.at(-1)?.includes(".") ? 1 : 0);
  const zeros = tail === undefined ? [] : Array(8 - written).fill("0");
  const network = [...groups, ...zeros, ...after].slice(0, 4);
  return `${network.map((group) => parseInt(group, 16).toString(16)).join(":")}::/64`;
}

/**
 * Makes the test whether an address is one of these, or in one of these networks (`10.0.0.0/8`).
 *
 * @throws {Error} where one is neither
 */
export function createAddressTest(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix] = network.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (address) => list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
