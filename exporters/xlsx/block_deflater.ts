/** Deflates a stream by blocks, each alone, on this core and on those that are idle. */

import { constants, deflateRawSync, type ZlibOptions } from "node:zlib";
import type { IdleCores } from "../exporter.ts";
import { BLOCKS_A_THREAD, type PostedBlock } from "./deflate_helper.ts";
import { type DeflateThreads, sharedThreads } from "./deflate_threads.ts";

/**
 * Bytes of a block, and up to a row more. Each begins with nothing to look back at: a sheet takes 1.0 %
 * more than as one stream (docs/design.md, "A row of a workbook").
 */
export const BLOCK_BYTES = 512 * 1024;

/** Bytes that zlib writes at once; 16 KiB to 512 KiB take the same time. */
const OUTPUT_BYTES = 64 * 1024;

/** Blocks of a stream before a thread is started: most files end before it would be of use. */
const BLOCKS_ALONE = 4;

/** What becomes of a block. */
interface Outcome {
  deflated?: Uint8Array;
}

/** Deflates one stream; the same bytes become the same bytes, with threads and without. */
export class BlockDeflater {
  readonly #level: number;
  readonly #cores: IdleCores;
  readonly #emit: (bytes: Uint8Array) => void;
  readonly #threads: DeflateThreads;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  /** The outcomes of blocks that are not emitted yet, in the order of the blocks. */
  readonly #outcomes: Outcome[] = [];
  #blocks = 0;
  /** Blocks in the hands of threads. */
  #handed = 0;
  #closed = false;
  #mail: MessageChannel | undefined;
  #arrived: () => void = () => {};
  #error: Error | undefined;
  #changed = Promise.withResolvers<void>();

  /**
   * `emit` is given what is deflated, in order, as soon as it is.
   *
   * @param threads those that may help
   */
  constructor(
    level: number,
    cores: IdleCores,
    emit: (bytes: Uint8Array) => void,
    threads = sharedThreads,
  ) {
    this.#level = level;
    this.#cores = cores;
    this.#emit = emit;
    this.#threads = threads;
    threads.acquire();
  }

  /** Takes a block; resolves when it wants another, with the buffer of one that is done with, if any. */
  async add(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#handed > 0 || this.#threads.size > 0) await this.#turn();
    this.#deflate(bytes, constants.Z_SYNC_FLUSH);
    const max = (this.#threads.size + 1) * BLOCKS_A_THREAD;
    while (this.#outcomes.length >= max && this.#waits) await this.#change();
    if (this.#error) throw this.#error;
    return this.#free.pop();
  }

  /** Ends the stream; resolves when all is deflated. */
  async finish(): Promise<void> {
    this.#deflate(new Uint8Array(0), constants.Z_FINISH);
    while (this.#outcomes.length > 0 && this.#waits) await this.#change();
    this.close();
    if (this.#error) throw this.#error;
  }

  /** Releases the threads; does nothing the second time. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#threads.release(this.#cores.keepThreads ?? false);
    this.#mail?.port1.close();
    this.#mail?.port2.close();
    this.#arrived();
    this.#tell();
  }

  /**
   * A block that is flushed, and not finished, ends with a whole byte and without the mark of a last
   * block, so that the next one may follow as if one stream had written both (zlib's manual, `deflate`).
   */
  #deflate(bytes: Uint8Array<ArrayBuffer>, finishFlush: number): void {
    const options: ZlibOptions = { level: this.#level, chunkSize: OUTPUT_BYTES, finishFlush };
    const outcome: Outcome = {};
    this.#outcomes.push(outcome);
    if (this.#handOver({ bytes, options }, outcome)) return;
    outcome.deflated = deflateRawSync(bytes, options);
    this.#free.push(bytes);
    this.#drain();
  }

  /** Gives a block to a thread; false where none takes it. */
  #handOver(block: PostedBlock, outcome: Outcome): boolean {
    if (this.#closed || ++this.#blocks <= BLOCKS_ALONE && this.#threads.size === 0) return false;
    const handed = this.#threads.deflate(block, this.#cores.idle, (answer) => {
      this.#handed--;
      if (answer instanceof Error) this.#error = answer;
      else {
        outcome.deflated = answer.deflated;
        this.#free.push(answer.bytes);
        if (!this.#closed) this.#drain();
      }
      this.#tell();
    });
    if (handed) this.#handed++;
    return handed;
  }

  #drain(): void {
    while (this.#outcomes[0]?.deflated) this.#emit(this.#outcomes.shift()!.deflated!);
  }

  /**
   * Lets the answers of threads come in: a message to itself comes after those that are there already,
   * `setImmediate` does not (docs/design.md, "A row of a workbook").
   */
  #turn(): Promise<void> {
    const { port1, port2 } = this.#mail ??= new MessageChannel();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#arrived = resolve;
    port2.onmessage = () => this.#arrived();
    port1.postMessage(undefined);
    return promise;
  }

  /** Whether a thread may still change something. */
  get #waits(): boolean {
    return this.#handed > 0 && !this.#closed && !this.#error;
  }

  #tell(): void {
    this.#changed.resolve();
  }

  #change(): Promise<void> {
    this.#changed = Promise.withResolvers();
    return this.#changed.promise;
  }
}
