/** Gathers text as UTF-8, in a buffer that is used again and again. */

/**
 * UTF-16 units that are encoded at once: small pieces stay in the cache, and most are Latin-1 (docs/design.md,
 * "Why text is not piped").
 */
const PIECE_UNITS = 1024;

/** UTF-8 takes no more bytes for a UTF-16 unit. */
const BYTES_A_UNIT = 3;

/** Bytes of the buffer at first: most files are of a few rows, and each that is begun has one. */
const MIN_BYTES = 4 * 1024;

/** Text on its way to bytes. */
export interface Utf8Chunk {
  /** Adds text that does not end between the halves of a surrogate pair. */
  add(text: string): void;
  /** Whether nothing was added since the last chunk was taken. */
  readonly empty: boolean;
  /** Bytes so far, but for the last few units. */
  readonly bytes: number;
  /** Whether text with U+FFFD was added, to this chunk or to one that was taken. */
  readonly suspected: boolean;
  /** Takes all there is, and begins anew. */
  take(): TakenChunk;
}

/** What was gathered. */
export interface TakenChunk {
  /** The bytes, in a buffer of their own. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether U+FFFD was written for some lone surrogate. */
  readonly malformed: boolean;
}

/**
 * Makes an empty chunk, whose buffer grows to the bytes that are taken of it.
 *
 * @param target bytes that are taken at once, as a rule; more may be
 */
export function createUtf8Chunk(target: number): Utf8Chunk {
  const encoder = new TextEncoder();
  const size = target + 2 * PIECE_UNITS * BYTES_A_UNIT;
  let buffer = new Uint8Array(MIN_BYTES);
  let filled = 0;
  let text = "";
  let malformed = false;
  let suspected = false;

  function encode(): void {
    if (!text.isWellFormed()) malformed = true;
    suspected ||= text.includes("\ufffd");
    makeRoom(text.length * BYTES_A_UNIT);
    filled += encoder.encodeInto(text, buffer.subarray(filled)).written;
    text = "";
  }

  function makeRoom(bytes: number): void {
    if (filled + bytes <= buffer.length) return;
    const larger = new Uint8Array(Math.max(filled + bytes, Math.min(2 * buffer.length, size)));
    larger.set(buffer.subarray(0, filled));
    buffer = larger;
  }

  return {
    add(more) {
      text += more;
      if (text.length >= PIECE_UNITS) encode();
    },
    get empty() {
      return filled === 0 && text === "";
    },
    get bytes() {
      return filled;
    },
    get suspected() {
      return suspected ||= text.includes("\ufffd");
    },
    take() {
      if (text !== "") encode();
      const taken = { bytes: buffer.slice(0, filled), malformed };
      filled = 0;
      malformed = false;
      // One cell of a hundred megabytes must not cost them for the rest of the file.
      if (buffer.length > size) buffer = new Uint8Array(size);
      return taken;
    },
  };
}
