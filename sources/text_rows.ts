/** Turns rows that are text into rows of cells; chooses columns of them, and converts those. */

import type { ConvertCell } from "./converters.ts";
import type { Batch, Cell, Column, TextBatch, TextRows } from "../table/table.ts";

/** The rows as batches of cells, for a reader that does not take text. Nothing is read before them. */
export function toBatches(text: TextRows): ReadableStream<Batch> {
  const width = text.forms.length;
  let reader: ReadableStreamDefaultReader<TextBatch> | undefined;
  const open = () => reader ??= text.batches.getReader();
  return new ReadableStream<Batch>({
    async pull(controller) {
      const { done, value } = await open().read();
      if (done) controller.close();
      else controller.enqueue(readCells(text, value, width));
    },
    cancel: (reason) => open().cancel(reason),
  }, { highWaterMark: 0 });
}

function readCells(text: TextRows, { bytes, bounds, length }: TextBatch, width: number): Batch {
  const rows = new Array<Cell[]>(length);
  for (let row = 0, at = 0; row < length; row++) {
    const cells = new Array<Cell>(width);
    for (let column = 0; column < width; column++, at += 2) {
      const start = bounds[at]!;
      cells[column] = start < 0 ? null : text.readCell(column, bytes, start, bounds[at + 1]!);
    }
    rows[row] = cells;
  }
  return rows;
}

/** The text of the chosen columns alone, in their order. */
export function chooseText(text: TextRows, indices: readonly number[]): Omit<TextRows, "batches"> {
  return {
    forms: indices.map((index) => text.forms[index]!),
    readCell: (column, bytes, start, end, looking) =>
      text.readCell(indices[column]!, bytes, start, end, looking),
  };
}

/**
 * The text of columns whose cells are made into others. It is read as such where its bytes are not what
 * is written, as they are where digits become text.
 */
export function convertText(
  { forms, readCell }: Omit<TextRows, "batches">,
  converters: readonly (ConvertCell | undefined)[],
  columns: readonly Column[],
): Omit<TextRows, "batches"> {
  if (converters.every((convert) => convert === undefined)) return { forms, readCell };
  return {
    forms: forms.map((form, column) => {
      if (!converters[column]) return form;
      return form === "digits" && columns[column]!.type === "string" ? "text" : "other";
    }),
    readCell(column, bytes, start, end, looking) {
      const cell = readCell(column, bytes, start, end);
      return cell === null ? null : converters[column]?.(cell, looking) ?? cell;
    },
  };
}

/** The cells of the chosen columns alone, in their order. */
export function chooseBounds(
  { bytes, bounds, length }: TextBatch,
  width: number,
  indices: readonly number[],
): TextBatch {
  const chosen = new Int32Array(2 * length * indices.length);
  let to = 0;
  for (let row = 0; row < length; row++) {
    for (const index of indices) {
      const from = 2 * (row * width + index);
      chosen[to++] = bounds[from]!;
      chosen[to++] = bounds[from + 1]!;
    }
  }
  return { bytes, bounds: chosen, length };
}
