/** Writes the sheet "About": what the other sheets hold, since when, and by which rules. */

import type { AboutEntry } from "../document.ts";
import type { Warnings } from "../warnings.ts";
import { MAX_CELL_UNITS, textXml } from "./text_xml.ts";
import { dateTimeSerial } from "./serials.ts";
import type { AboutStyles } from "./styles.ts";
import { XML_DECLARATION } from "./xml_text.ts";

/** The title of the sheet. */
export const ABOUT_TITLE = "About";

/** Widths in characters: labels are short, and what they say is read in lines of a book's length. */
const LABEL_WIDTH = 24;
const VALUE_WIDTH = 80;

/** What the sheet says, and how. */
export interface AboutSheet {
  /** Its lines, in order. */
  readonly entries: readonly AboutEntry[];
  /** When the workbook was asked for, RFC 3339 in UTC. */
  readonly time: string | undefined;
  /** Rows at which a new sheet begins. */
  readonly rowsPerSheet: number;
  /** How its cells look. */
  readonly styles: AboutStyles;
}

/** Writes the part; every cell of it is text, but the time, which is a date. */
export function aboutSheetXml(
  { entries, time, rowsPerSheet, styles }: AboutSheet,
  warnings: Warnings,
): string {
  const rows: string[] = [];
  let number = 0;

  function cell(letter: string, style: number, text: string): string {
    return `<c r="${letter}${number}" s="${style}" t="inlineStr"><is>` +
      `${textXml(text, ABOUT_TITLE, warnings)}</is></c>`;
  }

  function row(...cells: readonly string[]): void {
    rows.push(`<row r="${number}">${cells.join("")}</row>`);
  }

  function add({ label, value }: AboutEntry): void {
    // A line stays empty above a heading.
    number += value === undefined && number > 0 ? 2 : 1;
    if (value === undefined) row(cell("A", styles.heading, label));
    else row(cell("A", styles.label, label), cell("B", styles.value, value));
  }

  entries.forEach(add);
  add({ label: "This file" });
  if (time !== undefined) {
    number++;
    row(
      cell("A", styles.label, "Made at (UTC)"),
      `<c r="B${number}" s="${styles.time}"><v>${dateTimeSerial(time)}</v></c>`,
    );
  }
  rules(rowsPerSheet).forEach(add);

  // The order is that of CT_Worksheet (ECMA-376 part 1, 18.3.1.99).
  return XML_DECLARATION +
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">' +
    '<sheetViews><sheetView showGridLines="0" workbookViewId="0"/></sheetViews>' +
    '<sheetFormatPr defaultRowHeight="15"/>' +
    `<cols><col min="1" max="1" width="${LABEL_WIDTH}" customWidth="1"/>` +
    `<col min="2" max="2" width="${VALUE_WIDTH}" customWidth="1"/></cols>` +
    `<sheetData>${rows.join("")}</sheetData></worksheet>`;
}

/** What a workbook does with what a worksheet cannot hold as it is. */
function rules(rowsPerSheet: number): readonly AboutEntry[] {
  return [
    {
      label: "Sheets",
      value:
        `A new sheet begins at ${rowsPerSheet.toLocaleString("en")} rows, its header included, ` +
        "or earlier where cells are large.",
    },
    {
      label: "Text",
      value: `Text of more than ${MAX_CELL_UNITS.toLocaleString("en")} characters is cut.`,
    },
    {
      label: "Numbers",
      value: "A number of more digits than a worksheet holds is the nearest one that it does; a " +
        "whole number of more than 15 digits is text, with every digit, and so are infinite ones.",
    },
    {
      label: "Dates",
      value:
        "Dates and times that a worksheet cannot hold exactly are text, such as those before " +
        "1900-03-01. The zone of those that had one is named above them.",
    },
  ];
}
