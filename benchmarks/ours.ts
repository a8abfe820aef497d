/** Spillway's exporters, as encoders to measure. */

import type { ExportOptions, IdleCores } from "../exporters/exporter.ts";
import { exporters, type Format } from "../exporters/mod.ts";
import { Warnings } from "../exporters/warnings.ts";
import type { Encoder } from "./encoder.ts";
import { auditTable, type Batches } from "./workload.ts";

/** Makes an encoder of one of our formats. */
export function ourEncoder(
  name: string,
  format: Format,
  batches: Batches,
  options: ExportOptions = {},
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
