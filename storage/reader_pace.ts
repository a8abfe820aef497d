/** Judges how a reader reads: whether its source should still wait for it, whether it is there at all. */

/**
 * Milliseconds over which a rate is measured, at least: long enough that a pause between two packets, or
 * the four megabytes that a socket takes at once, are not mistaken for a rate. Where `spillAfter` is
 * longer it counts, so that a reader that stops is given all of that.
 */
export const RATE_WINDOW_MS = 5_000;

/** What is asked of a reader. */
export interface PaceLimits {
  /** Milliseconds without a read after which it has fallen behind. */
  readonly spillAfter: number;
  /** Bytes a second under which it has fallen behind although it reads; 0: never. */
  readonly spillRate: number;
  /** Milliseconds without a read after which it is given up. */
  readonly stallTimeout: number;
}

/** One reader's pace. Every `now` is in milliseconds and of the same clock. */
export class ReaderPace {
  readonly #limits: PaceLimits;
  readonly #window: number;
  /** When it last took something, or could first have taken something. */
  #idleSince = 0;
  /** Since when the source had to wait for it, and what it took since. */
  #behind: { since: number; bytes: number } | undefined;

  /** Judges by these limits. */
  constructor(limits: PaceLimits) {
    this.#limits = limits;
    this.#window = Math.max(limits.spillAfter, RATE_WINDOW_MS);
  }

  /** When it last took something, or could first have taken something. */
  get idleSince(): number {
    return this.#idleSince;
  }

  /** When it is given up, unless it takes something before. */
  get stalledAt(): number {
    return this.#idleSince + this.#limits.stallTimeout;
  }

  /** There is something to take, after there was nothing. */
  offered(now: number): void {
    this.#idleSince = now;
  }

  /** It took bytes. */
  took(bytes: number, now: number): void {
    this.#idleSince = now;
    if (this.#behind) this.#behind.bytes += bytes;
  }

  /** The source has to wait for it. */
  heldUp(now: number): void {
    this.#behind ??= { since: now, bytes: 0 };
  }

  /** It took everything there was: whatever is slow now, it is not the reader. */
  caughtUp(): void {
    this.#behind = undefined;
  }

  /** Whether it has fallen behind, so that its source should not wait for it any longer. */
  hasFallenBehind(now: number): boolean {
    if (now - this.#idleSince >= this.#limits.spillAfter) return true;
    if (!this.#behind) return false;
    const elapsed = now - this.#behind.since;
    if (elapsed < this.#window) return false;
    const slow = this.#behind.bytes * 1000 < this.#limits.spillRate * elapsed;
    // Windows follow one another, so that a good first hour does not hide a bad second one.
    this.#behind = { since: now, bytes: 0 };
    return slow;
  }

  /** When to ask again whether it has. */
  nextLook(now: number): number {
    const idle = this.#idleSince + this.#limits.spillAfter;
    return Math.min(idle, (this.#behind?.since ?? now) + this.#window);
  }
}
