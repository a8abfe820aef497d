/** Reads rows from a web service: one request, whose response is NDJSON, a JSON array or CSV. */

import { createCsvReader } from "./csv_rows.ts";
import { openBody, reach } from "./body.ts";
import type { HttpConfig } from "./config.ts";
import { toRequest } from "./request.ts";
import { readRows } from "./rows.ts";
import { createJsonReader } from "./json_cells.ts";
import { createJsonSplitter } from "./json_rows.ts";
import { createNdjsonSplitter } from "./ndjson_rows.ts";
import type { RowReader, RowReaderSettings } from "./row_reader.ts";
import {
  BATCH_ROWS,
  type Query,
  type ReadOptions,
  type RowStream,
  type SourceDriver,
  SourceError,
} from "../source.ts";

/**
 * HTTP/1.1, through `fetch`.
 *
 * A query is what follows the source's URL, and need not be. The rows are read as the response comes,
 * and no faster than they are pulled; a cancel closes the connection. Redirects are not followed.
 */
export const httpDriver: SourceDriver<HttpConfig> = {
  open: openQuery,
  describe,
};

/** Reaches the upstream, and checks the request that would be sent; only rows tell their columns. */
async function describe(
  config: HttpConfig,
  query: Query | undefined,
  options: Pick<ReadOptions, "signal"> = {},
): Promise<undefined> {
  if (query === undefined) {
    await reach(config, options);
    return;
  }
  const filled = Object.entries(query.params).map(([name, value]) => [name, value ?? "x"] as const);
  toRequest(config, { ...query, params: Object.fromEntries(filled) });
}

async function openQuery(
  config: HttpConfig,
  query: Query,
  options: ReadOptions = {},
): Promise<RowStream> {
  const { types = {}, batchRows = BATCH_ROWS, signal } = options;
  const body = await openBody(config, toRequest(config, query), options);
  const abort = () => void body.close();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const reader = createReader(config.format, {
      types,
      maxRow: config.max_row,
      ...(config.columns ? { columns: config.columns } : {}),
    });
    const stream = await readRows(body, reader, {
      batchRows,
      requireCount: config.require_count,
      otherwise: Object.keys(types),
    });
    signal?.throwIfAborted();
    return stream;
  } catch (error) {
    await body.close();
    if (signal?.aborted || error instanceof SourceError) throw error;
    throw new SourceError("Cannot read the query", { cause: error });
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

function createReader(format: HttpConfig["format"], settings: RowReaderSettings): RowReader {
  switch (format) {
    case "csv":
      return createCsvReader(settings);
    case "json":
      return createJsonReader(createJsonSplitter(settings.maxRow), settings);
    case "ndjson":
      return createJsonReader(createNdjsonSplitter(settings.maxRow), settings);
  }
}
