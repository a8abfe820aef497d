/** Makes columns and batches of the rows of a grid: finds its header, its names and its types. */

import { BATCH_UNITS, unitsOf } from "../batch_units.ts";
import { joinTypes, typeOfCell } from "./column_types.ts";
import { type ColumnEvidence, columnNames, isHeader } from "./header.ts";
import {
  type RawRows,
  type ReaderContext,
  SAMPLE_ROWS,
  SAMPLE_UNITS,
  UploadError,
} from "./reader.ts";
import type { RowStream, SourceColumn } from "../source.ts";
import type { Batch, Cell, ColumnType, Row } from "../../table/table.ts";

/** The most columns that a table of any format has (a worksheet's). */
export const MAX_COLUMNS = 16_384;

/** A row, and the types that the file tells of its cells. */
interface SampleRow {
  readonly cells: Row;
  readonly types: readonly (ColumnType | undefined)[] | undefined;
}

/**
 * Reads the first rows, and makes the stream of all. The rows are closed with it, also where this fails.
 *
 * @throws {UploadError} as reading does
 */
export async function toRowStream(rows: RawRows, context: ReaderContext): Promise<RowStream> {
  try {
    return await openRows(rows, context);
  } catch (error) {
    await rows.close();
    throw error;
  }
}

/** What is known once the first rows are read. */
interface Begun {
  readonly columns: readonly SourceColumn[];
  /** The rows that were read for it. */
  readonly rows: readonly Row[];
  /** Rows before those. */
  readonly headerRows: number;
}

async function begin(rows: RawRows, { reading, note }: ReaderContext): Promise<Begun> {
  if (rows.columns) return { columns: rows.columns, rows: [], headerRows: 0 };
  const sample: SampleRow[] = [];
  let units = 0;
  while (sample.length < SAMPLE_ROWS && units < SAMPLE_UNITS) {
    const batch = await rows.read();
    if (batch === undefined) break;
    batch.rows.forEach((cells, index) => {
      sample.push({ cells, types: batch.types?.[index] });
      units += unitsOf(cells);
    });
  }
  const width = sample.reduce((most, { cells }) => Math.max(most, cells.length), rows.width ?? 0);
  if (width > MAX_COLUMNS) {
    throw new UploadError(`it has ${width} columns, and at most ${MAX_COLUMNS} are read`);
  }
  const below = columnTypes(sample.slice(1), width);
  const header = reading.header ?? isHeader(evidenceOf(sample[0], below, width));
  const types = header ? below : columnTypes(sample, width);
  const names = columnNames(
    header ? sample[0]?.cells ?? [] : undefined,
    width,
    (name) => note("column-unnamed", name),
  );
  return {
    columns: names.map((name, index) => ({ name, type: types[index] ?? "string" })),
    rows: sample.slice(Number(header)).map(({ cells }) => cells),
    headerRows: Number(header),
  };
}

async function openRows(rows: RawRows, context: ReaderContext): Promise<RowStream> {
  const { limits, note, batchRows, types } = context;
  const { columns, rows: sample, headerRows } = await begin(rows, context);
  const width = columns.length;
  // A cell that is not of a declared type is counted where it is made one (`to_table.ts`).
  const checks = columns.flatMap(({ name, type }, index) => {
    const is = type === undefined || Object.hasOwn(types, name) ? undefined : CHECKS[type];
    return is ? [{ index, name, is }] : [];
  });
  let waiting = sample;
  let at = 0;
  let read = 0;
  let cells = 0;

  /** The row with as many cells as there are columns; counts what is not of its column's type. */
  function complete(row: Row): Row {
    read++;
    cells += row.length;
    if (row.length > width && row.slice(width).some((cell) => cell !== null)) {
      throw new UploadError(`it has ${row.length} cells, and those before it ${width}`, {
        position: { row: read + headerRows },
      });
    }
    if (cells > limits.maxCells) {
      throw new UploadError(`it has more than the ${limits.maxCells} cells that are read`);
    }
    const full = row.length === width
      ? row
      : Array.from({ length: width }, (_, index): Cell => row[index] ?? null);
    for (const { index, name, is } of checks) {
      const cell = full[index]!;
      if (cell !== null && !is(cell)) note("other-type", name);
    }
    return full;
  }

  /** The next batch; none at the end. */
  async function next(): Promise<Batch> {
    const batch: Row[] = [];
    let units = 0;
    while (batch.length < batchRows && units < BATCH_UNITS) {
      if (at === waiting.length) {
        if (batch.length > 0) break;
        const more = await rows.read();
        if (more === undefined) break;
        waiting = more.rows;
        at = 0;
        continue;
      }
      const row = complete(waiting[at++]!);
      batch.push(row);
      units += unitsOf(row);
    }
    return batch;
  }

  return {
    columns,
    batches: new ReadableStream<Batch>({
      async pull(controller) {
        try {
          const batch = await next();
          if (batch.length > 0) return controller.enqueue(batch);
          await rows.close();
          controller.close();
        } catch (error) {
          await rows.close();
          throw error;
        }
      },
      cancel: () => rows.close(),
    }, { highWaterMark: 0 }),
  };
}

/** Cells of a column's type, as far as that is told at once; absent where text is. */
const CHECKS: Partial<Readonly<Record<ColumnType, (cell: Cell) => boolean>>> = {
  integer: (cell) => typeof cell === "bigint" || Number.isInteger(cell),
  number: (cell) => typeof cell === "number" || typeof cell === "bigint",
  boolean: (cell) => typeof cell === "boolean",
};

/** The types of the columns in the rows of a sample. */
function columnTypes(
  sample: readonly SampleRow[],
  width: number,
): readonly (ColumnType | undefined)[] {
  const found = new Array<ColumnType | undefined>(width).fill(undefined);
  for (const { cells, types } of sample) {
    cells.forEach((cell, index) => {
      if (cell !== null) found[index] = joinTypes(found[index], types?.[index] ?? typeOfCell(cell));
    });
  }
  return found;
}

/** What tells whether the first row is a header. */
function evidenceOf(
  row: SampleRow | undefined,
  types: readonly (ColumnType | undefined)[],
  width: number,
): readonly ColumnEvidence[] {
  return Array.from({ length: width }, (_, index) => {
    const first = row?.cells[index] ?? null;
    const type = row?.types?.[index];
    return {
      first,
      firstType: first === null ? undefined : type ?? typeOfCell(first),
      type: types[index],
    };
  });
}
