/**
 * Other CSV writers, each at its fastest and, where that is another, as it streams.
 *
 * None of them is asked to guard formulas, which Spillway does; all write CRLF, `true` and `false`.
 */

import { stringify } from "csv-stringify";
import { stringify as stringifySync } from "csv-stringify/sync";
import { writeCsv, writeCsvStream } from "hucre/csv";
import { once } from "node:events";
import { finished } from "node:stream/promises";
import Papa from "papaparse";
import type { Encoder } from "./encoder.ts";
import { type Batches, TITLES, type WorksheetCell } from "./workload.ts";

const encoder = new TextEncoder();

/** It has no types of its own. */
const { unparse } = Papa as { unparse(rows: readonly (readonly unknown[])[]): string };

const STRINGIFY_OPTIONS = {
  columns: TITLES,
  record_delimiter: "\r\n",
  // Without it, a field with a lone LF is two records to every reader.
  quote_record_delimiter: true,
  cast: { boolean: String },
} as const;

/** Makes the peers' encoders. */
export function csvPeers(batches: Batches): Encoder[] {
  return [
    {
      // Faster than all rows in one call: 2 M cells/s, and a heap full of lines.
      name: "csv-stringify, sync by batches",
      encode(sink) {
        for (const [index, batch] of batches.entries()) {
          const text = stringifySync(batch, { ...STRINGIFY_OPTIONS, header: index === 0 });
          sink(encoder.encode(text));
        }
        return Promise.resolve();
      },
    },
    {
      // Faster than `pipeline` from a stream of rows, by a fifth.
      name: "csv-stringify, stream",
      async encode(sink) {
        const stringifier = stringify({ ...STRINGIFY_OPTIONS, header: true });
        stringifier.on("data", sink);
        for (const batch of batches) {
          for (const row of batch) {
            if (!stringifier.write(row)) await once(stringifier, "drain");
          }
        }
        stringifier.end();
        await finished(stringifier);
      },
    },
    {
      name: "Papa Parse, by batches",
      encode(sink) {
        sink(encoder.encode(unparse([TITLES]) + "\r\n"));
        for (const batch of batches) sink(encoder.encode(unparse(batch) + "\r\n"));
        return Promise.resolve();
      },
    },
    {
      name: "hucre, writeCsv by batches",
      encode(sink) {
        const rows = batches as Batches<WorksheetCell>;
        sink(encoder.encode(writeCsv([[...TITLES]]) + "\r\n"));
        for (const batch of rows) sink(encoder.encode(writeCsv(batch) + "\r\n"));
        return Promise.resolve();
      },
    },
    {
      name: "hucre, writeCsvStream",
      async encode(sink) {
        const rows = (batches as Batches<WorksheetCell>).values().flatMap((batch) => batch);
        for await (const chunk of writeCsvStream(rows, { headers: [...TITLES] })) sink(chunk);
      },
    },
  ];
}
