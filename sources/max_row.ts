/** The setting `max_row`: how large a row may be that a source gives. */

import { z } from "zod";
import { SourceError } from "./source.ts";

const BYTES: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20 };

/** Half of the longest text that V8 holds (2^29 - 24 units): what is a string may be quoted yet. */
const LARGEST = 256 * BYTES.MiB!;

const RULE = "a size from 1KiB to 256MiB, such as 64MiB";

/**
 * Reads `64MiB` as bytes. A row has that much at most on its way from the source, so that one cell that
 * somebody has put a video in fails its own run, and takes the memory of no other.
 */
export function maxRow(): z.ZodType<number> {
  return z.string({ error: RULE }).transform((text, context) => {
    const [, count, unit] = /^(\d{1,9})(B|KiB|MiB)$/.exec(text) ?? [];
    const bytes = unit === undefined ? 0 : Number(count) * BYTES[unit]!;
    if (bytes >= BYTES.KiB! && bytes <= LARGEST) return bytes;
    context.addIssue({ code: "custom", message: RULE });
    return z.NEVER;
  }).default(64 * BYTES.MiB!);
}

/** What is wrong with a row that is larger; `bytes` where its size is known before all of it has come. */
export function rowTooLarge(maxRow: number, bytes?: number): SourceError {
  const size = bytes === undefined ? "" : ` of ${bytes} bytes`;
  return new SourceError(
    `Cannot read the query: a row${size} is larger than max_row, which is ${sizeText(maxRow)}`,
  );
}

/** A size as the setting has it. */
function sizeText(bytes: number): string {
  const unit = ["MiB", "KiB"].find((unit) => bytes % BYTES[unit]! === 0) ?? "B";
  return `${bytes / BYTES[unit]!}${unit}`;
}
