/** Reads NDJSON and a JSON array: objects, or arrays of cells below one of names. */

import { createJsonReader } from "../http/json_cells.ts";
import { createJsonSplitter } from "../http/json_rows.ts";
import { createNdjsonSplitter, type JsonSplitter } from "../http/ndjson_rows.ts";
import { namedColumns, RowError } from "../http/row_reader.ts";
import type { RowStream, SourceColumn } from "../source.ts";
import type { ColumnType, Row } from "../../table/table.ts";
import type { ByteReader } from "./byte_reader.ts";
import { joinTypes, typeOfText } from "./column_types.ts";
import { findEncoding } from "./encoding.ts";
import { toUtf8 } from "./utf8_text.ts";
import { MAX_COLUMNS, toRowStream } from "./raw_rows.ts";
import {
  type Note,
  type RawRows,
  type ReaderContext,
  SAMPLE_ROWS,
  SAMPLE_UNITS,
  UploadError,
} from "./reader.ts";

/** The JSON texts of a file, one after the other. */
interface JsonTexts {
  /** The next one; undefined at the end. */
  next(): Promise<string | undefined>;
  close(): Promise<void>;
}

/** Rows in a batch of {@linkcode RawRows}. */
const STEP = 256;

/**
 * Opens rows of JSON. The columns are the keys of the first rows, in the order in which they come.
 *
 * @param open begins to read the file anew
 * @param lines whether each line is a row; else the file is an array of them
 * @throws {UploadError} where the file is no such text
 */
export async function openJson(
  open: () => ByteReader,
  context: ReaderContext,
  lines: boolean,
): Promise<RowStream> {
  const { reading, note, limits, types } = context;
  const label = reading.encoding ?? await findEncoding(open, note);
  const createSplitter = () =>
    rowsOnly((lines ? createNdjsonSplitter : createJsonSplitter)(limits.maxRow));
  const text = (counted: Note) => toUtf8(open(), label, counted);
  const columns = await readColumns(readTexts(text(() => {}), createSplitter()));
  const splitter = createSplitter();
  const bytes = text(note);
  // An array in front that names the columns is for the reader.
  const names = columns.named ? {} : { columns: columns.all.map(({ name }) => name) };
  const reader = createJsonReader(splitter, { ...names, types, maxRow: limits.maxRow });
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let ended = false;

  const rows: RawRows = {
    columns: columns.all,
    async read() {
      const batch: Row[] = [];
      try {
        while (batch.length < STEP) {
          const row = reader.read();
          if (row !== undefined) batch.push(row);
          else if (ended || batch.length > 0) break;
          else {
            const piece = await bytes.read();
            ended = piece === undefined;
            if (piece) reader.write(decoder.decode(piece, { stream: true }));
            else reader.end();
          }
        }
      } catch (error) {
        throw toUploadError(error);
      }
      return batch.length === 0 ? undefined : { rows: batch };
    },
    close: () => bytes.close(),
  };
  return await toRowStream(rows, context);
}

function toUploadError(error: unknown): unknown {
  if (!(error instanceof RowError)) return error;
  const { row, reason, cause } = error;
  return new UploadError(reason, { position: { row }, cause });
}

/** A whole number counts the rows of a web service; in a file it is a value without a key. */
function rowsOnly(splitter: JsonSplitter): JsonSplitter {
  return {
    ...splitter,
    next() {
      const text = splitter.next();
      if (text !== undefined && /^\s*\d+\s*$/.test(text)) {
        throw new SyntaxError("it is no object and no array");
      }
      return text;
    },
  };
}

function readTexts(bytes: ByteReader, splitter: JsonSplitter): JsonTexts {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let ended = false;
  return {
    async next() {
      for (;;) {
        const text = splitter.next();
        if (text !== undefined || ended) return text;
        const piece = await bytes.read();
        ended = piece === undefined;
        if (piece) splitter.write(decoder.decode(piece, { stream: true }));
        else splitter.end();
      }
    },
    close: () => bytes.close(),
  };
}

/** The columns of a file. */
interface JsonColumns {
  readonly all: readonly SourceColumn[];
  /** Whether an array in front of the rows names them. */
  readonly named: boolean;
}

/** Finds the columns in the first rows. */
async function readColumns(texts: JsonTexts): Promise<JsonColumns> {
  const types = new Map<string, ColumnType | undefined>();
  let names: readonly SourceColumn[] | undefined;
  let rows = 0;
  try {
    for (let units = 0; rows < SAMPLE_ROWS && units < SAMPLE_UNITS; rows++) {
      const text = await texts.next();
      if (text === undefined) break;
      units += text.length;
      const value: unknown = JSON.parse(text);
      if (rows === 0 && Array.isArray(value)) {
        names = namedColumns(value);
        names?.forEach(({ name, type }) => types.set(name, type));
        continue;
      }
      addTypes(types, value, names);
    }
  } catch (error) {
    if (error instanceof UploadError) throw error;
    const reason = error instanceof Error && !/JSON/.test(error.message)
      ? error.message
      : "it is not JSON";
    throw new UploadError(reason, { position: { row: rows + 1 }, cause: error });
  } finally {
    await texts.close();
  }
  if (types.size > MAX_COLUMNS) {
    throw new UploadError(`it has ${types.size} columns, and at most ${MAX_COLUMNS} are read`);
  }
  if (types.size === 0) throw new UploadError("there is no row in it");
  const all: readonly SourceColumn[] = names ?? [...types.keys()].map((name) => ({ name }));
  return {
    all: all.map(({ name, type }) => ({ name, type: type ?? types.get(name) ?? "string" })),
    named: names !== undefined,
  };
}

function addTypes(
  types: Map<string, ColumnType | undefined>,
  row: unknown,
  names: readonly SourceColumn[] = [],
): void {
  if (typeof row !== "object" || row === null) return;
  const members = Array.isArray(row)
    ? row.map((value, index) => [names[index]?.name, value] as const)
    : Object.entries(row);
  for (const [name, value] of members) {
    if (name === undefined) continue;
    const known = types.get(name);
    types.set(name, value === null ? known : joinTypes(known, typeOfValue(value)));
  }
}

/** A number's type is JSON's own; of text only what is a date or a datetime is no text. */
function typeOfValue(value: unknown): ColumnType {
  switch (typeof value) {
    case "number":
      return Number.isInteger(value) ? "integer" : "number";
    case "boolean":
      return "boolean";
    case "string": {
      const type = typeOfText(value);
      return type === "date" || type === "datetime" ? type : "string";
    }
    default:
      return "json";
  }
}
