/** Limits what each of several may have at once. */

/** Units that each of several may have. */
export class UnitLimit {
  /** Units that each may have; who has more already keeps them. */
  max: number = Infinity;
  readonly #taken = new Map<string, number>();

  /** Whether one has as many as it may; one that is not known has no limit. */
  isFull(name: string | undefined): boolean {
    return name !== undefined && (this.#taken.get(name) ?? 0) >= this.max;
  }

  /** Adds to what one has, or takes from it. */
  add(name: string | undefined, units: number): void {
    if (name === undefined) return;
    const taken = (this.#taken.get(name) ?? 0) + units;
    if (taken === 0) this.#taken.delete(name);
    else this.#taken.set(name, taken);
  }
}
