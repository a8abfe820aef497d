/** The threads that deflate, which all files of a process share: as many as there are idle cores. */

import {
  type DeflatedBlock,
  DeflateHelper,
  type OnAnswer,
  type PostedBlock,
} from "./deflate_helper.ts";

/** What a thread runs. */
export const DEFLATE_THREAD = new URL(import.meta.resolve("./deflate_thread.ts"));

/** Milliseconds of deflating after which it is judged whether threads have cores of their own. */
const JUDGED_MS = 100;

/**
 * The part of that time for which a thread must have had a core. Another process may have it: a file that waits
 * for the thread then would have been faster alone.
 */
const MIN_CPU_PART = 0.5;

/**
 * Blocks that files then deflate themselves before a thread is tried again: half a second of one file; twice
 * as many each time that it was in vain, up to the second.
 */
const RESTING_BLOCKS = { first: 64, last: 1024 };

/** Threads that are started when a core is idle, and shared by all files that are written. */
export class DeflateThreads {
  readonly #thread: URL;
  readonly #threads = new Set<DeflateHelper>();
  #files = 0;
  #broken = false;
  #elapsed = 0;
  #cpu = 0;
  #resting = 0;
  #nextRest = RESTING_BLOCKS.first;

  /** Starts none yet; `thread` is what they run, for tests. */
  constructor(thread = DEFLATE_THREAD) {
    this.#thread = thread;
  }

  /** How many there are. */
  get size(): number {
    return this.#threads.size;
  }

  /** A file begins that may use them. */
  acquire(): void {
    this.#files++;
  }

  /** It has ended. After the last one, one thread that has nothing to do may be kept for the next. */
  release(keep: boolean): void {
    if (--this.#files > 0) return;
    for (const thread of this.#threads) {
      if (!keep || !thread.idle || this.#threads.size > 1) this.#end(thread);
    }
  }

  /** Gives a block to a thread; false where none takes it. There are no more threads than `idle` cores. */
  deflate(block: PostedBlock, idle: number, answer: OnAnswer): boolean {
    const thread = this.#find(idle);
    thread?.deflate(block, (deflated) => {
      if (!(deflated instanceof Error)) this.#judge(deflated);
      answer(deflated);
    });
    return thread !== undefined;
  }

  /** Ends all of them. */
  close(): void {
    for (const thread of this.#threads) this.#end(thread);
  }

  #find(idle: number): DeflateHelper | undefined {
    for (const thread of this.#threads) {
      if (this.#threads.size > idle && thread.idle) this.#end(thread);
    }
    if (this.#resting > 0) {
      this.#resting--;
      return;
    }
    if (this.#threads.size <= idle) {
      const free = this.#threads.values().find(({ hasRoom }) => hasRoom);
      if (free) return free;
    }
    if (this.#threads.size < idle && !this.#broken) this.#start();
  }

  #start(): void {
    const thread: DeflateHelper = new DeflateHelper(this.#thread, () => {
      this.#threads.delete(thread);
      // Another would break as well, and there is this core still.
      this.#broken = true;
    });
    this.#threads.add(thread);
  }

  #end(thread: DeflateHelper): void {
    thread.close();
    this.#threads.delete(thread);
  }

  #judge({ elapsed, cpu }: DeflatedBlock): void {
    this.#elapsed += elapsed;
    this.#cpu += cpu;
    if (this.#elapsed < JUDGED_MS) return;
    if (this.#cpu < MIN_CPU_PART * this.#elapsed) {
      this.#resting = this.#nextRest;
      this.#nextRest = Math.min(2 * this.#nextRest, RESTING_BLOCKS.last);
    } else {
      this.#nextRest = RESTING_BLOCKS.first;
    }
    this.#elapsed = this.#cpu = 0;
  }
}

/** Those of this process. */
export const sharedThreads = new DeflateThreads();
