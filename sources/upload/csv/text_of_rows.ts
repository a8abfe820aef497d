/** A text that is read again and again from its start, and how its rows are found in it. */

import type { ByteReader } from "../byte_reader.ts";
import { type Note, UploadError } from "../reader.ts";
import type { CsvDialect, CsvScanner } from "./scanner.ts";
import { TextBatches, TextError } from "./text_batches.ts";

/** A note that is not taken: what is read twice is counted once. */
export const UNNOTED: Note = () => {};

/** A text of rows. */
export interface TextOfRows {
  /** Begins to read it anew, as UTF-8. */
  readonly text: (note: Note) => ByteReader;
  /** How its fields are told apart. */
  readonly dialect: CsvDialect;
  /** Bytes in front of the rows, which are a line of their own. */
  readonly skipped: number;
  /** Bytes of a row at most. */
  readonly maxRow: number;
}

/** Begins to read the rows. */
export async function openRows(
  { text, skipped, maxRow }: TextOfRows,
  scanner: CsvScanner,
  note: Note,
): Promise<TextBatches> {
  const reader = text(note);
  try {
    return new TextBatches(reader, scanner, maxRow, await skip(reader, skipped));
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/** Passes over bytes; gives what was read behind them. */
async function skip(reader: ByteReader, bytes: number): Promise<Uint8Array | undefined> {
  for (let left = bytes; left > 0;) {
    const piece = await reader.read();
    if (piece === undefined) return undefined;
    if (piece.length > left) return piece.subarray(left);
    left -= piece.length;
  }
  return undefined;
}

const LF = 0x0a;
const CR = 0x0d;

/** Says in which line an error is, for which the text is read again up to there. */
export async function explain(error: unknown, { text, skipped }: TextOfRows): Promise<unknown> {
  if (!(error instanceof TextError)) return error;
  const reader = text(UNNOTED);
  let line = 1;
  let left = error.at + skipped;
  let before = 0;
  try {
    for (let piece; left > 0 && (piece = await reader.read()) !== undefined;) {
      const end = Math.min(piece.length, left);
      for (let at = 0; at < end; at++) {
        const byte = piece[at]!;
        if (byte === CR || byte === LF && before !== CR) line++;
        before = byte;
      }
      left -= end;
    }
  } finally {
    await reader.close();
  }
  return new UploadError(error.message, { position: { line }, cause: error });
}
