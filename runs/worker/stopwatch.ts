/** Adds up how long a task waited for something: by the batch or by the wait, and never by the row. */

/** A sum of waits, none of which begins before the one before has ended. */
export class Stopwatch {
  #total = 0;

  /** Milliseconds so far. */
  get total(): number {
    return this.#total;
  }

  /** Waits, and adds how long that took. */
  async time<T>(wait: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await wait();
    } finally {
      this.#total += performance.now() - began;
    }
  }
}
