/** Other XLSX writers, each by its streaming interface. */

import { writeXlsxStream } from "hucre/xlsx";
import { Writable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { AUDIT_COLUMNS } from "../examples/demo_data.ts";
import type { Encoder, Sink } from "./encoder.ts";
import { beginWorkbook } from "./exceljs_workbook.ts";
import { type Batches, DATETIME_FORMAT, type WorksheetCell } from "./workload.ts";

/** Makes the peers' encoders. */
export function xlsxPeers(batches: Batches<WorksheetCell>): Encoder[] {
  return [
    { name: "ExcelJS, level 2", encode: (sink) => encodeWithExcelJs(batches, sink) },
    {
      // It has no setting for the level, and takes the platform's.
      name: "hucre, level 6",
      async encode(sink) {
        const columns = AUDIT_COLUMNS.map(({ title, type }) => ({
          header: title,
          ...(type === "datetime" ? { numFmt: DATETIME_FORMAT } : {}),
        }));
        const rows = batches.values().flatMap((batch) => batch);
        for await (const chunk of writeXlsxStream(rows, { name: "Audit log", columns })) {
          sink(chunk);
        }
      },
    },
  ];
}

async function encodeWithExcelJs(batches: Batches<WorksheetCell>, sink: Sink): Promise<void> {
  const stream = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      sink(chunk);
      done();
    },
  });
  const { workbook, sheet } = beginWorkbook(stream);
  for (const batch of batches) {
    for (const row of batch) sheet.addRow(row).commit();
    // It has no back pressure: without a turn of the loop, every row would wait in memory.
    await setImmediate();
  }
  sheet.commit();
  await workbook.commit();
}
