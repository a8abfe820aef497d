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
}

/** Blocks that a thread may have: one in work, and one so that it need not wait for the next. */
export const BLOCKS_A_THREAD = 2;

/** What a thread runs. */
export const DEFLATE_THREAD = new URL(import.meta.resolve("./deflate_thread.ts"));

/** What is called when a thread cannot start or broke; it has ended. */
export type OnFailure = (error: Error) => void;

/** The thread that waits for the next file: one at most, whose help starts others while it works. */
let kept: DeflateHelper | undefined;

/** Ends it. */
export function closeKept(): void {
  kept?.close();
  kept = undefined;
}

/** Whether a thread was kept. */
export function hasKept(): boolean {
  return kept !== undefined;
}

/** Takes the thread that was kept; undefined where there is none. */
export function takeKept(failed: OnFailure): DeflateHelper | undefined {
  const helper = kept;
  kept = undefined;
  helper?.tellFailure(failed);
  return helper;
}

/** A thread that deflates. */
export class DeflateHelper {
  readonly #worker: Worker;
  readonly #answers: ((block: DeflatedBlock) => void)[] = [];
  #failed: OnFailure;
  #ready = false;

  /** Starts it, which takes 25 ms of this core, and as much of another before it deflates. */
  constructor(thread: URL, failed: OnFailure) {
    this.#failed = failed;
    this.#worker = new Worker(thread, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<DeflatedBlock | "ready">) => {
      if (data === "ready") this.#ready = true;
      else this.#answers.shift()?.(data);
    };
    this.#worker.onerror = (event) => {
      // Otherwise it would end the process.
      event.preventDefault();
      this.close();
      this.#failed(new Error(`Cannot deflate: ${event.message}`));
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
  deflate(block: PostedBlock, answer: (block: DeflatedBlock) => void): void {
    this.#answers.push(answer);
    this.#worker.postMessage(block, [block.bytes.buffer]);
  }

  /** Has somebody else told when it breaks. */
  tellFailure(failed: OnFailure): void {
    this.#failed = failed;
  }

  /** Keeps it for the next file where it has nothing to do and no other is kept; ends it otherwise. */
  keep(): void {
    if (!this.idle || hasKept()) return this.close();
    this.#failed = () => kept = undefined;
    kept = this;
  }

  /** Ends it, whatever it is doing. */
  close(): void {
    this.#worker.terminate();
  }
}
