/** Things in the order in which they expire, as a binary heap. */

interface Entry<Item> {
  readonly item: Item;
  readonly at: number;
}

/** Adds, deletes and takes what has expired, each in O(log n): thousands of files are kept, and asked for often. */
export class ExpiryQueue<Item> {
  /** No entry expires before the one at `(place - 1) >> 1`. */
  readonly #heap: Entry<Item>[] = [];
  readonly #places = new Map<Item, number>();

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
    const place = this.#places.get(item);
    if (place === undefined) return;
    this.#places.delete(item);
    const last = this.#heap.pop()!;
    if (place === this.#heap.length) return;
    this.#heap[place] = last;
    this.#rise(this.#sink(place));
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
  #rise(place: number): void {
    const entry = this.#heap[place]!;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (this.#heap[above]!.at <= entry.at) break;
      this.#put(place, this.#heap[above]!);
      place = above;
    }
    this.#put(place, entry);
  }

  /** Moves an entry down to where it belongs; where that is. */
  #sink(place: number): number {
    const entry = this.#heap[place]!;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= this.#heap.length) break;
      if ((this.#heap[below + 1]?.at ?? Infinity) < this.#heap[below]!.at) below++;
      if (this.#heap[below]!.at >= entry.at) break;
      this.#put(place, this.#heap[below]!);
      place = below;
    }
    this.#put(place, entry);
    return place;
  }

  #put(place: number, entry: Entry<Item>): void {
    this.#heap[place] = entry;
    this.#places.set(entry.item, place);
  }
}
