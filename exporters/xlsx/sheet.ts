/** Writes a worksheet in three parts: what is before its rows, a row, what is after. */

import type { Cell, Column, Row } from "../../table/table.ts";
import type { Warnings } from "../warnings.ts";
import { type ZoneTitle, zoneTitles } from "../zone_titles.ts";
import { createCellWriter, type WriteCell } from "./cells.ts";
import { createLinkWriter } from "./link_cells.ts";
import { columnLetters, tableRange } from "./references.ts";
import { relationshipId } from "./relationships.ts";
import type { SharedStrings } from "./shared_strings.ts";
import { textXml } from "./text_xml.ts";
import type { TableStyles } from "./styles.ts";
import { tableColumnNames } from "./table_part.ts";
import { markup, type XmlBytes } from "./xml_bytes.ts";
import { XML_DECLARATION } from "./xml_text.ts";

/** How to write the sheets of a table. */
export interface SheetOptions {
  /** Whether the first row holds the titles, stays in view and filters. */
  readonly header: boolean;
  /** The cell styles of its columns. */
  readonly styles: TableStyles;
  /** Whether the sheet's range is a table of Excel's. @default false */
  readonly asTable?: boolean;
  /** The table for text that repeats; absent: every text stands in its cell. */
  readonly strings?: SharedStrings | undefined;
}

/** The sheets of one table; made once. */
export interface SheetXml {
  /** Decides what stands above the columns, by the first rows; before all else. */
  begin(rows: readonly Row[]): void;
  /** What stands there. */
  readonly titles: readonly string[];
  /** Everything before the first row of cells, the header row included; widths in characters. */
  head(widths: readonly number[], first: boolean): string;
  /** Writes a row of cells; the first row of a sheet is 1. */
  row(row: Row, number: number, xml: XmlBytes): void;
  /** Everything after the last row. */
  tail(rows: number): string;
}

/** Makes the functions that write a table's sheets. */
export function createSheetXml(
  columns: readonly Column[],
  options: SheetOptions,
  warnings: Warnings,
): SheetXml {
  const { styles, asTable = false, strings } = options;
  const header = options.header && columns.length > 0;
  const letters = columns.map((_, index) => columnLetters(index));
  let zones: readonly ZoneTitle[] = [];
  let titles: readonly string[] = [];
  let titlesRow = "";
  const cells = columns.map((column, index) => {
    const of = { letters: letters[index]!, share: strings?.column() };
    const plain = createCellWriter(column, {
      ...of,
      style: styles.columns[index]!,
      times: styles.times[index],
      isZoneNamed: () => header && zones[index]!.named,
    }, warnings);
    return column.link
      ? createLinkWriter(column, { ...of, style: styles.links[index]!, plain }, warnings)
      : plain;
  });
  const views = { first: viewsXml(header, true), other: viewsXml(header, false) };

  function begin(rows: readonly Row[]): void {
    zones = zoneTitles(columns, rows);
    titles = zones.map(({ title }) => title);
    // A table of Excel's has a name for each column, which is its header.
    if (asTable) titles = tableColumnNames(columns, titles, warnings);
    if (header) titlesRow = headerXml(columns, letters, styles.headers, warnings, titles);
  }

  return {
    begin,
    get titles() {
      return titles;
    },
    // The order is that of CT_Worksheet (ECMA-376 part 1, 18.3.1.99): Excel repairs any other.
    head: (widths, first) =>
      XML_DECLARATION +
      '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"' +
      (asTable ? `${RELATIONSHIPS}>` : ">") +
      (first ? views.first : views.other) +
      '<sheetFormatPr defaultRowHeight="15"/>' + colsXml(widths) + "<sheetData>" + titlesRow,
    row: (row, number, xml) => writeRow(cells, row, number, xml),
    tail: (rows) => "</sheetData>" + endXml(rows) + "</worksheet>",
  };

  /** The filter; a table of Excel's has its own, in its part, and comes after all else. */
  function endXml(rows: number): string {
    if (asTable) {
      return `<tableParts count="1"><tablePart r:id="${relationshipId(0)}"/></tableParts>`;
    }
    return header ? `<autoFilter ref="${tableRange(columns.length, rows)}"/>` : "";
  }
}

/** The names that speak of other parts, on the element that begins the sheet. */
const RELATIONSHIPS =
  ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"';

const ROW_START = markup('<row r="');
const NUMBER_END = markup('">');
const ROW_END = markup("</row>");

function writeRow(cells: readonly WriteCell[], row: Row, number: number, xml: XmlBytes): void {
  xml.startRow(ROW_START, number, NUMBER_END);
  for (let index = 0; index < cells.length; index++) {
    // A row that is too short has no more cells.
    const cell = row[index] as Cell | undefined;
    if (cell !== null && cell !== undefined) cells[index]!(cell, xml);
  }
  xml.makeRoom(0);
  xml.addMarkup(ROW_END);
}

function headerXml(
  columns: readonly Column[],
  letters: readonly string[],
  styles: readonly number[],
  warnings: Warnings,
  titles: readonly string[],
): string {
  const cells = columns.map(({ name }, index) =>
    `<c r="${letters[index]}1" s="${styles[index]}" t="inlineStr"><is>` +
    `${textXml(titles[index]!, name, warnings)}</is></c>`
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
