/** NDJSON: one object a line, each a JSON text of its own (https://github.com/ndjson/ndjson-spec). */

import type { Row } from "../table/table.ts";
import type { Exporter } from "./exporter.ts";
import { defineFormat, type Format } from "./format.ts";
import { createJsonRow } from "./json_row.ts";
import { textStream } from "./text_stream.ts";

/** Newline-delimited JSON, as the server knows it; it has no options. */
export const ndjsonFormat: Format = defineFormat({
  key: "ndjson",
  mediaType: "application/x-ndjson",
  compressible: true,
});

/** Newline-delimited JSON; without a row, an empty file. */
export const ndjson: Exporter<unknown> = {
  encode(table, _options, warnings) {
    const jsonRow = createJsonRow(table.columns, warnings);
    const format = { head: "", row: (row: Row) => jsonRow(row) + "\n", tail: "" };
    return textStream(table, format, warnings);
  },
};
