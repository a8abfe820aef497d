/** Reads uploads in this process, as a worker does. */

import { readFile } from "../../../sources/upload/byte_reader.ts";
import type { ReaderContext, ReadingOptions, UploadFile } from "../../../sources/upload/reader.ts";
import type { RowStream } from "../../../sources/source.ts";
import type { ColumnType, Row } from "../../../table/table.ts";

/** A file of bytes in memory. */
export function fileOf(content: string | Uint8Array): UploadFile {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return {
    size: bytes.length,
    readAt(offset, into) {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
  };
}

/** How to read. */
export interface ReadSettings extends ReadingOptions {
  readonly types?: Readonly<Record<string, ColumnType>>;
  readonly maxRow?: number;
  readonly maxCells?: number;
}

/** What a reader said and gave. */
export interface ReadUpload {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  readonly notes: Readonly<Record<string, number>>;
}

/** A context, and the notes that it takes. */
export function contextOf({ types = {}, maxRow = 1e6, maxCells = 1e6, ...reading }: ReadSettings) {
  const notes: Record<string, number> = {};
  const context: ReaderContext = {
    reading,
    types,
    batchRows: 256,
    limits: { maxRow, maxCells },
    note(kind, where, times = 1) {
      const key = where === undefined ? kind : `${kind} ${where}`;
      notes[key] = (notes[key] ?? 0) + times;
    },
  };
  return { context, notes };
}

/** Reads all rows of content with a reader. */
export async function read(
  content: string | Uint8Array,
  open: (open: () => ReturnType<typeof readFile>, context: ReaderContext) => Promise<RowStream>,
  settings: ReadSettings = {},
): Promise<ReadUpload> {
  const file = fileOf(content);
  const { context, notes } = contextOf(settings);
  const stream = await open(() => readFile(file), context);
  const rows: Row[] = [];
  for await (const batch of stream.batches) rows.push(...batch);
  return { columns: stream.columns.map(({ name, type }) => `${name}:${type}`), rows, notes };
}
