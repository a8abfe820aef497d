/** When to try again what was refused: later each time, until it succeeds. */

/** Milliseconds until another try: doubled each time, up to the last. */
export interface Delays {
  /** After the first refusal. */
  readonly first: number;
  /** At most. */
  readonly last: number;
}

/** When something may be tried. */
export class Backoff {
  readonly #delays: Delays;
  #delay: number;
  #until = -Infinity;

  /** Begins as if nothing had been refused. */
  constructor(delays: Delays) {
    this.#delays = delays;
    this.#delay = delays.first;
  }

  /** From when on it may be tried; of the clock of `refused`. */
  get until(): number {
    return this.#until;
  }

  /** It was refused: not before the delay has passed, and the next delay is longer. */
  refused(now: number): void {
    this.#until = now + this.#delay;
    this.#delay = Math.min(2 * this.#delay, this.#delays.last);
  }

  /** It succeeded: the next refusal is the first. */
  succeeded(): void {
    this.#delay = this.#delays.first;
  }

  /** It may be tried at once, as what it was refused for has changed. */
  skip(): void {
    this.#until = -Infinity;
  }
}
