/** Deflates the bytes of an entry as they are made, and counts what its data descriptor states. */

import { crc32 } from "node:zlib";
import type { IdleCores } from "../exporter.ts";
import { BlockDeflater } from "./block_deflater.ts";

/**
 * The bytes of an entry in blocks, each to be deflated alone. A block's buffer belongs to the caller of
 * `next`, which may give back one that is done with. What they return is for their maker.
 */
export type Blocks<R = void> = AsyncGenerator<
  Uint8Array<ArrayBuffer>,
  R,
  Uint8Array<ArrayBuffer> | undefined
>;

/** How a file is deflated. */
export interface Deflate {
  /** The level, 0 to 9. */
  readonly level: number;
  /** Cores that may help. */
  readonly cores: IdleCores;
}

/** What a data descriptor states of an entry (APPNOTE 4.3.9). */
export interface EntrySums {
  /** The CRC-32 of its bytes. */
  readonly crc32: number;
  /** How many there are. */
  readonly inputSize: number;
  /** How many they are deflated. */
  readonly outputSize: number;
}

/** The deflated bytes of an entry, and then what there was of them. */
export type DeflatedChunks = AsyncGenerator<Uint8Array, EntrySums | undefined, void>;

/** Deflates blocks as the result is read; ending the result ends the blocks. */
export async function* deflateBlocks(blocks: Blocks, { level, cores }: Deflate): DeflatedChunks {
  const sums = { crc32: 0, inputSize: 0, outputSize: 0 };
  const deflated: Uint8Array[] = [];
  const deflater = new BlockDeflater(level, cores, (bytes) => {
    deflated.push(bytes);
    sums.outputSize += bytes.length;
  });
  try {
    let spare: Uint8Array<ArrayBuffer> | undefined;
    for (;;) {
      const { done, value: block } = await blocks.next(spare);
      if (done) break;
      sums.crc32 = crc32(block, sums.crc32);
      sums.inputSize += block.length;
      spare = await deflater.add(block);
      yield* deflated.splice(0);
    }
    await deflater.finish();
    yield* deflated;
    return sums;
  } finally {
    deflater.close();
    await blocks.return();
  }
}
