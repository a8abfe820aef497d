/** Frames pieces of a body as chunks (RFC 9112, 7.1). */

/** A piece of at most this is copied into its frame, so that it is sent with it and not in three parts. */
const COPIED_BYTES = 128 * 1024;

/** Bytes of a frame: sixteen digits at most, and two line breaks. */
const FRAME_BYTES = 20;

const LINE_BREAK = Uint8Array.of(13, 10);

/**
 * Makes the function that frames one piece after another; what it gives is good until the next. A piece is
 * not empty: that would be the end.
 */
export function createFramer(): (piece: Uint8Array) => readonly Uint8Array[] {
  const encoder = new TextEncoder();
  let copy = new Uint8Array(0);
  return (piece) => {
    const size = encoder.encode(`${piece.length.toString(16)}\r\n`);
    if (piece.length > COPIED_BYTES) return [size, piece, LINE_BREAK];
    if (copy.length < piece.length + FRAME_BYTES) copy = new Uint8Array(piece.length + FRAME_BYTES);
    copy.set(size);
    copy.set(piece, size.length);
    copy.set(LINE_BREAK, size.length + piece.length);
    return [copy.subarray(0, size.length + piece.length + LINE_BREAK.length)];
  };
}
