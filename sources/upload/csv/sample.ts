/** Looks at the first rows of a text, which tell its columns. */

import { Buffer } from "node:buffer";
import { joinTypes, typeOfText } from "../column_types.ts";
import type { ColumnEvidence } from "../header.ts";
import { MAX_COLUMNS } from "../raw_rows.ts";
import { SAMPLE_ROWS, SAMPLE_UNITS, UploadError } from "../reader.ts";
import type { ColumnType } from "../../../table/table.ts";
import { CsvScanner } from "./scanner.ts";
import { explain, openRows, type TextOfRows, UNNOTED } from "./text_of_rows.ts";

/** Rows that are looked at together. */
const STEP = 100;

const { utf8Slice } = Buffer.prototype as unknown as {
  utf8Slice(this: Uint8Array, start: number, end: number): string;
};

/**
 * What the first rows tell of each column; there are as many as the widest of them has fields.
 *
 * @throws {UploadError} where the text is no rows, or has too many columns
 */
export async function readSample(source: TextOfRows): Promise<readonly ColumnEvidence[]> {
  const scanner = new CsvScanner(source.dialect);
  const first: (string | null)[] = [];
  const types: (ColumnType | undefined)[] = [];
  let width = 0;
  const batches = await openRows(source, scanner, UNNOTED);
  try {
    let bytes = 0;
    for (let rows = 0; rows < SAMPLE_ROWS && bytes < SAMPLE_UNITS;) {
      if (await batches.next(STEP) === 0) break;
      let field = 0;
      for (const fields of scanner.counts) {
        width = Math.max(width, fields);
        for (let column = 0; column < fields; column++, field += 2) {
          const start = scanner.bounds[field]!;
          const end = scanner.bounds[field + 1]!;
          bytes += end - Math.max(start, 0);
          const text = start < 0 ? null : utf8Slice.call(batches.bytes, start, end);
          if (rows === 0) first.push(text);
          else if (text !== null) types[column] = joinTypes(types[column], typeOfText(text));
        }
        rows++;
      }
    }
  } catch (error) {
    throw await explain(error, source);
  } finally {
    await batches.close();
  }
  if (width === 0) throw new UploadError("there is no row in it");
  if (width > MAX_COLUMNS) {
    throw new UploadError(`it has ${width} columns, and at most ${MAX_COLUMNS} are read`);
  }
  return Array.from({ length: width }, (_, index) => {
    const cell = first[index] ?? null;
    return {
      first: cell,
      firstType: cell === null ? undefined : typeOfText(cell),
      type: types[index],
    };
  });
}
