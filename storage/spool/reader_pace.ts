/** Judges how a reader reads: whether its source should still wait for it, whether it is there at all. */

/**
 * Milliseconds over which a rate is measured, at least: long enough that a pause between two packets, or
 * the four megabytes that a socket takes at once, are not mistaken for a rate. Where `spillAfter` is
 * longer it counts, so that a reader that stops is given all of that.
 */
export const RATE_WINDOW_MS = 5_000;

/**
 * Milliseconds over which it is measured whether a reader keeps up, where others wait for what its source
 * holds. Short, as they wait; long enough that one that keeps up is not spilled for a pause.
 */
export const CONTENDED_WINDOW_MS = 1_000;

/** What is asked of a reader. */
export interface PaceLimits {
  /** Milliseconds without a read after which it has fallen behind. */
  readonly spillAfter: number;
  /** Bytes a second under which it has fallen behind although it reads; 0: never. */
  readonly spillRate: number;
  /** Milliseconds without a read after which it has stalled. */
  readonly stallTimeout: number;
  /** Milliseconds in all that its source may wait for it; after them it has fallen behind. */
  readonly maxHeldUp: number;
}

/** A stretch of time that begins when the source has to wait. */
interface Window {
  readonly since: number;
  /** What the reader had taken until then. */
  readonly taken: number;
  /** Milliseconds for which the source had had to wait until then. */
  readonly heldUp: number;
}

/** One reader's pace. Every `now` is in milliseconds and of the same clock. */
export class ReaderPace {
  readonly #limits: PaceLimits;
  readonly #rateWindowMs: number;
  /** When it last took something, or could first have taken something. */
  #idleSince = 0;
  /** Bytes that it took. */
  #taken = 0;
  /** Milliseconds for which the source had to wait, until it last went on. */
  #heldUp = 0;
  /** Since when the source has to wait; absent while it has not. */
  #waitingSince: number | undefined;
  /** Where the rate is measured. */
  #rate: Window | undefined;
  /** Where it is measured how much of the time the source has to wait. */
  #share: Window | undefined;

  /** Judges by these limits. */
  constructor(limits: PaceLimits) {
    this.#limits = limits;
    this.#rateWindowMs = Math.max(limits.spillAfter, RATE_WINDOW_MS);
  }

  /** When it last took something, or could first have taken something. */
  get idleSince(): number {
    return this.#idleSince;
  }

  /** When it has stalled, unless it takes something before. */
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
    this.#taken += bytes;
  }

  /** The source has to wait for it. */
  heldUp(now: number): void {
    this.#waitingSince = now;
    this.#rate ??= this.#open(now);
    this.#share ??= this.#open(now);
  }

  /** The source has to wait no longer. */
  goesOn(now: number): void {
    this.#heldUp = this.#heldUpUntil(now);
    this.#waitingSince = undefined;
  }

  /** It took everything that was on the disk: what it was like before counts no more. */
  caughtUp(now: number): void {
    this.#heldUp = 0;
    this.#rate = this.#share = undefined;
    if (this.#waitingSince !== undefined) this.heldUp(now);
  }

  /**
   * Whether it has fallen behind, so that its source should not wait for it any longer; asked while the
   * source waits. That it took everything once does not excuse it: a socket takes megabytes at once, and
   * then nothing for as long as its client needs for them. A source that had to wait for less than half of
   * the time is slow itself.
   *
   * @param contended whether others wait for what the source holds
   */
  hasFallenBehind(now: number, contended: boolean): boolean {
    const { spillAfter, spillRate, maxHeldUp } = this.#limits;
    if (now - this.#idleSince >= spillAfter) return true;
    if (this.#heldUpUntil(now) >= maxHeldUp) return true;
    let behind = false;
    // Windows follow one another, so that a good first hour does not hide a bad second one.
    const share = this.#share;
    if (share && now - share.since >= CONTENDED_WINDOW_MS) {
      behind = contended && this.#wasHeldUp(share, now);
      this.#share = this.#open(now);
    }
    const rate = this.#rate;
    if (rate && now - rate.since >= this.#rateWindowMs) {
      const slow = (this.#taken - rate.taken) * 1000 < spillRate * (now - rate.since);
      behind ||= slow && this.#wasHeldUp(rate, now);
      this.#rate = this.#open(now);
    }
    return behind;
  }

  /** When to ask again whether it has. */
  nextLook(now: number, contended: boolean): number {
    const { spillAfter, maxHeldUp } = this.#limits;
    return Math.min(
      this.#idleSince + spillAfter,
      now + maxHeldUp - this.#heldUpUntil(now),
      (this.#rate?.since ?? now) + this.#rateWindowMs,
      contended ? (this.#share?.since ?? now) + CONTENDED_WINDOW_MS : Infinity,
    );
  }

  #open(now: number): Window {
    return { since: now, taken: this.#taken, heldUp: this.#heldUpUntil(now) };
  }

  #heldUpUntil(now: number): number {
    return this.#heldUp + now - (this.#waitingSince ?? now);
  }

  /** Whether the source had to wait for half of a window, at least. */
  #wasHeldUp({ since, heldUp }: Window, now: number): boolean {
    return 2 * (this.#heldUpUntil(now) - heldUp) >= now - since;
  }
}
