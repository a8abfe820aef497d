/** The pace at which slots become free, which tells how long a run would wait for one. */

/** Times of slots, by the clock of who calls. */
export class SlotPace {
  readonly #window: number;
  readonly #maxTimes: number;
  /** When the last slots were freed, the oldest first. */
  readonly #freed: number[] = [];
  #contendedSince: number | undefined;

  /**
   * Knows nothing yet.
   *
   * @param window milliseconds that are looked back
   * @param maxTimes slots that are remembered
   */
  constructor(window: number, maxTimes: number) {
    this.#window = window;
    this.#maxTimes = maxTimes;
  }

  /** Every slot is taken now, or not every one. */
  update(contended: boolean, now: number): void {
    this.#contendedSince = contended ? this.#contendedSince ?? now : undefined;
  }

  /** A slot was freed. */
  free(now: number): void {
    this.#freed.push(now);
    if (this.#freed.length > this.#maxTimes) this.#freed.shift();
  }

  /**
   * Whether fewer slots than so many were freed in the window. While there were free ones in it, that says
   * nothing of how long they are held.
   */
  isBelow(slots: number, now: number): boolean {
    const start = now - this.#window;
    if (this.#contendedSince === undefined || this.#contendedSince > start) return false;
    const first = this.#freed.at(-slots);
    return first === undefined || first < start;
  }
}
