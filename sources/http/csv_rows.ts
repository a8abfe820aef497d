/** Reads the rows of CSV with a header (RFC 4180). */

import { parse } from "csv-parse";
import { listed } from "../quoted.ts";
import { rowError, type RowReader, type RowReaderSettings } from "./row_reader.ts";
import type { SourceColumn } from "../source.ts";

/** What is wrong with a record, by the code of csv-parse's error. */
const REASONS: Readonly<Record<string, string>> = {
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: "it has more or fewer fields than the header",
  CSV_QUOTE_NOT_CLOSED: "a quote is not closed",
  CSV_INVALID_CLOSING_QUOTE: "text follows a closing quote",
  INVALID_OPENING_QUOTE: "a quote stands in a field without quotes",
};

/**
 * Makes a reader. Commas, quotes that double, line breaks of one kind; every record has the fields of the
 * header. A field that is empty is null, and `""` is empty text.
 */
export function createCsvReader(
  { columns: names, maxRow }: Omit<RowReaderSettings, "types">,
): RowReader {
  const parser = parse({
    cast: (value, { quoting }) => value === "" && !quoting ? null : value,
    max_record_size: maxRow,
  });
  // Looked at where it counts: behind the rows that came before it.
  parser.on("error", () => {});
  let columns: readonly SourceColumn[] | undefined;
  let rows = 0;
  let ended = false;

  function setColumns(header: readonly (string | null)[]): void {
    const found = header.map((name) => name ?? "");
    if (names && (names.length !== found.length || names.some((name, at) => name !== found[at]))) {
      throw rowError(1, `the header before it is ${listed(found)}, not ${listed(names)}`);
    }
    columns = found.map((name) => ({ name }));
  }

  function reasonOf(error: Error & { code?: string }): string {
    if (error.code === "CSV_MAX_RECORD_SIZE") {
      return `it is longer than ${maxRow} characters (max_row)`;
    }
    return REASONS[error.code ?? ""] ?? "it is not CSV";
  }

  return {
    get columns() {
      return columns;
    },
    // Half of it looks like all of it.
    proven: false,
    write(text) {
      parser.write(text);
    },
    end() {
      ended = true;
      parser.end();
    },
    read() {
      for (;;) {
        const record: (string | null)[] | null = parser.read();
        if (record === null) break;
        if (!columns) {
          setColumns(record);
          continue;
        }
        rows++;
        return record;
      }
      if (parser.errored) throw rowError(rows + 1, reasonOf(parser.errored), parser.errored);
      if (ended && !columns) throw rowError(1, "there is no header");
      return undefined;
    },
  };
}
