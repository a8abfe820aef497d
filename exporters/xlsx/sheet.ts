/** Writes a worksheet in three parts of text: what is before its rows, a row, what is after. */

import type { Cell, Column, Row } from "../../sources/table.ts";
import type { Warnings } from "../warnings.ts";
import { type CellXml, createCellXml, textXml } from "./cells.ts";
import { columnLetters, tableRange } from "./references.ts";
import type { Styles } from "./styles.ts";
import { XML_DECLARATION } from "./xml_text.ts";

/** How to write the sheets of a table. */
export interface SheetOptions {
  /** Whether the first row holds the titles, stays in view and filters. */
  readonly header: boolean;
  /** The cell styles of its columns. */
  readonly styles: Styles;
}

/** The sheets of one table; plain strings and pure functions, built once. */
export interface SheetXml {
  /** Everything before the first row of cells, the header row included; widths in characters. */
  head(widths: readonly number[], first: boolean): string;
  /** A row of cells; the first row of a sheet is 1. */
  row(row: Row, number: number): string;
  /** Everything after the last row. */
  tail(rows: number): string;
}

/** Makes the functions that write a table's sheets. */
export function createSheetXml(
  columns: readonly Column[],
  options: SheetOptions,
  warnings: Warnings,
): SheetXml {
  const { styles } = options;
  const header = options.header && columns.length > 0;
  const letters = columns.map((_, index) => columnLetters(index));
  const cells = columns.map((column, index) =>
    createCellXml(column, letters[index]!, styles.columns[index]!, warnings)
  );
  const titles = header ? headerXml(columns, letters, styles.header, warnings) : "";
  const views = { first: viewsXml(header, true), other: viewsXml(header, false) };

  return {
    // The order is that of CT_Worksheet (ECMA-376 part 1, 18.3.1.99): Excel repairs any other.
    head: (widths, first) =>
      XML_DECLARATION +
      '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">' +
      (first ? views.first : views.other) +
      '<sheetFormatPr defaultRowHeight="15"/>' + colsXml(widths) + "<sheetData>" + titles,
    row: (row, number) => rowXml(cells, row, String(number)),
    tail: (rows) =>
      "</sheetData>" +
      (header ? `<autoFilter ref="${tableRange(columns.length, rows)}"/>` : "") + "</worksheet>",
  };
}

function rowXml(cells: readonly CellXml[], row: Row, number: string): string {
  let xml = '<row r="' + number + '">';
  for (let index = 0; index < cells.length; index++) {
    // A row that is too short has no more cells.
    const cell = row[index] as Cell | undefined;
    if (cell !== null && cell !== undefined) xml += cells[index]!(cell, number);
  }
  return xml + "</row>";
}

function headerXml(
  columns: readonly Column[],
  letters: readonly string[],
  style: number,
  warnings: Warnings,
): string {
  const cells = columns.map(({ name, title }, index) =>
    `<c r="${letters[index]}1" s="${style}" t="inlineStr"><is>` +
    `${textXml(title, name, warnings)}</is></c>`
  );
  return `<row r="1">${cells.join("")}</row>`;
}

function viewsXml(header: boolean, first: boolean): string {
  const view = `<sheetView${first ? ' tabSelected="1"' : ""} workbookViewId="0"`;
  const frozen = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' +
    '<selection pane="bottomLeft" activeCell="A2" sqref="A2"/>';
  return `<sheetViews>${header ? `${view}>${frozen}</sheetView>` : `${view}/>`}</sheetViews>`;
}

function colsXml(widths: readonly number[]): string {
  const cols = widths.map((width, index) =>
    `<col min="${index + 1}" max="${index + 1}" width="${width}" customWidth="1"/>`
  );
  return cols.length > 0 ? `<cols>${cols.join("")}</cols>` : "";
}
