/** Walks over the frames of zstd (RFC 8878, 3.1), to know where each ends, and that a file ends where one does. */

const FRAME = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;

/** Frames that pass by, in pieces of any size. */
export class ZstdFrames {
  /** Bytes that are passed over. */
  #skipped = 0;
  readonly #gathered: number[] = [];
  #state: "magic" | "skippable" | "descriptor" | "block" = "magic";
  #checksumBytes = 0;

  /**
   * Takes the next bytes, and cuts them where frames end.
   *
   * @throws {Error} where they are no frame
   */
  *pass(bytes: Uint8Array): Generator<Uint8Array> {
    let start = 0;
    for (let at = 0; at < bytes.length;) {
      const skipped = Math.min(this.#skipped, bytes.length - at);
      this.#skipped -= skipped;
      at += skipped;
      if (this.#isBetween && start < at) {
        yield bytes.subarray(start, at);
        start = at;
      }
      if (at === bytes.length) break;
      this.#gathered.push(bytes[at++]!);
      if (this.#gathered.length === NEEDED[this.#state]) this.#take(this.#gathered.splice(0));
    }
    if (start < bytes.length) yield bytes.subarray(start);
  }

  /** Whether a frame has ended, and no other has begun. */
  get #isBetween(): boolean {
    return this.#state === "magic" && this.#gathered.length === 0 && this.#skipped === 0;
  }

  /**
   * Says that no more bytes come.
   *
   * @throws {Error} where a frame has not ended
   */
  end(): void {
    if (!this.#isBetween) throw new Error("Cannot read zstd: its last frame has no end");
  }

  #take(bytes: readonly number[]): void {
    const number = bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
    switch (this.#state) {
      case "magic":
        if (number === FRAME) this.#state = "descriptor";
        else if ((number & ~0xf) >>> 0 === SKIPPABLE) this.#state = "skippable";
        else throw new Error("Cannot read zstd: there is something between its frames");
        return;
      case "skippable":
        this.#skipped = number;
        this.#state = "magic";
        return;
      case "descriptor": {
        const isSingle = (number & 0x20) !== 0;
        const dictionaryBytes = [0, 1, 2, 4][number & 3]!;
        const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][number >> 6]!;
        this.#skipped = (isSingle ? 0 : 1) + dictionaryBytes + sizeBytes;
        this.#checksumBytes = (number & 4) === 0 ? 0 : 4;
        this.#state = "block";
        return;
      }
      case "block": {
        const isRepeated = (number >> 1 & 3) === 1;
        this.#skipped = isRepeated ? 1 : number >> 3;
        if ((number & 1) === 0) return;
        this.#skipped += this.#checksumBytes;
        this.#state = "magic";
      }
    }
  }
}

/** Bytes that each part begins with. */
const NEEDED = { magic: 4, skippable: 4, descriptor: 1, block: 3 } as const;
