/** Makes zip.js deflate with `node:zlib`, at the level of the file that it writes. */

import { AsyncLocalStorage } from "node:async_hooks";
import { Duplex } from "node:stream";
import { constants, createDeflateRaw, createGzip } from "node:zlib";
import { configure } from "@zip.js/zip.js";

/**
 * Bytes of the pieces that zip.js cuts what enters a codec and what leaves it into. Its ten streams
 * may hold one each; pieces of 16 KiB take a tenth more time.
 */
const PIECE_BYTES = 64 * 1024;

/**
 * The level of the file that is being written. zip.js has one configuration for the whole process,
 * and its own option `level` would set bits 1 and 2 of the flags, which no other writer sets.
 */
const levels = new AsyncLocalStorage<number>();

/** Deflates all that zip.js deflates while `run` runs at a level of 0 to 9. */
export function withLevel<T>(level: number, run: () => T): T {
  return levels.run(level, run);
}

const FORMATS = { "gzip": createGzip, "deflate-raw": createDeflateRaw };

/**
 * What zip.js asks for gzip, so as to read the CRC-32 at its end (RFC 1952, 2.3.1) where zlib has
 * computed it, and not to compute it in JavaScript. zlib deflates 460 MB/s of sheet XML at level 2.
 */
class Codec {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;

  constructor(format: string) {
    const level = levels.getStore() ?? constants.Z_DEFAULT_COMPRESSION;
    const codec = FORMATS[format as keyof typeof FORMATS]({ level, chunkSize: PIECE_BYTES });
    const { readable, writable } = Duplex.toWeb(codec);
    this.readable = readable as ReadableStream<Uint8Array>;
    this.writable = writable;
  }
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
