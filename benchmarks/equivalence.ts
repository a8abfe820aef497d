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

/**
 * Checks that two commands write the very same bytes.
 *
 * @throws {assert.AssertionError} when they do not
 */
export async function assertSameOutput(
  expected: readonly string[],
  actual: readonly string[],
): Promise<void> {
  const digests = await Promise.all([digestOf(expected), digestOf(actual)]);
  assert.ok(digests[0] === digests[1], `${actual.join(" ")} writes what ${expected[0]} writes`);
}

async function digestOf(command: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", 'set -o pipefail; "$@" | sha256sum', "bash", ...command],
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`Cannot run ${command[0]}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}
