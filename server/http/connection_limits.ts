/** How many connections there may be: in all, and of one client. */

import { clientKey } from "./addresses.ts";

/** Which limit a connection is above. */
export type Excess = "server" | "address";

/** A connection that is counted. */
export interface CountedConnection {
  /** The limit that it is above: only what is always answered is answered on it. */
  readonly excess: Excess | undefined;
  /** Says that a request has come on it, so that it is not evicted. */
  keep(): void;
  /** Counts it no more. */
  release(): void;
}

/** How many connections there may be. */
export interface ConnectionLimitOptions {
  /** In all. */
  readonly connections: number;
  /** Of one client. */
  readonly perAddress: number;
}

/**
 * Connections above the limits, so that a health check is answered, and others are told why they are not. No
 * client has more than a quarter of them: one that is above its own limit would take them all.
 */
export const SPARE_CONNECTIONS = 16;
const SPARE_PER_ADDRESS = SPARE_CONNECTIONS / 4;

/** Counts connections. */
export class ConnectionLimits {
  readonly #connections: number;
  readonly #regular: Counts;
  readonly #spare = new Counts(SPARE_PER_ADDRESS);
  readonly #requests: Counts;
  /** Spare connections on which nothing was asked yet, the oldest first. */
  readonly #silent = new Set<SilentConnection>();

  constructor({ connections, perAddress }: ConnectionLimitOptions) {
    this.#connections = connections;
    this.#regular = new Counts(perAddress);
    this.#requests = new Counts(perAddress);
  }

  /** Sets how many one client may have from now on. */
  limitAddresses(perAddress: number): void {
    this.#regular.perKey = perAddress;
    this.#requests.perKey = perAddress;
  }

  /** Whether there are as many as there may be. */
  get full(): boolean {
    return this.#regular.all >= this.#connections;
  }

  /**
   * Counts a connection. A spare one may evict another on which nothing was asked yet, so that
   * a client that asks at once is heard.
   *
   * @param address the client's; undefined for a proxy's, whose clients are counted by their requests
   * @param onEvicted called when another is counted instead
   * @returns the limit that it is above, where there is not even a spare one
   */
  acquire(
    address: string | undefined,
    onEvicted: (excess: Excess) => void,
  ): CountedConnection | Excess {
    const key = address === undefined ? undefined : clientKey(address);
    const excess = this.full ? "server" : this.#regular.isFull(key) ? "address" : undefined;
    if (excess && !this.#findSpare(key)) return excess;
    const counts = excess ? this.#spare : this.#regular;
    counts.add(key);
    let released = false;
    const release = () => {
      if (!released) counts.remove(key);
      released = true;
      this.#silent.delete(silent);
    };
    const evict = () => {
      release();
      onEvicted(excess!);
    };
    const silent = { key, evict };
    if (excess) this.#silent.add(silent);
    return { excess, keep: () => void this.#silent.delete(silent), release };
  }

  /** Whether there is a spare connection, be it another's. */
  #findSpare(key: string | undefined): boolean {
    const full = this.#spare.isFull(key);
    if (!full && this.#spare.all < SPARE_CONNECTIONS) return true;
    for (const silent of this.#silent) {
      if (full && silent.key !== key) continue;
      silent.evict();
      return true;
    }
    return false;
  }

  /** Counts a request that a proxy passes on for a client, until it is released; undefined at the limit. */
  acquireRequest(address: string): (() => void) | undefined {
    const key = clientKey(address);
    if (this.#requests.isFull(key)) return undefined;
    this.#requests.add(key);
    return () => this.#requests.remove(key);
  }
}

/** A spare connection on which nothing was asked yet. */
interface SilentConnection {
  readonly key: string | undefined;
  readonly evict: () => void;
}

/** Counts what each client has. */
class Counts {
  /** What all have. */
  all = 0;
  readonly #ofKey = new Map<string, number>();

  constructor(public perKey: number) {}

  isFull(key: string | undefined): boolean {
    return key !== undefined && (this.#ofKey.get(key) ?? 0) >= this.perKey;
  }

  add(key: string | undefined): void {
    this.all++;
    if (key !== undefined) this.#ofKey.set(key, (this.#ofKey.get(key) ?? 0) + 1);
  }

  remove(key: string | undefined): void {
    this.all--;
    if (key === undefined) return;
    const left = this.#ofKey.get(key)! - 1;
    if (left > 0) this.#ofKey.set(key, left);
    else this.#ofKey.delete(key);
  }
}
