/**
 * Slows wrong credentials down, by the address that they come from.
 *
 * A right credential is never slowed down: many people may share an address with the one who guesses.
 */

/** What becomes of the answer to a wrong credential. */
export interface Penalty {
  /** Milliseconds that the answer waits; 0 where the address may try again anyway. */
  readonly delay: number;
  /**
   * Milliseconds after which wrong credentials are answered again; there where so many came that their
   * answers are not even to wait, as that takes room too.
   */
  readonly retryAfter?: number;
}

/** Counts wrong credentials. */
export interface Throttle {
  /** Counts one of an address, and says what becomes of its answer. */
  fail(address: string): Penalty;
  /** Addresses that are remembered. */
  readonly size: number;
}

/** How wrong credentials are counted. */
export interface ThrottleOptions {
  /** What time it is, in milliseconds; only differences count. @default performance.now */
  readonly now?: () => number;
  /** Addresses that are remembered; the one that was longest quiet is forgotten first. @default 10000 */
  readonly maxAddresses?: number;
}

/** Wrong credentials that cost nothing: a deployment with the key of yesterday. */
const FREE = 5;

/** Milliseconds in which one more is forgiven. */
const FORGIVE_MS = 10_000;

/** Milliseconds that the first answer waits which is not free; each one after it twice as long. */
const FIRST_DELAY_MS = 100;

/** The longest wait: clients and proxies give up after 30 or 60 s. */
const MAX_DELAY_MS = 10_000;

/** Wrong credentials after which no more are answered until some are forgiven. */
const MAX_FAILURES = 20;

interface Failures {
  /** Wrong credentials that are not forgiven, as of {@linkcode Failures.at}. */
  count: number;
  at: number;
}

/** Counts wrong credentials in a table that has an upper bound. */
export function createThrottle(options: ThrottleOptions = {}): Throttle {
  const { now = () => performance.now(), maxAddresses = 10_000 } = options;
  // In the order in which they last failed.
  const records = new Map<string, Failures>();
  return {
    fail(address) {
      const block = addressBlock(address);
      const at = now();
      const { count, at: last } = records.get(block) ?? { count: 0, at };
      const left = Math.max(0, count - (at - last) / FORGIVE_MS);
      const failures = Math.min(left + 1, MAX_FAILURES + 1);
      records.delete(block);
      records.set(block, { count: failures, at });
      if (records.size > maxAddresses) records.delete(records.keys().next().value!);
      if (failures > MAX_FAILURES) {
        return { delay: 0, retryAfter: Math.ceil((failures - MAX_FAILURES) * FORGIVE_MS) };
      }
      if (failures <= FREE) return { delay: 0 };
      const delay = FIRST_DELAY_MS * 2 ** (Math.ceil(failures - FREE) - 1);
      return { delay: Math.min(delay, MAX_DELAY_MS) };
    },
    get size() {
      return records.size;
    },
  };
}

/** An IPv4 address, or the /64 of an IPv6 address: that is the least that one host gets (RFC 6177). */
export function addressBlock(address: string): string {
  const host = URL.parse(`http://[${address.replace(/%.*$/, "")}]/`)?.hostname.slice(1, -1);
  if (host === undefined) return address;
  const [head = "", tail = ""] = host.split("::");
  const groups = (text: string) => text === "" ? [] : text.split(":");
  const zeros = 8 - groups(head).length - groups(tail).length;
  const all = [
    ...groups(head),
    ...Array(host.includes("::") ? zeros : 0).fill("0"),
    ...groups(tail),
  ];
  const mapped = /^0:0:0:0:0:ffff:/.test(all.join(":"));
  // ::ffff:c633:6401 is 198.51.100.1 (RFC 4291, 2.5.5.2).
  if (mapped) return URL.parse(`http://${hexToNumber(all[6]!, all[7]!)}/`)?.hostname ?? address;
  return `${all.slice(0, 4).join(":")}::/64`;
}

function hexToNumber(high: string, low: string): number {
  return parseInt(high, 16) * 65_536 + parseInt(low, 16);
}
