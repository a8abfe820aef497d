/** The pace at which slots become free, which tells how long a run would wait for one. */

/**
 * What is known of the last while: how many slots were freed, and for how long slots were held in all, those
 * that still are included. The older it is, the less it counts.
 */
export class SlotPace {
  /** Milliseconds after which something counts 1/e. */
  window: number;
  #taken = 0;
  #freed = 0;
  #held = 0;
  #updatedAt = 0;

  /** Knows nothing yet. */
  constructor(window = 5_000) {
    this.window = window;
  }

  /** A slot was taken. */
  take(now: number): void {
    this.#update(now);
    this.#taken++;
  }

  /** A slot was freed. */
  free(now: number): void {
    this.#update(now);
    this.#taken--;
    this.#freed++;
  }

  /**
   * Milliseconds after which so many slots will have been freed, if those that are taken are held for as long
   * as others were. One is taken to be freed any moment: of slots that were held for a moment so far it is not
   * known that they are held for long.
   */
  expect(slots: number, now: number): number {
    this.#update(now);
    const each = this.#held / (this.#freed + 1);
    return this.#taken === 0 ? 0 : slots * each / this.#taken;
  }

  #update(now: number): void {
    const kept = Math.exp((this.#updatedAt - now) / this.window);
    this.#freed *= kept;
    this.#held = this.#held * kept + this.#taken * this.window * (1 - kept);
    this.#updatedAt = now;
  }
}
