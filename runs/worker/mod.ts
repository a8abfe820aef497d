/** A worker: runs tasks beside each other, from source to chunks, on the word of the server. */

import { createHash } from "node:crypto";
import { loadExporter } from "../../exporters/mod.ts";
import { type Exporter, type IdleCores, TableError } from "../../exporters/exporter.ts";
import { Warnings } from "../../exporters/warnings.ts";
import { loadDriver } from "../../sources/mod.ts";
import { ColumnError, toTable } from "../../sources/to_table.ts";
import {
  type InvalidText,
  type RowStream,
  type SourceColumn,
  SourceError,
} from "../../sources/source.ts";
import type { Note } from "../../sources/notes.ts";
import { withRetry } from "../../sources/retry.ts";
import { UploadError } from "../../sources/upload/reader.ts";
import { mapStream } from "../../table/map_stream.ts";
import { messageOf } from "../../table/message_of.ts";
import type { Batch, ColumnType, Table, TextBatch } from "../../table/table.ts";
import { encodeContent } from "./content_coding.ts";
import { followColumns, type Followed } from "./follow_columns.ts";
import { limitRows, type RowLimit } from "./limit_rows.ts";
import { ChunkWriter, FrameWriter } from "./frame_writer.ts";
import {
  type Command,
  type FileDigest,
  FRAME,
  type FrameType,
  NO_TASK,
  parseCommand,
  type RunTask,
  type TableTask,
  type TaskColumns,
  type TaskFailure,
  type TaskTimes,
  type UploadFailure,
} from "../protocol.ts";
import { Stopwatch } from "./stopwatch.ts";
import { Turns } from "./turns.ts";
import { sendHealth } from "./health.ts";
import { lowerPriority } from "./priority.ts";

/** Milliseconds after which a chunk that is not full is sent: proxies end what stays silent. */
const CHUNK_MS = 500;

/** Milliseconds between reports that rows still come, however few bytes they make. */
const PROGRESS_MS = 1000;

/** What a task may still send, in bytes; a task that has none left waits. */
class Credit {
  #bytes: number;
  #wake: (() => void) | undefined;
  readonly #client = new Stopwatch();

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    this.#wake?.();
  }

  spend(bytes: number): void {
    this.#bytes -= bytes;
  }

  async available(): Promise<void> {
    while (this.#bytes <= 0) {
      await this.#client.time(() => new Promise<void>((resolve) => this.#wake = resolve));
    }
  }

  /** Milliseconds for which there was none. */
  get waited(): number {
    return this.#client.total;
  }
}

/** Passes batches on, counts their rows and measures how long they are waited for. */
function countRows<T extends Batch | TextBatch>(
  batches: ReadableStream<T>,
  count: (rows: number) => void,
  source: Stopwatch,
): ReadableStream<T> {
  const reader = batches.getReader();
  const timed = {
    read: () => source.time(() => reader.read()),
    cancel: (reason: unknown) => reader.cancel(reason),
  };
  return mapStream(timed, (batch) => {
    count(batch.length);
    return batch;
  });
}

/** The types that an export declares, by column name. */
function declaredTypes(columns: TableTask["columns"]): Record<string, ColumnType> {
  const types = Object.create(null) as Record<string, ColumnType>;
  for (const [name, { type }] of Object.entries(columns)) if (type) types[name] = type;
  return types;
}

/** Thrown for a table that has more rows than it may. */
class RowLimitError extends Error {}

/** Thrown for a task that may hold the thread, and shares it with others. */
class DeclinedError extends Error {}

/** Whether a query may hold the thread, told of each as it is opened, and again when it has ended. */
interface Blocking {
  /** Refuses a query that may; nothing of it has run. */
  check(stream: RowStream): void;
  /** Whether one may, as far as is known now. */
  readonly mayBlock: boolean;
}

function watchBlocking(exclusive: boolean): Blocking {
  const streams: RowStream[] = [];
  const mayBlock = () => streams.some((stream) => stream.mayBlock === true);
  return {
    check(stream) {
      streams.push(stream);
      if (!exclusive && mayBlock()) throw new DeclinedError();
    },
    get mayBlock() {
      return mayBlock();
    },
  };
}

/** Counts text that was not valid, in the columns that are written. */
function countsInvalidText(warnings: Warnings, select: TableTask["select"]): InvalidText {
  return {
    get suspected() {
      return warnings.textSuspected;
    },
    count(column) {
      if (select?.includes(column) ?? true) warnings.count("invalid-text", column);
    },
  };
}

/** A table, and all columns that its query gives. */
interface Opened {
  readonly table: Table;
  /** The highest values of columns that are followed, once all rows have passed. */
  readonly highest: Followed["highest"];
  readonly columns: readonly SourceColumn[];
}

/** Opens the source and reads its first batch, so that what cannot be read fails before any byte. */
async function openTable(
  task: TableTask,
  text: boolean,
  { run, traceparent, stopped: signal, blocking, warnings, firstRow }: TaskContext,
): Promise<Opened> {
  const driver = await loadDriver(task.source.type);
  const types = declaredTypes(task.columns);
  return await withRetry(async () => {
    const config = task.source.config as never;
    const invalidText = countsInvalidText(warnings, task.select);
    const note: Note = (kind, where, times) => {
      // A column that is not written has nothing to be told of.
      if (kind === "other-type" && !(task.select?.includes(where!) ?? true)) return;
      warnings.count(kind, where, times);
    };
    const options = { types, text, run, traceparent, signal, keep: true, invalidText, note };
    const stream = await driver.open(config, task.query, options);
    try {
      blocking.check(stream);
    } catch (error) {
      await (stream.text ?? stream).batches.cancel(error);
      throw error;
    }
    const count = (column: string) => warnings.count("other-type", column);
    const followed = await follow(stream, task.follow);
    const table = await firstRow.time(() => toTable(followed.stream, task, count));
    const columns = typed(stream.columns, table.columns, task.masks);
    return { table, columns, highest: followed.highest };
  }, signal);
}

/** Follows columns of rows, where some are. */
async function follow(stream: RowStream, columns: TableTask["follow"]): Promise<Followed> {
  if (!columns) return { stream, highest: () => ({}) };
  try {
    return followColumns(stream, columns);
  } catch (error) {
    await (stream.text ?? stream).batches.cancel(error);
    throw error;
  }
}

/**
 * The columns with the types that the export declares, the source has or, where they are written, cells show;
 * what is written of a hidden one is not what it is.
 */
function typed(
  columns: readonly SourceColumn[],
  written: readonly SourceColumn[],
  masks: TableTask["masks"] = {},
): readonly SourceColumn[] {
  return columns.map(({ name, type: own }) => {
    const hidden = Object.hasOwn(masks, name);
    const type = hidden ? own : written.find((column) => column.name === name)?.type ?? own;
    return type === undefined ? { name } : { name, type };
  });
}

/** Says which columns the queries of a task give, or opens their sources. */
async function describeTables(
  { tables, describe }: RunTask,
  signal: AbortSignal,
): Promise<readonly TaskColumns[]> {
  const described: TaskColumns[] = [];
  for (const { source, query } of tables) {
    const driver = await loadDriver(source.type);
    const asked = describe === "columns" ? query : undefined;
    described.push(await driver.describe?.(source.config as never, asked, { signal }) ?? null);
  }
  return described;
}

/**
 * Opens all sources of a task. Not one after the other as they are written: a table that cannot be
 * read must not break a file that has begun.
 */
async function openTables(
  task: RunTask,
  { readsText: text = false }: Exporter,
  context: TaskContext,
): Promise<Opened[]> {
  const opened: Opened[] = [];
  try {
    for (const table of task.tables) opened.push(await openTable(table, text, context));
    return opened;
  } catch (error) {
    await cancelTables(opened.map(({ table }) => table), error);
    throw error;
  }
}

async function cancelTables(tables: readonly Table[], reason: unknown): Promise<void> {
  await Promise.allSettled(tables.map((table) => (table.text ?? table).batches.cancel(reason)));
}

/** Turns tables into the bytes of the task's format and content coding. */
async function encodeTables(
  tables: readonly Table[],
  exporter: Exporter,
  task: RunTask,
  { warnings, cores, plain }: Pick<TaskContext, "warnings" | "cores" | "plain">,
) {
  // The format itself made them (`toExporterOptions`).
  const options = task.options as never;
  try {
    const [table] = tables;
    const bytes = tables.length === 1
      ? exporter.encode(table!, options, warnings, cores)
      : exporter.encodeAll!(tables, options, warnings, cores);
    return encodeContent(bytes, task.coding, (chunk) => plain?.update(chunk));
  } catch (error) {
    await cancelTables(tables, error);
    throw error;
  }
}

/** What a task has of its worker. */
interface TaskContext {
  /** Its number, which its frames carry. */
  readonly task: number;
  /** The run's id. */
  readonly run: string;
  /** The trace that it belongs to. */
  readonly traceparent: string | undefined;
  /** What it may still send. */
  readonly credit: Credit;
  /** Cores besides the worker's own. */
  readonly cores: IdleCores;
  /** Aborted when no client wants its file any more. */
  readonly stopped: AbortSignal;
  /** What the server reads. */
  readonly frames: FrameWriter;
  /** Its turns among the worker's tasks. */
  readonly turns: Turns;
  /** Whether its queries may hold the thread. */
  readonly blocking: Blocking;
  /** Counts what was not written as it was. */
  readonly warnings: Warnings;
  /** The file before its content coding; absent where it has none. */
  readonly plain: PlainFile | undefined;
  /** How long rows were waited for. */
  readonly source: Stopwatch;
  /** How long of that the first ones were, once their queries ran. */
  readonly firstRow: Stopwatch;
}

/** Counts and digests the bytes of a file before its content coding. */
class PlainFile {
  readonly #hash = createHash("sha256");
  #bytes = 0;

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
  }

  finish(): FileDigest {
    return { bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }
}

/** Runs a task to its end, or until it is stopped, and says what became of it; never rejects. */
async function runTask(task: RunTask, context: TaskContext): Promise<void> {
  const { stopped } = context;
  const progress: Progress = { rows: 0 };
  const began = performance.now();
  const over = () => ({ ...progress, times: timesSince(began, context) });
  const send = (type: FrameType, value?: unknown) =>
    void context.frames.send(type, context.task, value === undefined ? NOTHING : toJson(value));
  try {
    const end = task.describe
      ? { warnings: [], columns: await describeTables(task, stopped) }
      : await makeFile(task, progress, context, send);
    if (stopped.aborted) return send(FRAME.cancelled, over());
    send(FRAME.end, { ...over(), ...end });
  } catch (error) {
    if (stopped.aborted) send(FRAME.cancelled, over());
    else if (error instanceof DeclinedError) send(FRAME.declined);
    else send(FRAME.failure, { ...over(), ...toFailure(error, task) });
  }
}

/** What a task waited for, since it began. What two waited for at once counts for both. */
function timesSince(
  began: number,
  { source: { total: source }, credit: { waited: client } }: TaskContext,
): TaskTimes {
  return { source, encode: Math.max(0, performance.now() - began - source - client), client };
}

const NOTHING = new Uint8Array();

/** How far a task is; the same object to its end. */
interface Progress {
  rows: number;
  truncated?: string[];
}

/** Opens the tables of a task and sends its file. */
async function makeFile(
  task: RunTask,
  progress: Progress,
  context: TaskContext,
  send: (type: FrameType, value: unknown) => void,
) {
  const { blocking, warnings, source, firstRow, plain } = context;
  const exporter = await loadExporter(task.format);
  const opened = await source.time(() => openTables(task, exporter, context));
  const { mayBlock } = blocking;
  send(FRAME.opened, { mayBlock, firstRow: firstRow.total });
  await writeFile(opened.map(({ table }) => table), exporter, task, progress, context);
  return {
    warnings: warnings.list(),
    columns: opened.map(({ columns }) => columns),
    ...(blocking.mayBlock && !mayBlock ? { mayBlock: true } : {}),
    ...(plain ? { file: plain.finish() } : {}),
    ...(task.tables.some(({ follow }) => follow)
      ? { highest: opened.map(({ highest }) => highest()) }
      : {}),
  };
}

/** Sends the file of a task, the first chunk at once and the others full; counts its rows. */
async function writeFile(
  tables: readonly Table[],
  exporter: Exporter,
  task: RunTask,
  progress: Progress,
  context: TaskContext,
): Promise<void> {
  const { task: number, credit, stopped, frames, turns, source } = context;
  let reported = performance.now();
  const count = (rows: number) => {
    progress.rows += rows;
    const now = performance.now();
    if (now - reported < PROGRESS_MS) return;
    reported = now;
    void frames.send(FRAME.progress, number, toJson(progress));
  };
  const names = task.export.split(",");
  /** At once, so that it is known with the first chunk where that holds the whole file. */
  function tellTruncated(name: string): void {
    (progress.truncated ??= []).push(name);
    void frames.send(FRAME.progress, number, toJson(progress));
  }
  const counted = tables.map(({ text, ...table }, index): Table => {
    const { maxRows = Infinity, truncate = false } = task.tables[index]!;
    const limit: RowLimit = {
      maxRows,
      onMore() {
        const name = names[index]!;
        if (truncate) return void tellTruncated(name);
        return new RowLimitError(
          `The export ${name} has more rows than the ${maxRows} that it may have for you`,
        );
      },
    };
    const pass = <T extends Batch | TextBatch>(batches: ReadableStream<T>): ReadableStream<T> =>
      countRows(maxRows === Infinity ? batches : limitRows(batches, limit), count, source);
    return text
      ? { ...table, text: { ...text, batches: pass(text.batches) } }
      : { ...table, batches: pass(table.batches) };
  });
  const reader = (await encodeTables(counted, exporter, task, context)).getReader();
  const stop = () => {
    credit.add(Infinity);
    void reader.cancel(stopped.reason).catch(() => {});
  };
  if (stopped.aborted) stop();
  else stopped.addEventListener("abort", stop, { once: true });

  const chunks = new ChunkWriter(frames, number, (bytes) => credit.spend(bytes));
  for (let first = true;; first = false) {
    await credit.available();
    const { done, value } = await reader.read();
    if (done) break;
    if (first) {
      chunks.sendAlone(value);
      continue;
    }
    await chunks.add(value);
    if (chunks.silence > CHUNK_MS) await chunks.flush();
    await turns.next(value.length);
  }
  if (!stopped.aborted) await chunks.flush();
}

/** A line of it: Deno writes to the standard output by lines, and what follows the last one in a write of its own. */
function toJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`);
}

/** What the server is told about an error. */
function toFailure(error: unknown, { tables: [table] }: RunTask): Omit<TaskFailure, "rows"> {
  const params = error instanceof SourceError ? error.params : [];
  // A file of the server's own that is broken is not its caller's.
  const upload = error instanceof UploadError && table?.source.uploaded ? error : undefined;
  const kind = upload
    ? "upload"
    : error instanceof SourceError
    ? params.length > 0 ? "param" : "source"
    : error instanceof ColumnError
    ? "column"
    : error instanceof TableError
    ? "table"
    : error instanceof RowLimitError
    ? "limit"
    : "internal";
  const message = messageOf(error);
  const reason = causeOf(error);
  return {
    kind,
    message,
    detail: Deno.inspect(error, { colors: false }),
    ...(params.length > 0 ? { params } : {}),
    ...(upload ? { upload: toUploadFailure(upload) } : {}),
    ...(reason === undefined || message.includes(reason) ? {} : { reason }),
  };
}

function toUploadFailure({ kind, position, option }: UploadError): UploadFailure {
  return { unread: kind === "type", position, ...(option === undefined ? {} : { option }) };
}

/** What the innermost cause of an error says; nothing where it has none. */
function causeOf(error: unknown): string | undefined {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  return inner !== error && inner instanceof Error ? inner.message : undefined;
}

/** Reads lines of text. */
async function* lines(input: { read(into: Uint8Array): Promise<number | null> }) {
  const buffer = new Uint8Array(64 * 1024);
  const decoder = new TextDecoder();
  let rest = "";
  for (let count; (count = await input.read(buffer)) !== null;) {
    const parts = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

/** Milliseconds after which a worker that has started, and has no task, prepares for its first one. */
const WARM_UP_MS = 100;

/** The formats that are written most, and between them run what all of them do. */
const WARM_UP_FORMATS = ["csv", "xlsx"] as const;

/** No option of theirs is required. */
const DEFAULTS = {} as never;

/**
 * Loads what tasks will ask for, writes a small file and drops it: the first one takes 5 ms more than the
 * second as CSV, and 80 as XLSX, as code is loaded and compiled when it first runs.
 */
async function warmUp(kinds: readonly string[]): Promise<void> {
  for (const kind of kinds) await loadDriver(kind).catch(() => {});
  for (const format of WARM_UP_FORMATS) {
    const table: Table = {
      title: "",
      columns: [{ name: "at", title: "at", type: "datetime" }],
      batches: ReadableStream.from<Batch>([[["2025-01-01T00:00:00Z"]]]),
    };
    const cores = { idle: 0 };
    const exporter = await loadExporter(format);
    for await (const _ of exporter.encode(table, DEFAULTS, new Warnings(), cores));
  }
}

/** Signals that are the server's business; Windows has no SIGHUP. */
const SERVER_SIGNALS: readonly Deno.Signal[] = [
  "SIGINT",
  "SIGTERM",
  ...(Deno.build.os === "windows" ? [] : ["SIGHUP"] as const),
];

/** A task in hand, as far as commands need it. */
interface TaskInHand {
  readonly credit: Credit;
  readonly stop: AbortController;
}

/**
 * Obeys commands until the server closes the pipe: a worker never outlives its server.
 *
 * @param kinds the kinds of sources that it will be asked for
 */
export async function serveCommands(kinds: readonly string[]): Promise<void> {
  // The output belongs to the frames: one stray line would break them.
  console.log = console.info = console.debug = console.error;
  // A terminal and a service manager signal the whole group, and `pkill` all of a name: a server that drains,
  // or reads its configuration again, needs its workers.
  for (const signal of SERVER_SIGNALS) Deno.addSignalListener(signal, () => {});
  // Where the server is gone, so is everybody who could be told.
  const frames = new FrameWriter(Deno.stdout, () => Deno.exit(0));
  const tasks = new Map<number, TaskInHand>();
  const turns = new Turns(() => tasks.size);
  // Threads stay for the next task: this process is ended, and does not wait for them.
  const cores = { idle: 0, keepThreads: true };

  function obey(command: Command): void {
    if ("start" in command) {
      const { start, task, run, exclusive } = command;
      const credit = new Credit(command.credit);
      const stop = new AbortController();
      tasks.set(task, { credit, stop });
      const blocking = watchBlocking(exclusive);
      const stopped = stop.signal;
      const context = {
        ...{ task, run, credit, cores, stopped, frames, turns, blocking },
        traceparent: start.traceparent,
        warnings: new Warnings(),
        source: new Stopwatch(),
        firstRow: new Stopwatch(),
        plain: start.coding === "identity" ? undefined : new PlainFile(),
      };
      void runTask(start, context).finally(() => tasks.delete(task));
    } else if ("idle" in command) {
      cores.idle = command.idle;
    } else if ("credit" in command) {
      tasks.get(command.task)?.credit.add(command.credit);
    } else {
      void frames.send(FRAME.stopping, command.task, NOTHING);
      tasks.get(command.task)?.stop.abort();
    }
  }

  lowerPriority();
  void frames.send(FRAME.ready, NO_TASK, NOTHING);
  sendHealth(frames, () => tasks.size > 0);
  const timer = setInterval(() => {
    if (tasks.size > 0) return;
    clearInterval(timer);
    // What fails here is told to whom asks for it.
    void warmUp(kinds).catch(() => {});
  }, WARM_UP_MS);
  for await (const line of lines(Deno.stdin)) obey(parseCommand(line));
  Deno.exit(0);
}

if (import.meta.main) await serveCommands(Deno.args);
