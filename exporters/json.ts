/** JSON: one array (RFC 8259), one object a line. */

import type { Row } from "../table/table.ts";
import type { Exporter } from "./exporter.ts";
import { createJsonRow } from "./json_row.ts";
import { textStream } from "./text_stream.ts";

/** JSON, complete only with its last bracket. */
export const json: Exporter = {
  key: "json",
  mediaType: "application/json",
  options: [],
  compressible: true,
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
