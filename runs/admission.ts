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

/** The slots of a server. */
export class Admission {
  readonly #slots: number;
  #taken = 0;
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
   * Takes a slot and gives the function that returns it; calling that twice returns it once.
   *
   * @throws {AdmissionError} when there is none
   */
  enter(): () => void {
    const { state } = this;
    if (state !== "ready") throw new AdmissionError(state);
    this.#taken++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#taken--;
      if (this.#taken === 0) this.#emptied?.();
    };
  }

  /** Lets nobody in any more and resolves when nobody is left. */
  async drain(): Promise<void> {
    this.#closed = true;
    if (this.#taken > 0) await new Promise<void>((resolve) => this.#emptied = resolve);
  }
}
