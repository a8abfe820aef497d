/** Looks at the first rows of a text, which tell its columns. */

import { Buffer } from "node:buffer";
import { joinTypes, typeOfText } from "../column_types.ts";
import type { ColumnEvidence } from "../header.ts";
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
 * What the first rows tell of each column; there are as many as the first row has fields, or most others.
 *
 * @throws {UploadError} where the text is no rows, or has too many columns
 */
export async function readSample(source: TextOfRows): Promise<readonly ColumnEvidence[]> {
  const scanner = new CsvScanner(source.dialect);
  const first: (string | null)[] = [];
  const types: (ColumnType | undefined)[] = [];
  const widths = new Map<number, number>();
  const batches = await openRows(source, scanner, UNNOTED);
  try {
    let bytes = 0;
    for (let rows = 0; rows < SAMPLE_ROWS && bytes < SAMPLE_UNITS;) {
      if (await batches.next(STEP) === 0) break;
      let field = 0;
      for (const fields of scanner.counts) {
        widths.set(fields, (widths.get(fields) ?? 0) + 1);
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
  const [common] = [...widths].sort(([, one], [, other]) => other - one)[0] ?? [];
  if (common === undefined) throw new UploadError("there is no row in it");
  const width = Math.max(first.length, common);
  if ([...widths.keys()].some((fields) => fields > width)) await checkWidth(source, width);
  return Array.from({ length: width }, (_, index) => {
    const cell = first[index] ?? null;
    return {
      first: cell,
      firstType: cell === null ? undefined : typeOfText(cell),
      type: types[index],
    };
  });
}

/** Refuses a row among the first that has more fields than there are columns, by its line. */
async function checkWidth(source: TextOfRows, width: number): Promise<void> {
  const batches = await openRows(source, new CsvScanner(source.dialect, { width }), UNNOTED);
  try {
    for (let rows = 0; rows < SAMPLE_ROWS;) {
      const count = await batches.next(STEP);
      if (count === 0) break;
      rows += count;
    }
  } catch (error) {
    throw await explain(error, source);
  } finally {
    await batches.close();
  }
}
