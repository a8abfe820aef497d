/** Turns what a source gives into the table that an exporter takes, its cells of their declared types. */

import { cellConverter, type ConvertCell } from "./converters.ts";
import { listed, quoted } from "./quoted.ts";
import { type RowStream, type SourceColumn, SourceError } from "./source.ts";
import { mapStream } from "../table/map_stream.ts";
import { createMask, type Mask, type MaskCell } from "../table/masks.ts";
import type {
  Batch,
  Cell,
  Column,
  ColumnSetting,
  ColumnType,
  Row,
  Table,
  TableStyle,
  TextRows,
} from "../table/table.ts";
import { chooseBounds, chooseText, convertText, toBatches } from "./text_rows.ts";

/** What an export makes of a query's rows. */
export interface TableSettings {
  /** What people call the table. */
  readonly title: string;
  /** What a worksheet makes of it. @default "plain" */
  readonly style?: TableStyle;
  /** Settings by the query's column name; where a name repeats, they are for each of its columns. */
  readonly columns: Readonly<Record<string, ColumnSetting>>;
  /**
   * The columns to write, by name and in order; where a name repeats in the query, it stands for all
   * of its columns. @default every column, in the query's order
   */
  readonly select?: readonly string[];
  /** How columns are hidden, by the query's name; they are text then. @default none is */
  readonly masks?: Readonly<Record<string, Mask>>;
  /** What hashes are keyed with. @default none are made */
  readonly maskKey?: string;
}

/** Called with each cell that is not of the type that the export declares for its column, by its name. */
export type CountOtherType = (column: string) => void;

/** A request for a column that is not there: the caller's mistake. */
export class ColumnError extends Error {
  override readonly name = "ColumnError";
  /** The name that was asked for. */
  readonly column: string;
  /** The names that there are, in order. */
  readonly columns: readonly string[];

  /** Says which column is missing, and which ones there are. */
  constructor(column: string, columns: readonly string[]) {
    super(`Cannot choose column ${quoted(column)}: there is ${listedColumns(columns)}`);
    this.column = column;
    this.columns = columns;
  }
}

/**
 * Makes a table of an open query. The first batch is read at once, so that a query that fails does so
 * while nothing is written yet; the others are read as they are pulled. Whatever goes wrong, the
 * stream is cancelled.
 *
 * A cell that is not of the type that the export declares becomes one where it stands for one, as
 * `converters.ts` says; else it stays what it is, and is counted. What makes them so is chosen here,
 * once a column, and columns that need nothing cost nothing.
 *
 * @param count told of each cell that stays what it is
 * @throws {ColumnError} when `select` names a column that the query does not give
 * @throws {SourceError} when the settings do, or when the first batch cannot be read
 */
export async function toTable(
  stream: RowStream,
  settings: TableSettings,
  count: CountOtherType = () => {},
): Promise<Table> {
  // What is hidden is no text of the source's.
  const { masks = {} } = settings;
  if (stream.text && Object.keys(masks).length === 0) {
    return await toTextTable(stream, stream.text, settings, count);
  }
  const reader = stream.batches.getReader();
  try {
    checkSettings(stream.columns, settings.columns);
    const indices = chooseColumns(stream.columns, settings.select);
    const { value: first } = await reader.read();
    const chosen = indices ?? [...stream.columns.keys()];
    const converters = chooseConverters(stream.columns, chosen, settings, count);
    const hidden = chooseMasks(stream.columns, chosen, settings);
    return {
      title: settings.title,
      ...(settings.style === undefined ? {} : { style: settings.style }),
      columns: describeColumns(stream.columns, chosen, settings, first),
      batches: mapStream(reader, createProjection(indices, converters, hidden) ?? same, first),
    };
  } catch (error) {
    // What went wrong first is what the caller is told; a source that is broken cannot be cancelled.
    await reader.cancel(error).catch(() => {});
    throw error;
  }
}

/** The same of rows that are text. */
async function toTextTable(
  stream: RowStream,
  text: TextRows,
  settings: TableSettings,
  count: CountOtherType,
): Promise<Table> {
  const reader = text.batches.getReader();
  try {
    checkSettings(stream.columns, settings.columns);
    const indices = chooseColumns(stream.columns, settings.select) ?? [...stream.columns.keys()];
    const { value: first } = await reader.read();
    const width = stream.columns.length;
    const columns = describeColumns(stream.columns, indices, settings, undefined);
    const converters = chooseConverters(stream.columns, indices, settings, count);
    const rows = {
      ...convertText(chooseText(text, indices), converters, columns),
      batches: mapStream(
        reader,
        settings.select ? (batch) => chooseBounds(batch, width, indices) : same,
        first,
      ),
    };
    return {
      title: settings.title,
      ...(settings.style === undefined ? {} : { style: settings.style }),
      columns,
      batches: toBatches(rows),
      text: rows,
    };
  } catch (error) {
    await reader.cancel(error).catch(() => {});
    throw error;
  }
}

function checkSettings(
  columns: readonly SourceColumn[],
  settings: Readonly<Record<string, ColumnSetting>>,
): void {
  const names = columns.map(({ name }) => name);
  const unknown = Object.keys(settings).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new SourceError(
    `Cannot set up column ${quoted(unknown)}: the query gives ${listedColumns(names)}`,
  );
}

/** The positions of the chosen columns; nothing where they are all of them and in their order. */
function chooseColumns(
  columns: readonly SourceColumn[],
  select: readonly string[] | undefined,
): readonly number[] | undefined {
  if (select === undefined) return undefined;
  const names = columns.map(({ name }) => name);
  const indices = select.flatMap((wanted) => {
    const found = names.flatMap((name, index) => name === wanted ? [index] : []);
    if (found.length === 0) throw new ColumnError(wanted, names);
    return found;
  });
  const asTheyAre = indices.length === names.length &&
    indices.every((index, position) => index === position);
  return asTheyAre ? undefined : indices;
}

function describeColumns(
  columns: readonly SourceColumn[],
  indices: readonly number[],
  settings: TableSettings,
  first: Batch | undefined,
): readonly Column[] {
  return indices.map((index) => {
    const column = columns[index]!;
    const setting = ownValue(settings.columns, column.name);
    return ownValue(settings.masks ?? {}, column.name) === undefined
      ? describe(column, setting, first, index)
      : describeHidden(column, setting);
  });
}

function describe(
  { name, type }: SourceColumn,
  { title = name, type: declared, ...presentation }: ColumnSetting = {},
  batch: Batch | undefined,
  index: number,
): Column {
  return {
    name,
    title,
    type: declared ?? type ?? inferType(batch, index),
    ...presentation,
  };
}

/** A hidden column is text, and nothing of what it was is shown. */
function describeHidden(
  { name }: SourceColumn,
  { title = name, width, align, wrap }: ColumnSetting = {},
): Column {
  return {
    name,
    title,
    type: "string",
    ...(width === undefined ? {} : { width }),
    ...(align === undefined ? {} : { align }),
    ...(wrap === undefined ? {} : { wrap }),
  };
}

/** The type of the first cell that is not null; text where the first batch has none. */
function inferType(batch: Batch | undefined, index: number): ColumnType {
  const cell = batch?.find((row) => (row[index] ?? null) !== null)?.[index] ?? null;
  switch (typeof cell) {
    case "boolean":
      return "boolean";
    case "bigint":
      return "integer";
    case "number":
      return Number.isInteger(cell) ? "integer" : "number";
    case "string":
      return "string";
    default:
      return cell === null ? "string" : "binary";
  }
}

const same = <T>(batch: T): T => batch;

/** What makes the cells of the chosen columns into ones of their declared types. */
function chooseConverters(
  columns: readonly SourceColumn[],
  indices: readonly number[],
  settings: TableSettings,
  count: CountOtherType,
): readonly (ConvertCell | undefined)[] {
  return indices.map((index) => {
    const column = columns[index]!;
    const declared = ownValue(settings.columns, column.name)?.type;
    return declared && cellConverter(column, declared, () => count(column.name));
  });
}

/** What hides the cells of the chosen columns, and where they are. */
function chooseMasks(
  columns: readonly SourceColumn[],
  indices: readonly number[],
  { masks = {}, maskKey }: TableSettings,
): readonly { readonly hide: MaskCell; readonly at: number }[] {
  return indices.flatMap((index, at) => {
    const mask = ownValue(masks, columns[index]!.name);
    return mask === undefined ? [] : [{ hide: createMask(mask, maskKey), at }];
  });
}

/** Makes what becomes of a batch; nothing where it stays as it is. */
function createProjection(
  indices: readonly number[] | undefined,
  converters: readonly (ConvertCell | undefined)[],
  hidden: ReturnType<typeof chooseMasks>,
): ((batch: Batch) => Batch) | undefined {
  const steps = converters.flatMap((convert, at) => convert ? [{ convert, at }] : []);
  if (steps.length === 0 && hidden.length === 0) {
    return indices && ((batch) => batch.map((row) => pick(row, indices)));
  }

  function project(row: Row): Row {
    const cells = indices ? pick(row, indices) : row.slice();
    for (let step = 0; step < steps.length; step++) {
      const { convert, at } = steps[step]!;
      const cell = cells[at] ?? null;
      if (cell !== null) cells[at] = convert(cell);
    }
    for (const { hide, at } of hidden) cells[at] = hide(cells[at] ?? null);
    return cells;
  }
  return (batch) => batch.map(project);
}

function pick(row: Row, indices: readonly number[]): Cell[] {
  const cells = new Array<Cell>(indices.length);
  for (let position = 0; position < indices.length; position++) {
    cells[position] = row[indices[position]!] ?? null;
  }
  return cells;
}

/** Looks a name up safely: columns are called `__proto__` and `constructor` too. */
function ownValue<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function listedColumns(names: readonly string[]): string {
  return names.length === 0 ? "no column" : listed(names);
}
