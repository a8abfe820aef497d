/** Admission: how many runs may be in flight at once. */

/** A run was refused a slot. */
export class AdmissionError extends Error {
  /** Tells it from other errors in a log. */
  override readonly name = "AdmissionError";
  /** Why: every slot is taken, or the server is about to stop. */
  readonly reason: "full" | "draining";

  /** Takes the reason. */
  constructor(reason: "full" | "draining") {
    super(reason === "full" ? "Every slot is taken" : "The server is stopping");
    this.reason = reason;
  }
}

/** A run's place in a server. */
export interface Place {
  /**
   * Gives the slot back for others, as the worker has ended and what remains is a little memory until
   * the reader has taken it. As many runs may linger so as there are slots; more keep theirs.
   */
  linger(): void;
  /** Leaves; does nothing the second time. */
  leave(): void;
}

/** The slots of a server. */
export class Admission {
  readonly #slots: number;
  #taken = 0;
  #lingering = 0;
  #closed = false;
  #emptied: (() => void) | undefined;

  /**
   * Makes free slots.
   *
   * @param slots runs that may be in flight at once
   */
  constructor(slots: number) {
    this.#slots = slots;
  }

  /** Runs in flight. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether a run would be let in now, and why not. */
  get state(): "ready" | AdmissionError["reason"] {
    return this.#closed ? "draining" : this.#taken < this.#slots ? "ready" : "full";
  }

  /**
   * Takes a slot.
   *
   * @throws {AdmissionError} when there is none
   */
  enter(): Place {
    const { state } = this;
    if (state !== "ready") throw new AdmissionError(state);
    this.#taken++;
    let held: "slot" | "memory" | "nothing" = "slot";
    const free = () => {
      this.#taken--;
      if (this.#taken === 0) this.#emptied?.();
    };
    return {
      linger: () => {
        if (held !== "slot" || this.#lingering >= this.#slots) return;
        held = "memory";
        this.#lingering++;
        free();
      },
      leave: () => {
        if (held === "slot") free();
        if (held === "memory") this.#lingering--;
        held = "nothing";
      },
    };
  }

  /** Lets nobody in any more and resolves when nobody is left. */
  async drain(): Promise<void> {
    this.#closed = true;
    if (this.#taken > 0) await new Promise<void>((resolve) => this.#emptied = resolve);
  }
}
