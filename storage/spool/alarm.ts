/** One timer for whatever is due first. */

import type { Clock } from "../clock.ts";

/**
 * Rings once, at the earliest time that it was set to. Setting it to a later one costs nothing: who is rung
 * looks what is due, and sets it again.
 */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #timer: { readonly due: number; readonly stop: () => void } | undefined;

  /** Is not set. */
  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Whether it will ring. */
  get isSet(): boolean {
    return this.#timer !== undefined;
  }

  /** Rings by then at the latest. */
  set(due: number): void {
    if (this.#timer && this.#timer.due <= due) return;
    this.stop();
    const stop = this.#clock.after(due - this.#clock.now(), () => {
      this.#timer = undefined;
      this.#ring();
    });
    this.#timer = { due, stop };
  }

  /** Rings no more. */
  stop(): void {
    this.#timer?.stop();
    this.#timer = undefined;
  }
}
