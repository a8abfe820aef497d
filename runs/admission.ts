/** Admission: how many runs may be at work at once, and what those that have done it may keep. */

import type { MemoryGuard } from "./memory_guard.ts";

/** A run was refused a slot. */
export class AdmissionError extends Error {
  override readonly name = "AdmissionError";
  /** Why. */
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super(REFUSALS[reason]);
    this.reason = reason;
  }
}

const REFUSALS: Readonly<Record<RefusalReason, string>> = {
  full: "Every slot is taken",
  draining: "The server is stopping",
  memory: "The server is short of memory",
};

/** Why a run is refused: every slot is taken, the server is about to stop, or memory is short. */
export type RefusalReason = "full" | "draining" | "memory";

/**
 * Bytes in memory that all runs may keep whose source has ended, until their clients have taken them. A run
 * keeps at most 1.75 MiB, so that 36 may before others have to go to the disk.
 */
export const ENDED_BYTES = 64 * 1024 * 1024;

/** A run's right to work. */
export interface Slot {
  /**
   * Gives the slot back for memory, as the run's source has ended and what remains is bytes that its
   * client has not taken: at once where there is memory for so many, else as soon as others have given
   * theirs back. Called once.
   *
   * @returns whether it was at once
   */
  exchange(bytes: number): boolean;
  /** Gives back whatever is held, slot or memory; does nothing the second time. */
  release(): void;
}

/** A run that waits for memory in exchange for its slot. */
interface Exchange {
  readonly bytes: number;
  readonly grant: () => void;
}

/** The slots of a server. */
export class Admission {
  #slots: number;
  readonly #maxEndedBytes: number;
  readonly #memory: MemoryGuard | undefined;
  readonly #refused = { full: 0, draining: 0, memory: 0 };
  readonly #listeners = new Set<() => void>();
  /** Runs that wait for memory, the longest first. */
  readonly #exchanges = new Set<Exchange>();
  #taken = 0;
  #endedBytes = 0;
  #closed = false;
  #emptied: (() => void) | undefined;

  /**
   * Makes free slots.
   *
   * @param slots runs that may be at work at once
   * @param endedBytes bytes in memory that those may keep whose source has ended
   * @param memory says when there is too little of it for another run; absent: it is not looked at
   */
  constructor(slots: number, endedBytes: number = ENDED_BYTES, memory?: MemoryGuard) {
    this.#slots = slots;
    this.#maxEndedBytes = endedBytes;
    this.#memory = memory;
  }

  /** Sets how many runs may be at work at once; those that have a slot keep it. */
  resize(slots: number): void {
    this.#slots = slots;
  }

  /** Runs that have a slot. */
  get taken(): number {
    return this.#taken;
  }

  /** Bytes that runs without a slot keep in memory. */
  get endedBytes(): number {
    return this.#endedBytes;
  }

  /** Whether there is a slot for a run now, and why not. */
  get state(): "ready" | "full" | "draining" {
    return this.#closed ? "draining" : this.contended ? "full" : "ready";
  }

  /** How many runs were refused, by reason. */
  get refused(): Readonly<Record<RefusalReason, number>> {
    return this.#refused;
  }

  /** Whether runs wait for a slot, or would have to. */
  get contended(): boolean {
    return this.#taken >= this.#slots;
  }

  /** Has a listener called each time that slots become contended; what it returns takes that back. */
  onContended(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Takes a slot.
   *
   * @throws {AdmissionError} when there is none, or too little memory
   */
  acquire(): Slot {
    const { state } = this;
    if (state !== "ready") throw this.#refuse(state);
    if (this.#memory?.short) throw this.#refuse("memory");
    const end = this.#memory?.begin();
    this.#taken++;
    if (this.contended) this.#listeners.forEach((listener) => listener());
    let held: "slot" | "memory" | "nothing" = "slot";
    let exchange: Exchange | undefined;
    return {
      exchange: (bytes) => {
        exchange = {
          bytes,
          grant: () => {
            held = "memory";
            this.#freeSlot();
          },
        };
        this.#exchanges.add(exchange);
        this.#grant();
        return held === "memory";
      },
      release: () => {
        end?.();
        if (held === "slot") this.#freeSlot();
        if (held === "memory") this.#endedBytes -= exchange!.bytes;
        if (exchange) this.#exchanges.delete(exchange);
        held = "nothing";
        this.#grant();
      },
    };
  }

  /** Lets no run in any more and resolves when none has a slot. */
  async drain(): Promise<void> {
    this.#closed = true;
    if (this.#taken > 0) await new Promise<void>((resolve) => this.#emptied = resolve);
  }

  /** Gives memory to those that wait for it and need no more than there is. */
  #grant(): void {
    for (const exchange of this.#exchanges) {
      if (this.#endedBytes + exchange.bytes > this.#maxEndedBytes) continue;
      this.#exchanges.delete(exchange);
      this.#endedBytes += exchange.bytes;
      exchange.grant();
    }
  }

  #refuse(reason: RefusalReason): AdmissionError {
    this.#refused[reason]++;
    return new AdmissionError(reason);
  }

  #freeSlot(): void {
    this.#taken--;
    if (this.#taken === 0) this.#emptied?.();
  }
}
