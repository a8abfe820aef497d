/** Makes zip.js deflate by blocks, at the level and on the cores of the file that it writes. */

import { AsyncLocalStorage } from "node:async_hooks";
import { constants, crc32 } from "node:zlib";
import { configure } from "@zip.js/zip.js";
import type { IdleCores } from "../exporter.ts";
import { BLOCK_BYTES, BlockDeflater } from "./block_deflater.ts";

/**
 * Bytes of the pieces that zip.js cuts what enters a codec and what leaves it into. Its ten streams
 * may hold one each; pieces of 16 KiB take a tenth more time.
 */
const PIECE_BYTES = 64 * 1024;

/** How a file is deflated. */
export interface Deflate {
  /** The level, 0 to 9. */
  readonly level: number;
  /** Cores that may help. */
  readonly cores: IdleCores;
}

/**
 * How the file that is being written is deflated. zip.js has one configuration for the whole process,
 * and its own option `level` would set bits 1 and 2 of the flags, which no other writer sets.
 */
const files = new AsyncLocalStorage<Deflate & { readonly deflaters: BlockDeflater[] }>();

/** Deflates all that zip.js deflates while `run` runs as it is told; no thread is left behind it. */
export async function withDeflate<T>(deflate: Deflate, run: () => Promise<T>): Promise<T> {
  const deflaters: BlockDeflater[] = [];
  try {
    return await files.run({ ...deflate, deflaters }, run);
  } finally {
    // zip.js does not cancel a codec whose source has failed.
    for (const deflater of deflaters) deflater.close();
  }
}

/** Somebody else's file in the same process. */
const UNKNOWN: Deflate = { level: constants.Z_DEFAULT_COMPRESSION, cores: { idle: 0 } };

/** A member's header (RFC 1952, 2.3): deflated, no name, no time, an unknown system. */
const GZIP_HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);

/**
 * What zip.js asks for gzip, so as to read the CRC-32 at its end (RFC 1952, 2.3.1) where zlib has
 * computed it, and not to compute it in JavaScript. zlib computes it at 10 GB/s, so that it is
 * nothing to do it here for blocks that other cores deflate.
 */
class Codec {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;

  constructor(format: string) {
    const gzip = format === "gzip";
    const { level, cores, deflaters } = files.getStore() ?? { ...UNKNOWN, deflaters: [] };
    let deflater!: BlockDeflater;
    let block!: Uint8Array<ArrayBuffer>;
    let filled = 0;
    let size = 0;
    let crc = 0;

    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
      start(controller) {
        deflater = new BlockDeflater(level, cores, (bytes) => controller.enqueue(bytes));
        deflaters.push(deflater);
        block = deflater.buffer();
        if (gzip) controller.enqueue(GZIP_HEADER.slice());
      },
      async transform(bytes) {
        if (gzip) crc = crc32(bytes, crc);
        size += bytes.length;
        for (let at = 0; at < bytes.length;) {
          const taken = Math.min(BLOCK_BYTES - filled, bytes.length - at);
          block.set(bytes.subarray(at, at + taken), filled);
          filled += taken;
          at += taken;
          if (filled < BLOCK_BYTES) continue;
          await deflater.add(block);
          block = deflater.buffer();
          filled = 0;
        }
      },
      async flush(controller) {
        await deflater.finish(block.subarray(0, filled));
        if (gzip) controller.enqueue(gzipTrailer(crc, size));
      },
    });
    this.readable = readable;
    this.writable = writable;
  }
}

/** A member's end: the CRC-32 of what was deflated, and its size modulo 2^32 (RFC 1952, 2.3.1). */
function gzipTrailer(crc: number, size: number): Uint8Array {
  const trailer = new DataView(new ArrayBuffer(8));
  trailer.setUint32(0, crc, true);
  trailer.setUint32(4, size, true);
  return new Uint8Array(trailer.buffer);
}

configure({
  useWebWorkers: false,
  useCompressionStream: true,
  CompressionStream: Codec,
  chunkSize: PIECE_BYTES,
  // Not a number of workers, of which there are none, but of entries in the whole process that may
  // be open at once: at the default of one a core, a client that stalls would stop the others.
  maxWorkers: Number.MAX_SAFE_INTEGER,
});
