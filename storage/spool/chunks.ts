/** Chunks that wait in memory, in order, and how many bytes they have. */

/** A queue of chunks. */
export class Chunks {
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;

  /** Bytes in it. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The chunk at its front, which stays there. */
  get first(): Uint8Array<ArrayBuffer> | undefined {
    return this.#chunks[0];
  }

  /** Adds a chunk at its end. */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** Takes the chunk at its front. */
  shift(): Uint8Array<ArrayBuffer> | undefined {
    const chunk = this.#chunks.shift();
    if (chunk) this.#bytes -= chunk.length;
    return chunk;
  }

  /** Discards all. */
  clear(): void {
    this.#chunks.length = 0;
    this.#bytes = 0;
  }
}
