/** Keeps connections that have ended a run in order, for the next run of the same source. */

/** What a cache goes by. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Calls back once, unless the process ends before. */
  after(milliseconds: number, call: () => void): void;
}

const SYSTEM: Clock = {
  now: () => performance.now(),
  after: (milliseconds, call) => Deno.unrefTimer(setTimeout(call, milliseconds)),
};

/** What can be kept. */
export interface Keepable {
  /** Closes it, and does not wait for that; an error of closing changes nothing any more. */
  close(): void;
}

/** How many connections are kept, and how long. */
export interface CacheOptions {
  /** The most that are kept, of all sources together. */
  readonly max: number;
  /** Milliseconds that one is kept while no run takes it. */
  readonly idle: number;
  /** Milliseconds after its first run from which one is not kept again. @default without end */
  readonly age?: number;
  /**
   * Milliseconds that a run may wait for one that another run has, instead of opening one; only where as lately
   * one came back, as one that serves long runs does not come soon. @default 0
   */
  readonly wait?: number;
  /** What it goes by. @default the system's */
  readonly clock?: Clock;
}

/** A connection that is kept. */
interface Kept<T> {
  readonly key: string;
  readonly connection: T;
  readonly since: number;
}

/** A run that waits for a connection. */
interface Waiting<T> {
  readonly key: string;
  readonly resolve: (connection: T | undefined) => void;
}

/** The connections that a process keeps of a kind of source. */
export class ConnectionCache<T extends Keepable> {
  readonly #max: number;
  readonly #idle: number;
  readonly #age: number;
  readonly #wait: number;
  readonly #clock: Clock;
  /** Those that are kept, the one that was used last at the end. */
  #kept: Kept<T>[] = [];
  /** When each was put here for the first time. */
  readonly #born = new WeakMap<T, number>();
  /** Those that were taken out, by key, until they are put back or discarded; none where no run waits. */
  readonly #taken = new Map<string, Set<T>>();
  /** When one of a key was put here last. */
  readonly #returned = new Map<string, number>();
  /** Runs that wait, the first at the beginning. */
  readonly #waiting = new Set<Waiting<T>>();
  #sweeping = false;

  /** Makes one that is empty. */
  constructor({ max, idle, age = Infinity, wait = 0, clock = SYSTEM }: CacheOptions) {
    this.#max = max;
    this.#idle = idle;
    this.#age = age;
    this.#wait = wait;
    this.#clock = clock;
  }

  /** How many are kept. */
  get size(): number {
    return this.#kept.length;
  }

  /**
   * Takes out the one of a key that was used last; nothing where none is kept.
   *
   * @param key all that connections must have in common to stand for each other
   */
  take(key: string): T | undefined {
    const index = this.#kept.findLastIndex((kept) => kept.key === key);
    if (index < 0) return undefined;
    const { connection } = this.#kept.splice(index, 1)[0]!;
    if (this.#wait > 0) this.#takenOf(key).add(connection);
    return connection;
  }

  /** Takes one out as {@linkcode take} does, or the next that is put here, within the time to wait. */
  async acquire(key: string): Promise<T | undefined> {
    const kept = this.take(key);
    const returned = this.#returned.get(key) ?? -Infinity;
    const late = this.#clock.now() - returned >= this.#wait;
    if (kept || late || !this.#taken.has(key)) return kept;
    return await new Promise((resolve) => {
      const waiting = { key, resolve };
      this.#waiting.add(waiting);
      this.#clock.after(this.#wait, () => this.#waiting.delete(waiting) && resolve(undefined));
    });
  }

  /** Keeps one, gives it to the run that waits for it, or closes it where it is too old; it is not used any more. */
  put(key: string, connection: T): void {
    const since = this.#clock.now();
    const born = this.#born.get(connection) ?? since;
    if (since - born >= this.#age) {
      this.discard(key, connection);
      return connection.close();
    }
    this.#born.set(connection, born);
    this.#returned.set(key, since);
    for (const waiting of this.#waiting) {
      if (waiting.key !== key) continue;
      this.#waiting.delete(waiting);
      this.#takenOf(key).add(connection);
      return waiting.resolve(connection);
    }
    this.discard(key, connection);
    this.#kept.push({ key, connection, since });
    if (this.#kept.length > this.#max) this.#kept.shift()!.connection.close();
    this.#sweepLater();
  }

  /** Does not count on one any more that was taken out, as it will not be put back. */
  discard(key: string, connection: T): void {
    const taken = this.#taken.get(key);
    taken?.delete(connection);
    if (taken?.size !== 0) return;
    this.#taken.delete(key);
    for (const waiting of this.#waiting) {
      if (waiting.key !== key) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(undefined);
    }
  }

  /** Closes all of a key. */
  evict(key: string): void {
    this.#close((kept) => kept.key === key);
  }

  #takenOf(key: string): Set<T> {
    const taken = this.#taken.get(key) ?? new Set();
    this.#taken.set(key, taken);
    return taken;
  }

  #sweepLater(): void {
    if (this.#sweeping || this.#kept.length === 0) return;
    this.#sweeping = true;
    this.#clock.after(this.#idle, () => {
      this.#sweeping = false;
      const before = this.#clock.now() - this.#idle;
      this.#close(({ since }) => since <= before);
      this.#sweepLater();
    });
  }

  #close(isOver: (kept: Kept<T>) => boolean): void {
    const over = this.#kept.filter(isOver);
    this.#kept = this.#kept.filter((kept) => !isOver(kept));
    for (const { connection } of over) connection.close();
  }
}

/**
 * Milliseconds that a run waits for another's connection to a server. A login takes 5 to 20 of both sides'
 * cores; 128 short runs at once over 32 connections have one each 100.
 */
const WAIT_MS = 250;

/**
 * Makes a cache of connections to database servers. One is kept for seconds, as it takes one of those that the
 * server has, and used for a minute: so long one goes on whose account has been locked, or whose server's name
 * means another one.
 */
export function createServerCache<T extends Keepable>(clock = SYSTEM): ConnectionCache<T> {
  return new ConnectionCache({ max: 16, idle: 5000, age: 60_000, wait: WAIT_MS, clock });
}
