/** Lets the tasks of a worker take turns, so that a heavy one does not keep a light one waiting. */

/**
 * Bytes of a file after which another task gets its turn: a run of 20,000 rows beside one of rows of 8 KB
 * took 11.7 s without turns, and 0.5 with.
 */
const TURN_BYTES = 64 * 1024;

/** The turns of the tasks in one worker. */
export class Turns {
  readonly #tasks: () => number;
  readonly #mail = new MessageChannel();
  readonly #waiting: (() => void)[] = [];
  #bytes = 0;

  /** `tasks` says how many there are now. */
  constructor(tasks: () => number) {
    this.#tasks = tasks;
    // Messages to oneself come in the event loop's own order, behind what sockets and threads have sent
    // already; after `setImmediate` that may not have come for 12 ms (Deno 2.9.6).
    this.#mail.port2.onmessage = () => this.#waiting.shift()?.();
  }

  /** Called when so many bytes of a task were sent; resolves when it is its turn again. */
  async next(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes < TURN_BYTES) return;
    this.#bytes = 0;
    if (this.#tasks() < 2) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#mail.port1.postMessage(undefined);
    await promise;
  }
}
