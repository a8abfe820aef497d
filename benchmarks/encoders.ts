/** Measures encoders in process: rows from memory to bytes that are counted and forgotten. */

import { csvPeers } from "./csv_peers.ts";
import type { XlsxOptions } from "../exporters/xlsx/options.ts";
import type { Encoder } from "./encoder.ts";
import { assertSameText, assertWorksheet } from "./equivalence.ts";
import { startXlsxWriter } from "./libxlsxwriter/peer.ts";
import { ourEncoder } from "./ours.ts";
import { sharedThreads } from "../exporters/xlsx/deflate_threads.ts";
import { countText, spreadText, table } from "./report.ts";
import { ratios, spread } from "./statistics.ts";
import { auditBatches, type Batches, WIDTH, worksheetBatches } from "./workload.ts";
import { xlsxPeers } from "./xlsx_peers.ts";

/** Rows of a run: enough for 50 ms of the fastest, few enough that a round outlasts no lull. */
const TEXT_ROWS = 100_000;
const WORKBOOK_ROWS = 100_000;

/** Rounds that count; each runs every encoder once. */
const TEXT_ROUNDS = 15;
const WORKBOOK_ROUNDS = 7;
const LEVEL_ROUNDS = 3;

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
  const cells = worksheetBatches(workbookBatches);
  await using writer = await startXlsxWriter(cells);
  const workbooks = await measure([
    ourXlsx("**Spillway, one core**", workbookBatches, { deflateLevel: 2 }),
    ourXlsx("**Spillway, two cores**", workbookBatches, { deflateLevel: 2 }, 1),
    ourXlsx("Spillway, one core, no shared strings", workbookBatches, {
      deflateLevel: 2,
      sharedStrings: false,
    }),
    ...xlsxPeers(cells),
    ...(writer ? [writer.encoder] : []),
  ], WORKBOOK_ROUNDS);
  sharedThreads.close();
  const rows = rowsOf(workbookBatches);
  return `Text, ${countText(TEXT_ROWS)} rows, ${TEXT_ROUNDS} rounds:\n\n` +
    encoderTable(text, TEXT_ROWS, { "times the first one's time": 0 }) + "\n" +
    `Workbooks, level 2 where no other is named, ${countText(rows)} rows, ` +
    `${WORKBOOK_ROUNDS} rounds:\n\n` +
    encoderTable(workbooks, rows, { "times one core's time": 0, "times two cores' time": 1 });
}

/** Measures every level, on one core and on two. */
export async function levels(): Promise<string> {
  const batches = auditBatches(WORKBOOK_ROWS);
  const encoders = Array.from({ length: 9 }, (_, index) => index + 1).flatMap((deflateLevel) =>
    [0, 1].map((idle) =>
      ourXlsx(
        `${deflateLevel}, ${idle === 0 ? "one core" : "two cores"}`,
        batches,
        { deflateLevel },
        idle,
      )
    )
  );
  const measured = await measure(encoders, LEVEL_ROUNDS);
  sharedThreads.close();
  const level2 = encoders.findIndex(({ name }) => name.startsWith("2,"));
  return `${countText(WORKBOOK_ROWS)} rows, ${LEVEL_ROUNDS} rounds:\n\n` +
    encoderTable(measured, WORKBOOK_ROWS, { "times level 2's on one core": level2 });
}

async function assertEquivalence(): Promise<void> {
  const batches = auditBatches(CHECKED_ROWS);
  await assertSameText([ourEncoder("Spillway", "csv", batches), ...csvPeers(batches)]);
  const cells = worksheetBatches(batches);
  await using writer = await startXlsxWriter(cells);
  await assertWorksheet([
    ourEncoder("Spillway", "xlsx", batches),
    ourEncoder("Spillway without shared strings", "xlsx", batches, { sharedStrings: false }),
    ...xlsxPeers(cells),
    ...(writer ? [writer.encoder] : []),
  ], cells);
}

function ourXlsx(name: string, batches: Batches, options: XlsxOptions, idle = 0): Encoder {
  // As in a worker, whose threads outlast a file.
  return ourEncoder(name, "xlsx", batches, options, { idle, keepThreads: true });
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

/** A line for each encoder, compared with those of them that `baselines` names. */
function encoderTable(
  measured: readonly Measured[],
  rows: number,
  baselines: Readonly<Record<string, number>>,
): string {
  const lines = measured.map(({ name, bytes, seconds }) => {
    const rates = spread(seconds.map((time) => rows * WIDTH / time / 1e6));
    const multiples = Object.values(baselines).map((index) =>
      spreadText(spread(ratios(seconds, measured[index]!.seconds)))
    );
    return [
      name,
      spreadText(rates),
      (bytes / spread(seconds).median / 1e6).toFixed(0),
      (bytes / rows).toFixed(0),
      ...multiples,
    ];
  });
  return table(
    ["encoder", "M cells/s", "MB/s", "bytes a row", ...Object.keys(baselines)],
    lines,
  );
}
