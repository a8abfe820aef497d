/** Reads rows from an uploaded file, which is on a disk. */

import { listed, quoted } from "../quoted.ts";
import { toBatches } from "../text_rows.ts";
import type { UploadConfig } from "./config.ts";
import { findContent, type UploadContent } from "./content.ts";
import { openCsv } from "./csv/mod.ts";
import { type OpenedFile, openFile, openScratch } from "./files.ts";
import { openJson } from "./json.ts";
import { type ReaderContext, type ScratchFile, UploadError } from "./reader.ts";
import {
  BATCH_ROWS,
  type Query,
  type ReadOptions,
  type RowStream,
  type SourceDriver,
  SourceError,
} from "../source.ts";

/** Makes the driver, whose files are opened by a function: a test has others than the disk's. */
export function createUploadDriver(open: (path: string) => OpenedFile): SourceDriver<UploadConfig> {
  return {
    open: (config, _query: Query, options = {}) => openUpload(config, options, open),
  };
}

/** A file has no query: it is one table. */
export const uploadDriver: SourceDriver<UploadConfig> = createUploadDriver(openFile);

async function openUpload(
  config: UploadConfig,
  { types = {}, batchRows = BATCH_ROWS, text = false, note = () => {}, signal }: ReadOptions,
  open: (path: string) => OpenedFile,
): Promise<RowStream> {
  signal?.throwIfAborted();
  using opened = new DisposableStack();
  let scratch: ScratchFile | undefined;
  const { scratch: allowed } = config;
  const context: ReaderContext = {
    types,
    batchRows,
    text,
    note,
    reading: config,
    limits: { maxCells: config.max_cells, maxRow: config.max_row },
    signal,
    ...(allowed
      ? { scratch: () => scratch ??= opened.use(openScratch(allowed.path, allowed.maxBytes)) }
      : {}),
  };
  try {
    const file = opened.use(open(config.path));
    const content = await findContent(file, { ...context, format: config.format });
    const { format } = content;
    if (config.formats && !config.formats.includes(format)) {
      throw new UploadError(`it is ${format}, which is not read here`, { kind: "type" });
    }
    const stream = await readContent(content, context);
    try {
      checkTypes(types, stream);
      signal?.throwIfAborted();
    } catch (error) {
      await (stream.text ?? stream).batches.cancel(error);
      throw error;
    }
    return releasing(stream, opened.move());
  } catch (error) {
    if (signal?.aborted || error instanceof SourceError) throw error;
    throw new SourceError("Cannot open source: the file cannot be read", { cause: error });
  }
}

/** Refuses types of columns that are not there. */
function checkTypes(types: ReaderContext["types"], { columns }: RowStream): void {
  const names = columns.map(({ name }) => name);
  const unknown = Object.keys(types).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new UploadError(`it has no column ${quoted(unknown)}, but ${listed(names)}`, {
    option: "_types",
  });
}

async function readContent(content: UploadContent, context: ReaderContext): Promise<RowStream> {
  switch (content.format) {
    case "xlsx": {
      const { xlsx } = await import("./xlsx/mod.ts");
      return await xlsx.open(content.file, context);
    }
    case "csv":
      return await openCsv(content.open, context);
    case "tsv":
      return await openCsv(content.open, context, "\t");
    case "json":
    case "ndjson":
      return await openJson(content.open, context, content.format === "ndjson");
  }
}

/** The same stream, which closes the files when it ends, fails or is cancelled. */
function releasing({ columns, batches, text }: RowStream, files: Disposable): RowStream {
  if (!text) return { columns, batches: releaseAfter(batches, files) };
  const rows = { ...text, batches: releaseAfter(text.batches, files) };
  return { columns, text: rows, batches: toBatches(rows) };
}

function releaseAfter<T>(stream: ReadableStream<T>, files: Disposable): ReadableStream<T> {
  const reader = stream.getReader();
  return new ReadableStream<T>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        files[Symbol.dispose]();
        controller.close();
      } catch (error) {
        files[Symbol.dispose]();
        if (error instanceof SourceError) throw error;
        throw new SourceError("Cannot read the file", { cause: error });
      }
    },
    async cancel(reason) {
      await reader.cancel(reason);
      files[Symbol.dispose]();
    },
  }, { highWaterMark: 0 });
}
