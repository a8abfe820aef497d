/** Reads CSV, TSV and their kin: finds encoding, separator, header and types, and gives rows as bytes. */

import type { ByteReader } from "../byte_reader.ts";
import { joinTypes } from "../column_types.ts";
import { findEncoding } from "../encoding.ts";
import { columnNames, isHeader } from "../header.ts";
import { type Note, type ReaderContext, UploadError } from "../reader.ts";
import type { RowStream, SourceColumn } from "../../source.ts";
import { toBatches } from "../../text_rows.ts";
import type { ColumnType, TextBatch } from "../../../table/table.ts";
import { toUtf8 } from "../utf8_text.ts";
import { detectSeparator, separatorHint } from "./dialect.ts";
import { createCellReader, createFieldChecks } from "./fields.ts";
import { readSample } from "./sample.ts";
import { CsvScanner } from "./scanner.ts";
import { explain, openRows, type TextOfRows, UNNOTED } from "./text_of_rows.ts";

/** Bytes of the text that tell the separator. */
const DIALECT_BYTES = 256 * 1024;

/**
 * Opens delimited text.
 *
 * @param open begins to read the file anew
 * @param separator what the format has between fields; absent: it is detected
 * @throws {UploadError} where the file is no such text
 */
export async function openCsv(
  open: () => ByteReader,
  context: ReaderContext,
  separator?: string,
): Promise<RowStream> {
  const { reading, note, limits } = context;
  const label = reading.encoding ?? await findEncoding(open, note);
  const text = (note: Note) => toUtf8(open(), label, note);
  const { begin, whole } = await readBegin(text(UNNOTED));
  const hint = separatorHint(begin);
  const quote = reading.quote === "" ? -1 : (reading.quote ?? '"').charCodeAt(0);
  const found = reading.separator ?? hint?.separator ?? separator ??
    detectSeparator(begin, quote, whole);
  const dialect = { separator: found.charCodeAt(0), quote };
  const source = { text, dialect, skipped: hint?.bytes ?? 0, maxRow: limits.maxRow };
  return await openStream(source, context);
}

/** The begin of a text, and whether it is all of it. */
async function readBegin(text: ByteReader) {
  const begin = new Uint8Array(DIALECT_BYTES);
  let bytes = 0;
  let whole = false;
  try {
    while (bytes < begin.length && !whole) {
      const piece = (await text.read())?.subarray(0, begin.length - bytes);
      whole = piece === undefined;
      begin.set(piece ?? [], bytes);
      bytes += piece?.length ?? 0;
    }
  } finally {
    await text.close();
  }
  if (bytes === 0) throw new UploadError("it is empty");
  if (begin.subarray(0, bytes).includes(0)) {
    throw new UploadError("it is no text: a byte of it is zero");
  }
  return { begin: begin.subarray(0, bytes), whole };
}

async function openStream(
  source: TextOfRows,
  { reading, types: declared, note, limits, batchRows, text = false }: ReaderContext,
): Promise<RowStream> {
  const evidence = await readSample(source);
  const width = evidence.length;
  const header = reading.header ?? isHeader(evidence);
  const names = columnNames(
    header ? evidence.map(({ first }) => first) : undefined,
    width,
    (name) => note("column-unnamed", name),
  );
  // What is declared is made of the text as it is (`to_table.ts`), and counted there.
  const types = names.map((name, index): ColumnType => {
    if (Object.hasOwn(declared, name)) return "string";
    const { firstType, type } = evidence[index]!;
    if (header || firstType === undefined) return type ?? "string";
    return joinTypes(type, firstType);
  });

  const scanner = new CsvScanner(source.dialect, { width });
  const batches = await openRows(source, scanner, note);
  const checks = createFieldChecks(types);
  let passHeader = header;
  let cells = 0;

  /** The next rows; undefined at the end. */
  async function next(): Promise<TextBatch | undefined> {
    if (passHeader) await batches.next(1);
    passHeader = false;
    const length = await batches.next(batchRows);
    if (length === 0) return undefined;
    cells += length * width;
    if (cells > limits.maxCells) {
      throw new UploadError(`it has more than the ${limits.maxCells} cells that are read`);
    }
    const { bytes } = batches;
    const { bounds } = scanner;
    checks.count(bytes, bounds, length, (column) => note("other-type", names[column]!));
    return { bytes, bounds, length };
  }

  const rows = {
    // Text in a column of numbers is written as the text that it is, with what guards against formulas.
    forms: types.map((type) => type === "boolean" ? "other" as const : "text" as const),
    readCell: createCellReader(types, batches),
    batches: new ReadableStream<TextBatch>({
      async pull(controller) {
        try {
          const batch = await next();
          if (batch) return controller.enqueue(batch);
          if (scanner.shortRows > 0) note("short-row", undefined, scanner.shortRows);
          await batches.close();
          controller.close();
        } catch (error) {
          await batches.close();
          throw await explain(error, source);
        }
      },
      cancel: () => batches.close(),
    }, { highWaterMark: 0 }),
  };
  const columns = names.map((name, index): SourceColumn => ({ name, type: types[index]! }));
  return { columns, batches: toBatches(rows), ...(text ? { text: rows } : {}) };
}
