/** Reads rows from a generator in TypeScript. */

import { type ModuleSource, PARAM_CHECKS } from "../define_source.ts";
import type { ModuleConfig } from "./config.ts";
import { createRowReader } from "./cells.ts";
import { moduleUrl } from "./file.ts";
import { readBatches, release, toSourceError } from "./rows.ts";
import {
  BATCH_ROWS,
  type ParamValue,
  type Query,
  type ReadOptions,
  type RowStream,
  type SourceColumn,
  type SourceDriver,
  SourceError,
} from "../source.ts";
import { COLUMN_TYPES, type ColumnType } from "../../table/table.ts";

/**
 * Row generators in TypeScript. The file is loaded once by each of its worker processes, which have no
 * other source, and not checked for its types; it can do what its source has permissions for.
 */
export const moduleDriver: SourceDriver<ModuleConfig> = {
  open,
  describe,
};

/** Loads a file, compares it with the export, and says which columns it declares; it makes no row. */
async function describe(
  { path }: ModuleConfig,
  query: Query | undefined,
  { signal }: Pick<ReadOptions, "signal"> = {},
): Promise<readonly SourceColumn[] | undefined> {
  signal?.throwIfAborted();
  const source = await orAborted(load(path), signal);
  if (query === undefined) return undefined;
  checkTypes(source, query.types ?? {});
  return columnsOf(source);
}

/** The columns that a module declares: what its rows hold is of these types, or it breaks. */
function columnsOf({ columns }: ModuleSource): readonly SourceColumn[] {
  return Object.entries(columns).map(([name, type]) => ({ name, type, strict: true }));
}

async function open(
  { path, max_row: maxRow }: ModuleConfig,
  { params }: Query,
  { signal, batchRows = BATCH_ROWS }: ReadOptions = {},
): Promise<RowStream> {
  signal?.throwIfAborted();
  const source = await orAborted(load(path), signal);
  checkParams(source, params);
  const columns = Object.entries(source.columns) as [string, ColumnType][];

  const controller = new AbortController();
  const abort = (reason: unknown) => controller.abort(reason);
  let iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  try {
    // A param that the module declares was checked to be of its type.
    const rows = source.rows({ params: params as never, signal: controller.signal });
    iterator = iteratorOf(rows);
    const next = Promise.try(iterator.next.bind(iterator));
    const first = await orAborted(next, signal);
    const readRow = createRowReader(columns);
    return {
      columns: columnsOf(source),
      batches: readBatches({ iterator, first, readRow, maxRow, batchRows, abort }),
    };
  } catch (error) {
    if (iterator) await release({ iterator, abort }, error);
    else abort(error);
    throw signal?.aborted ? signal.reason : toSourceError(error);
  }
}

/** Loads a file, and makes sure that it is what it should be. */
async function load(path: string): Promise<ModuleSource> {
  const { href } = moduleUrl(path);
  let loaded: { readonly default?: unknown };
  try {
    loaded = await import(href);
  } catch (error) {
    // It may be a mistake in the file, whose message holds the path: the cause keeps it for the log.
    throw new SourceError("Cannot open source: the module cannot be loaded", {
      cause: error instanceof Error ? error : new Error(String(error)),
    });
  }
  const source = loaded.default;
  if (!isObject(source)) throw refused("has no default export that is an object");
  const { columns, params = {}, rows } = source;
  if (!isObject(columns) || Object.keys(columns).length === 0) throw refused("has no `columns`");
  for (const [name, type] of Object.entries(columns)) {
    if (!(COLUMN_TYPES as readonly unknown[]).includes(type)) {
      throw refused(`gives column ${JSON.stringify(name)} no type that there is`);
    }
  }
  if (!isObject(params)) throw refused("has `params` that are not an object");
  for (const [name, declared] of Object.entries(params)) {
    if (Array.isArray(declared) || Object.hasOwn(PARAM_CHECKS, itemTypeOf(String(declared)))) {
      continue;
    }
    throw refused(`gives param ${JSON.stringify(name)} no type that there is`);
  }
  if (typeof rows !== "function") throw refused("has no function `rows`");
  return source as unknown as ModuleSource;
}

function refused(reason: string): SourceError {
  return new SourceError(`Cannot open source: the module ${reason}`);
}

/** Two files that can disagree name the same params, or one of them is wrong. */
function checkNames(declared: object, given: object): void {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(declared, name)) continue;
    throw refused(`does not declare the param ${JSON.stringify(name)} of the export`);
  }
  for (const name of Object.keys(declared)) {
    if (Object.hasOwn(given, name)) continue;
    throw refused(`wants a param ${JSON.stringify(name)}, which the export does not declare`);
  }
}

/** Compares what the module declares with what the export gives it. */
function checkParams({ params: declared = {} }: ModuleSource, given: Query["params"]): void {
  checkNames(declared, given);
  for (const [name, type] of Object.entries(declared)) {
    const value = given[name]!;
    if (typeof type !== "string") {
      if (value === null || type.includes(String(value))) continue;
      throw refused(`does not know the value of the param ${JSON.stringify(name)}`);
    }
    if (value === null ? type.endsWith("?") : isOfType(type, value)) continue;
    const kind = value === null ? "null" : "something else";
    throw refused(`wants ${type} for the param ${JSON.stringify(name)}, and is given ${kind}`);
  }
}

function isOfType(type: string, value: ParamValue): boolean {
  const isItem = PARAM_CHECKS[itemTypeOf(type)];
  return isListType(type) ? Array.isArray(value) && value.every(isItem) : isItem(value);
}

/** The type of a declaration's values: `integer` of `integer[]?`. */
function itemTypeOf(type: string): keyof typeof PARAM_CHECKS {
  return type.replace(/(?:\[\])?\??$/, "") as keyof typeof PARAM_CHECKS;
}

function isListType(type: string): boolean {
  return /\[\]\??$/.test(type);
}

/** Compares the types that the module declares with the export's, of which some are others' text. */
function checkTypes(
  { params: declared = {} }: ModuleSource,
  types: NonNullable<Query["types"]>,
): void {
  checkNames(declared, types);
  for (const [name, type] of Object.entries(declared)) {
    const own = types[name]!;
    const expected = typeof type === "string" ? type : "enum";
    const fits = isListType(own) === isListType(expected) &&
      FITTING[itemTypeOf(expected) as keyof typeof FITTING].includes(own.replace("[]", ""));
    if (!fits) {
      throw refused(
        `wants ${expected} for the param ${JSON.stringify(name)}, and the export's is ${own}`,
      );
    }
  }
}

/** What the types of a module's params take, of those of an export's. */
const FITTING: Readonly<Record<keyof typeof PARAM_CHECKS | "enum", readonly string[]>> = {
  string: ["string", "date", "datetime", "enum"],
  integer: ["integer"],
  number: ["number"],
  boolean: ["boolean"],
  date: ["date"],
  datetime: ["datetime"],
  enum: ["enum"],
};

function iteratorOf(rows: unknown): AsyncIterator<unknown> | Iterator<unknown> {
  const iterable = rows as AsyncIterable<unknown> & Iterable<unknown> | null | undefined;
  const iterator = iterable?.[Symbol.asyncIterator]?.() ?? iterable?.[Symbol.iterator]?.();
  if (!iterator) throw refused("has a function `rows` that gives nothing to iterate over");
  return iterator;
}

/** Waits for a promise, or until a signal ends the waiting. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
    // Whichever comes second is ignored.
    promise.catch(() => {});
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
