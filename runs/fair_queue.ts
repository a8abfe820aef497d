/**
 * A bounded queue that is fair: next is who holds the least of what is waited for, and where it is full, who
 * has the most waiting loses the newest.
 *
 * What a run holds is known and how long it will hold it is not, so that shares are of what is held at once,
 * and not of what was begun: of two tenants of which one has runs of an hour and the other of a second, each
 * has half of the slots.
 */

/** One that takes part: a tenant, an address, a key. */
interface Share<Item> {
  /** Units that it holds. */
  held: number;
  /** When it was served last or began to wait, whichever was later, in turns; never that of another. */
  turn: number;
  /** What waits for it, the oldest first. */
  readonly waiting: Set<Item>;
}

/** Items that wait, and what their shares hold already. */
export class FairQueue<Item> {
  /** Items that may wait in all; those that wait already may be more. */
  maxLength: number;
  /** Those that hold something or wait. */
  readonly #shares = new Map<string, Share<Item>>();
  #length = 0;
  #turns = 0;

  /**
   * Makes an empty queue.
   *
   * @param maxLength items that may wait in all
   */
  constructor(maxLength = 0) {
    this.maxLength = maxLength;
  }

  /** Items that wait. */
  get length(): number {
    return this.#length;
  }

  /** Whether as many wait as may. */
  get full(): boolean {
    return this.#length >= this.maxLength;
  }

  /**
   * About how many are taken out until one is that would be added now: each of its share that waits already
   * comes after one of every other that has some. 0 where none of its share waits.
   */
  position(name: string): number {
    const own = this.#shares.get(name)?.waiting.size ?? 0;
    if (own === 0) return 0;
    const waiting = [...this.#shares.values()].filter(({ waiting }) => waiting.size > 0);
    return Math.min(this.#length + 1, (own + 1) * waiting.length);
  }

  /**
   * Adds an item behind those of its share.
   *
   * @returns the item that has to go for it, which may be itself: the newest of the share that has the most
   * waiting; undefined where there was room
   */
  add(name: string, item: Item): Item | undefined {
    const share = this.#find(name);
    // Behind those that wait already: one that comes and goes must not come first again and again.
    if (share.waiting.size === 0) share.turn = ++this.#turns;
    share.waiting.add(item);
    this.#length++;
    if (this.#length <= this.maxLength) return undefined;
    let [max, maxName] = [share, name];
    for (const [otherName, other] of this.#shares) {
      if (other.waiting.size > max.waiting.size) [max, maxName] = [other, otherName];
    }
    const newest = [...max.waiting].at(-1)!;
    this.delete(maxName, newest);
    return newest;
  }

  /** Takes an item out that waits; does nothing where it does not. */
  delete(name: string, item: Item): void {
    const share = this.#shares.get(name);
    if (!share?.waiting.delete(item)) return;
    this.#length--;
    this.#drop(name, share);
  }

  /**
   * Takes out what is next: the oldest item of the share that holds least, of several of these the one that
   * was served, or began to wait, longest ago; undefined where nothing waits.
   */
  next(): Item | undefined {
    let best: readonly [name: string, share: Share<Item>] | undefined;
    for (const entry of this.#shares) {
      if (entry[1].waiting.size > 0 && (!best || isBefore(entry[1], best[1]))) best = entry;
    }
    if (!best) return undefined;
    const [name, { waiting }] = best;
    const [oldest] = waiting;
    this.delete(name, oldest!);
    return oldest;
  }

  /** Counts units that a share holds from now on; what it returns, called once, takes that back. */
  hold(name: string, units: number): () => void {
    const share = this.#find(name);
    share.held += units;
    share.turn = ++this.#turns;
    return () => {
      share.held -= units;
      this.#drop(name, share);
    };
  }

  #find(name: string): Share<Item> {
    let share = this.#shares.get(name);
    if (!share) {
      share = { held: 0, turn: 0, waiting: new Set() };
      this.#shares.set(name, share);
    }
    return share;
  }

  #drop(name: string, { held, waiting }: Share<Item>): void {
    if (held === 0 && waiting.size === 0) this.#shares.delete(name);
  }
}

function isBefore<Item>(one: Share<Item>, other: Share<Item>): boolean {
  return one.held < other.held || (one.held === other.held && one.turn < other.turn);
}
