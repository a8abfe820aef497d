/** A thread that deflates, from the side of the one that it helps. */

import type { ZlibOptions } from "node:zlib";

/** A block for a thread to deflate; its buffer is transferred. */
export interface PostedBlock {
  /** The block. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** As `deflateRawSync` takes them. */
  readonly options: ZlibOptions;
}

/** What a thread answers. */
export interface DeflatedBlock {
  /** What became of it. */
  readonly deflated: Uint8Array<ArrayBuffer>;
  /** The block's own buffer, to fill again. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Milliseconds that it took. */
  readonly elapsed: number;
  /** Milliseconds for which the thread had a core meanwhile. */
  readonly cpu: number;
}

/** Blocks that a thread may have: one in work, and one so that it need not wait for the next. */
export const BLOCKS_A_THREAD = 2;

/** Called with what became of a block, or with why its thread broke. */
export type OnAnswer = (answer: DeflatedBlock | Error) => void;

/** A thread that deflates. */
export class DeflateHelper {
  readonly #worker: Worker;
  readonly #answers: OnAnswer[] = [];
  #ready = false;

  /**
   * Starts it, which takes 25 ms of this core, and as much of another before it deflates.
   *
   * @param failed called when it cannot start or broke; it has ended
   */
  constructor(thread: URL, failed: () => void) {
    this.#worker = new Worker(thread, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<DeflatedBlock | "ready">) => {
      if (data === "ready") this.#ready = true;
      else this.#answers.shift()?.(data);
    };
    this.#worker.onerror = (event) => {
      // Otherwise it would end the process.
      event.preventDefault();
      this.close();
      failed();
      const error = new Error(`Cannot deflate: ${event.message}`);
      for (const answer of this.#answers.splice(0)) answer(error);
    };
  }

  /** Whether it has nothing to do. */
  get idle(): boolean {
    return this.#answers.length === 0;
  }

  /** Whether it can be given another block. */
  get hasRoom(): boolean {
    return this.#ready && this.#answers.length < BLOCKS_A_THREAD;
  }

  /** Gives it a block, whose buffer is the thread's until it answers. */
  deflate(block: PostedBlock, answer: OnAnswer): void {
    this.#answers.push(answer);
    this.#worker.postMessage(block, [block.bytes.buffer]);
  }

  /** Ends it, whatever it is doing. */
  close(): void {
    this.#worker.terminate();
  }
}
