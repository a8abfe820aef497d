/** Proves that what is measured side by side is the same work: every peer's file holds the rows. */

import assert from "node:assert/strict";
import { readXlsx } from "hucre/xlsx";
import type { Encoder } from "./encoder.ts";
import { type Batches, TITLES, type WorksheetCell } from "./workload.ts";

async function contentOf(encoder: Encoder): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  // Copied: a writer may use its buffer again.
  await encoder.encode((chunk) => void chunks.push(chunk.slice()));
  return new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

/**
 * Checks that all encoders write the very same bytes, a line end after the last row aside.
 *
 * @throws {assert.AssertionError} when one does not
 */
export async function assertSameText(encoders: readonly Encoder[]): Promise<void> {
  const texts = await Promise.all(encoders.map(async (encoder) => {
    return new TextDecoder().decode(await contentOf(encoder)).trimEnd();
  }));
  for (const [index, { name }] of encoders.entries()) {
    assert.ok(texts[index] === texts[0], `${name} writes what ${encoders[0]!.name} writes`);
  }
}

/**
 * Checks that all encoders write a worksheet of the titles and then these cells, dates as dates.
 *
 * @throws {assert.AssertionError} when one does not
 */
export async function assertWorksheet(
  encoders: readonly Encoder[],
  batches: Batches<WorksheetCell>,
): Promise<void> {
  for (const encoder of encoders) {
    const { sheets } = await readXlsx(await contentOf(encoder));
    assert.equal(sheets.length, 1, encoder.name);
    const [titles, ...rows] = sheets[0]!.rows;
    assert.deepEqual(titles, TITLES, encoder.name);
    const expected = batches.flat();
    assert.equal(rows.length, expected.length, encoder.name);
    for (const [index, row] of rows.entries()) {
      // A reader leaves the cells out that are not there.
      const cells = TITLES.map((_, column) => row[column] ?? null);
      assert.deepEqual(cells, expected[index], `${encoder.name}, row ${index + 1}`);
    }
  }
}
