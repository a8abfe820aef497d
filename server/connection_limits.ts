/** How many connections there may be: in all, and of one client. */

import { clientKey } from "./addresses.ts";

/** Which limit a connection is above. */
export type Excess = "server" | "address";

/** A connection that is counted. */
export interface CountedConnection {
  /** The limit that it is above: only what is always answered is answered on it. */
  readonly excess: Excess | undefined;
  /** Counts it no more; called once. */
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
 * Connections above the limits, so that a health check is answered, and others are told why they are not.
 * No client has more than a quarter of them: one that is above its own limit would take them all.
 */
export const SPARE_CONNECTIONS = 16;
const SPARE_PER_ADDRESS = SPARE_CONNECTIONS / 4;

/** Counts connections. */
export class ConnectionLimits {
  readonly #connections: number;
  readonly #usual: Counts;
  readonly #spare = new Counts(SPARE_PER_ADDRESS);
  readonly #requests: Counts;

  /** Begins with none. */
  constructor({ connections, perAddress }: ConnectionLimitOptions) {
    this.#connections = connections;
    this.#usual = new Counts(perAddress);
    this.#requests = new Counts(perAddress);
  }

  /** Whether there are as many as there may be. */
  get full(): boolean {
    return this.#usual.all >= this.#connections;
  }

  /**
   * Counts a connection; the limit that it is above, where there is not even a spare one.
   *
   * @param address the client's; undefined for a proxy's, whose clients are counted by their requests
   */
  acquire(address: string | undefined): CountedConnection | Excess {
    const key = address === undefined ? undefined : clientKey(address);
    const excess = this.full ? "server" : this.#usual.isFull(key) ? "address" : undefined;
    const counts = excess === undefined ? this.#usual : this.#spare;
    if (excess && (counts.all >= SPARE_CONNECTIONS || counts.isFull(key))) return excess;
    counts.add(key);
    return { excess, release: () => counts.remove(key) };
  }

  /** Counts a request that a proxy passes on for a client, until it is released; undefined at the limit. */
  acquireRequest(address: string): (() => void) | undefined {
    const key = clientKey(address);
    if (this.#requests.isFull(key)) return undefined;
    this.#requests.add(key);
    return () => this.#requests.remove(key);
  }
}

/** Counts what each client has. */
class Counts {
  /** What all have. */
  all = 0;
  readonly #perKey: number;
  readonly #ofKey = new Map<string, number>();

  constructor(perKey: number) {
    this.#perKey = perKey;
  }

  isFull(key: string | undefined): boolean {
    return key !== undefined && (this.#ofKey.get(key) ?? 0) >= this.#perKey;
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
