/** JSON: one array (RFC 8259), one object a line. */

import type { Row } from "../table/table.ts";
import type { Exporter } from "./exporter.ts";
import { defineFormat, type Format } from "./format.ts";
import { createJsonRow } from "./json_row.ts";
import { textStream } from "./text_stream.ts";

/** JSON, as the server knows it; it has no options. */
export const jsonFormat: Format = defineFormat({
  key: "json",
  mediaType: "application/json",
  compressible: true,
});

/** JSON, complete only with its last bracket. */
export const json: Exporter<unknown> = {
  encode(table, _options, warnings) {
    const jsonRow = createJsonRow(table.columns, warnings);
    const format = {
      head: "[",
      row: (row: Row) => "\n" + jsonRow(row),
      between: ",",
      tail: "\n]\n",
    };
    return textStream(table, format, warnings);
  },
};
