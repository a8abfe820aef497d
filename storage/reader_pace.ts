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

/** A stretch of time over which a rate is measured. */
interface Window {
  readonly since: number;
  /** What the reader took in it. */
  bytes: number;
  /** Milliseconds in it for which the source had to wait, until it last went on. */
  waited: number;
  /** Since when the source has to wait. */
  waitingSince: number;
}

function openWindow(now: number): Window {
  return { since: now, bytes: 0, waited: 0, waitingSince: now };
}

/** One reader's pace. Every `now` is in milliseconds and of the same clock. */
export class ReaderPace {
  readonly #limits: PaceLimits;
  readonly #windowMs: number;
  /** When it last took something, or could first have taken something. */
  #idleSince = 0;
  /** The window that is being measured; it begins when the source has to wait. */
  #window: Window | undefined;

  /** Judges by these limits. */
  constructor(limits: PaceLimits) {
    this.#limits = limits;
    this.#windowMs = Math.max(limits.spillAfter, RATE_WINDOW_MS);
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
    if (this.#window) this.#window.bytes += bytes;
  }

  /** The source has to wait for it. */
  heldUp(now: number): void {
    this.#window ??= openWindow(now);
    this.#window.waitingSince = now;
  }

  /** The source has to wait no longer. */
  goesOn(now: number): void {
    if (this.#window) this.#window.waited += now - this.#window.waitingSince;
  }

  /** It took everything that was on the disk: what it was like before counts no more. */
  caughtUp(): void {
    this.#window = undefined;
  }

  /**
   * Whether it has fallen behind, so that its source should not wait for it any longer; asked while the
   * source waits. That it took everything once does not excuse it: a socket takes megabytes at once, and
   * then nothing for as long as its client needs for them. A source that had to wait for less than half of
   * the time is slow itself.
   */
  hasFallenBehind(now: number): boolean {
    if (now - this.#idleSince >= this.#limits.spillAfter) return true;
    if (!this.#window) return false;
    const { since, bytes, waited, waitingSince } = this.#window;
    const elapsed = now - since;
    if (elapsed < this.#windowMs) return false;
    // Windows follow one another, so that a good first hour does not hide a bad second one.
    this.#window = openWindow(now);
    const heldUp = waited + now - waitingSince;
    return bytes * 1000 < this.#limits.spillRate * elapsed && 2 * heldUp >= elapsed;
  }

  /** When to ask again whether it has. */
  nextLook(now: number): number {
    const idle = this.#idleSince + this.#limits.spillAfter;
    return Math.min(idle, (this.#window?.since ?? now) + this.#windowMs);
  }
}
