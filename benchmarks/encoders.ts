/** Measures encoders in process: rows from memory to bytes that are counted and forgotten. */

import { csvPeers } from "./csv_peers.ts";
import type { Encoder } from "./encoder.ts";
import { assertSameText, assertWorksheet } from "./equivalence.ts";
import { ourEncoder } from "./ours.ts";
import { countText, spreadText, table } from "./report.ts";
import { ratios, spread } from "./statistics.ts";
import { auditBatches, type Batches, WIDTH, worksheetBatches } from "./workload.ts";
import { xlsxPeers } from "./xlsx_peers.ts";

/** Rows of a run: enough for 50 ms of the fastest, few enough that a round outlasts no lull. */
const TEXT_ROWS = 100_000;
const WORKBOOK_ROWS = 50_000;

/** Rounds that count; each runs every encoder once. */
const TEXT_ROUNDS = 15;
const WORKBOOK_ROUNDS = 7;

/** Rounds that do not count, in which the compiler learns. */
const WARM_UP_ROUNDS = 2;

/** Rows whose files are compared, peer by peer. */
const CHECKED_ROWS = 5_000;

/** What an encoder's rounds came to. */
interface Measured {
  readonly name: string;
  /** Bytes of its file. */
  readonly bytes: number;
  /** Each round's time. */
  readonly seconds: readonly number[];
}

/** Measures every encoder. */
export async function encoders(): Promise<string> {
  await assertEquivalence();
  const batches = auditBatches(TEXT_ROWS);
  const text = await measure([
    ourEncoder("**Spillway CSV**", "csv", batches),
    ...csvPeers(batches),
    ourEncoder("Spillway TSV", "tsv", batches),
    ourEncoder("Spillway JSON", "json", batches),
    ourEncoder("Spillway NDJSON", "ndjson", batches),
    ourEncoder("Spillway XML", "xml", batches),
  ], TEXT_ROUNDS);
  const workbookBatches = batches.slice(0, Math.ceil(WORKBOOK_ROWS / batches[0]!.length));
  const workbooks = await measure([
    ourXlsx("**Spillway XLSX, level 2**", workbookBatches, 2),
    ourXlsx("Spillway XLSX, level 1", workbookBatches, 1),
    ourXlsx("Spillway XLSX, level 3", workbookBatches, 3),
    ourXlsx("Spillway XLSX, level 6", workbookBatches, 6),
    ...xlsxPeers(worksheetBatches(workbookBatches)),
  ], WORKBOOK_ROUNDS);
  return `Text, ${countText(TEXT_ROWS)} rows, ${TEXT_ROUNDS} rounds:\n\n` +
    encoderTable(text, TEXT_ROWS) + "\n" +
    `Workbooks, ${countText(rowsOf(workbookBatches))} rows, ${WORKBOOK_ROUNDS} rounds:\n\n` +
    encoderTable(workbooks, rowsOf(workbookBatches));
}

async function assertEquivalence(): Promise<void> {
  const batches = auditBatches(CHECKED_ROWS);
  await assertSameText([ourEncoder("Spillway", "csv", batches), ...csvPeers(batches)]);
  const cells = worksheetBatches(batches);
  await assertWorksheet([ourEncoder("Spillway", "xlsx", batches), ...xlsxPeers(cells)], cells);
}

function ourXlsx(name: string, batches: Batches, deflateLevel: number): Encoder {
  return ourEncoder(name, "xlsx", batches, { deflateLevel });
}

function rowsOf(batches: Batches): number {
  return batches.reduce((rows, batch) => rows + batch.length, 0);
}

/** Runs the encoders in turns, each round beginning with another one. */
async function measure(encoders: readonly Encoder[], rounds: number): Promise<Measured[]> {
  const results = encoders.map(({ name }) => ({ name, bytes: 0, seconds: [] as number[] }));
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const turn of encoders.keys()) {
      const index = (turn + round + WARM_UP_ROUNDS) % encoders.length;
      const result = results[index]!;
      result.bytes = 0;
      const started = performance.now();
      await encoders[index]!.encode((chunk) => result.bytes += chunk.length);
      if (round >= 0) result.seconds.push((performance.now() - started) / 1000);
    }
  }
  return results;
}

/** A line for each encoder, the first of which the others are compared with. */
function encoderTable(measured: readonly Measured[], rows: number): string {
  const lines = measured.map(({ name, bytes, seconds }) => {
    const rates = spread(seconds.map((time) => rows * WIDTH / time / 1e6));
    const multiples = spread(ratios(seconds, measured[0]!.seconds));
    return [
      name,
      spreadText(rates),
      (bytes / spread(seconds).median / 1e6).toFixed(0),
      (bytes / rows).toFixed(0),
      spreadText(multiples),
    ];
  });
  return table(
    ["encoder", "M cells/s", "MB/s", "bytes a row", "times the first one's time"],
    lines,
  );
}
