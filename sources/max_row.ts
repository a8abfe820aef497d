/** The error of a row that is larger than the setting `max_row`. */

import { SourceError } from "./source.ts";

/** What is wrong with it; `bytes` where its size is known before all of it has come. */
export function rowTooLarge(maxRow: number, bytes?: number): SourceError {
  const size = bytes === undefined ? "" : ` of ${bytes} bytes`;
  return new SourceError(
    `Cannot read the query: a row${size} is larger than max_row, which is ${sizeText(maxRow)}`,
  );
}

/** A size as the setting has it. */
function sizeText(bytes: number): string {
  if (bytes % 2 ** 20 === 0) return `${bytes / 2 ** 20}MiB`;
  return bytes % 2 ** 10 === 0 ? `${bytes / 2 ** 10}KiB` : `${bytes}B`;
}
