/** Deflates text in blocks: one whole deflate stream, of which no byte waits for the next block. */

import { constants, crc32, deflateRawSync } from "node:zlib";

/**
 * Bytes in a block. Blocks are deflated apart, so that one can leave as soon as it is full and so
 * that another thread could deflate it; at this size that costs 0.5 % of the bytes against one
 * stream, and at 64 KiB it costs 2 %.
 */
export const BLOCK_BYTES = 256 * 1024;

/** What a stream came to, as a ZIP entry states it. */
export interface DeflateTotals {
  /** CRC-32 of the text as UTF-8. */
  readonly crc: number;
  /** Bytes of it. */
  readonly plain: number;
  /** Bytes that it was deflated to. */
  readonly deflated: number;
}

/** A deflate stream that is being written. */
export interface Deflater {
  /** Takes text that does not end between the halves of a pair; deflates the blocks it fills. */
  write(text: string): void;
  /** Deflates what is left in the block, and ends on a byte (`Z_SYNC_FLUSH`). */
  flush(): void;
  /** Flushes, and ends the stream. */
  end(): void;
  /** What the stream has come to, the unfinished block included in `plain` alone. */
  totals(): DeflateTotals;
}

/**
 * Begins a raw deflate stream (RFC 1951).
 *
 * @param level 0 to 9
 * @param onBlock takes each deflated block, in order, and how many bytes of text it was
 */
export function createDeflater(
  level: number,
  onBlock: (deflated: Uint8Array, plain: number) => void,
): Deflater {
  const encoder = new TextEncoder();
  const block = new Uint8Array(BLOCK_BYTES);
  let filled = 0;
  let crc = 0;
  let plain = 0;
  let deflated = 0;

  function emit(bytes: Uint8Array, length: number): void {
    deflated += bytes.length;
    onBlock(bytes, length);
  }

  function flush(): void {
    if (filled === 0) return;
    const bytes = block.subarray(0, filled);
    filled = 0;
    crc = crc32(bytes, crc);
    plain += bytes.length;
    emit(
      deflateRawSync(bytes, { level, finishFlush: constants.Z_SYNC_FLUSH, chunkSize: BLOCK_BYTES }),
      bytes.length,
    );
  }

  return {
    write(text) {
      for (;;) {
        const { read, written } = encoder.encodeInto(text, block.subarray(filled));
        filled += written;
        if (read === text.length) return;
        flush();
        text = text.slice(read);
      }
    },
    flush,
    end() {
      flush();
      emit(deflateRawSync(new Uint8Array(0), { level }), 0);
    },
    totals: () => ({ crc, plain: plain + filled, deflated }),
  };
}
