/** Spillway's exporters, as encoders to measure. */

import type { CsvOptions } from "../exporters/csv/options.ts";
import type { Exporter, IdleCores } from "../exporters/exporter.ts";
import { type FormatKey, loadExporters } from "../exporters/mod.ts";
import { Warnings } from "../exporters/warnings.ts";
import type { XlsxOptions } from "../exporters/xlsx/options.ts";
import type { Encoder } from "./encoder.ts";
import { auditTable, type Batches } from "./workload.ts";

const exporters: Readonly<Record<FormatKey, Exporter<CsvOptions & XlsxOptions>>> =
  await loadExporters();

/** Makes an encoder of one of our formats. */
export function ourEncoder(
  name: string,
  format: FormatKey,
  batches: Batches,
  options: CsvOptions & XlsxOptions = {},
  cores: IdleCores = { idle: 0 },
): Encoder {
  return {
    name,
    async encode(sink) {
      const table = auditTable(batches);
      const bytes = exporters[format].encode(table, options, new Warnings(), cores);
      for await (const chunk of bytes) sink(chunk);
    },
  };
}
