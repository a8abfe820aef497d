/** Things in the order in which they expire, as a binary heap. */

interface Entry<Item> {
  readonly item: Item;
  readonly at: number;
}

/** Adds, deletes and takes what has expired, each in O(log n): thousands of files are kept, and asked for often. */
export class ExpiryQueue<Item> {
  /** No entry expires before the one at `(index - 1) >> 1`. */
  readonly #heap: Entry<Item>[] = [];
  readonly #indices = new Map<Item, number>();

  /** Things in it. */
  get size(): number {
    return this.#heap.length;
  }

  /** Adds a thing that is not in it. */
  add(item: Item, expiresAt: Date): void {
    this.#heap.push({ item, at: expiresAt.getTime() });
    this.#rise(this.#heap.length - 1);
  }

  /** Deletes a thing, where it is in it. */
  delete(item: Item): void {
    const index = this.#indices.get(item);
    if (index === undefined) return;
    this.#indices.delete(item);
    const last = this.#heap.pop()!;
    if (index === this.#heap.length) return;
    this.#heap[index] = last;
    this.#rise(this.#sink(index));
  }

  /** Deletes what has expired by then, and returns it, the first that expired first. */
  takeExpired(now: Date): Item[] {
    const taken: Item[] = [];
    for (let first = this.#heap[0]; first && first.at <= now.getTime(); first = this.#heap[0]) {
      this.delete(first.item);
      taken.push(first.item);
    }
    return taken;
  }

  /** Moves an entry up to where it belongs. */
  #rise(index: number): void {
    const entry = this.#heap[index]!;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (this.#heap[above]!.at <= entry.at) break;
      this.#put(index, this.#heap[above]!);
      index = above;
    }
    this.#put(index, entry);
  }

  /** Moves an entry down to where it belongs; where that is. */
  #sink(index: number): number {
    const entry = this.#heap[index]!;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= this.#heap.length) break;
      if ((this.#heap[below + 1]?.at ?? Infinity) < this.#heap[below]!.at) below++;
      if (this.#heap[below]!.at >= entry.at) break;
      this.#put(index, this.#heap[below]!);
      index = below;
    }
    this.#put(index, entry);
    return index;
  }

  #put(index: number, entry: Entry<Item>): void {
    this.#heap[index] = entry;
    this.#indices.set(entry.item, index);
  }
}
