/** Takes a sheet from saxes: its rows, where the scanner does not take them, and what is around them. */

import type { Note } from "../reader.ts";
import { quoted } from "../../quoted.ts";
import { columnLetters, columnNumber, MAX_COLUMNS } from "./references.ts";
import type { SheetRows } from "./sheet_rows.ts";
import { unescapeText } from "./xml_text.ts";
import type { XmlHandler } from "./xml_parser.ts";

/** Makes the handler. */
export function createSheetHandler(rows: SheetRows, sheet: string, note: Note): XmlHandler {
  let hiddenTo = 0;
  let inData = false;
  let inRow = false;
  let inCell = false;
  let isWanted = false;
  let type = "n";
  let style = 0;
  let hasFormula = false;
  let hasInline = false;
  let value: string | undefined;
  let inPhonetic = false;
  /** Whether text is the cell's. */
  let inValue = false;

  function startRow({ r, hidden }: Readonly<Record<string, string>>): void {
    if (r !== undefined && !/^[1-9]\d{0,6}$/.test(r)) {
      throw rows.error(`${quoted(r)} is no number of a row`);
    }
    rows.startRow(Number(r ?? 0), hidden === "1" || hidden === "true");
    inRow = true;
  }

  function startCell({ r, s = "0", t = "n" }: Readonly<Record<string, string>>): void {
    isWanted = rows.startCell(r === undefined ? 0 : columnOf(r));
    inCell = true;
    type = t;
    style = Number(s);
    if (!Number.isInteger(style) || style < 0) {
      throw rows.error(`${quoted(s)} is no number of a style`);
    }
    hasFormula =
      hasInline =
      inPhonetic =
      inValue =
        false;
    value = undefined;
  }

  function columnOf(reference: string): number {
    const [, letters = "", digits] = /^([A-Z]{1,3})(\d{1,7})$/.exec(reference) ?? [];
    const column = columnNumber(letters);
    if (column === 0 || column > MAX_COLUMNS || Number(digits) !== rows.row) {
      throw rows.error(`${quoted(reference)} is no cell of row ${rows.row}`);
    }
    return column;
  }

  function endCell(): void {
    inCell = false;
    if (!isWanted) return;
    if (hasInline) rows.setText(unescapeText(value ?? ""));
    else if (value !== undefined) setValue(rows, type, style, value, hasFormula);
    else if (hasFormula) rows.setUnknown();
  }

  /** Counts columns that are hidden, a range once; those of a sheet stand in order, and are of one range each. */
  function noteHidden({ hidden, min, max }: Readonly<Record<string, string>>): void {
    const from = Number(min);
    const to = Math.min(Number(max), MAX_COLUMNS);
    if (hidden !== "1" && hidden !== "true" || !(from > hiddenTo && from <= to)) return;
    hiddenTo = to;
    const [first, last] = [columnLetters(from), columnLetters(to)];
    note("hidden-column", first === last ? first : `${first}:${last}`);
  }

  return {
    open(element, attributes) {
      if (inCell) {
        if (element === "v") inValue = true;
        else if (element === "t") inValue = !inPhonetic;
        else if (element === "f") hasFormula = true;
        else if (element === "is") hasInline = true;
        else if (element === "rPh") inPhonetic = true;
        if (inValue) value ??= "";
      } else if (inRow) {
        if (element === "c") startCell(attributes);
      } else if (inData) {
        if (element === "row") startRow(attributes);
      } else if (element === "sheetData") inData = true;
      else if (element === "mergeCell") note("merged-cells", sheet);
      else if (element === "col") noteHidden(attributes);
    },
    text(text) {
      if (inValue) value += text;
    },
    close(element) {
      if (inCell) {
        if (element === "v" || element === "t") inValue = false;
        else if (element === "rPh") inPhonetic = false;
        else if (element === "c") endCell();
      } else if (inRow) {
        if (element !== "row") return;
        inRow = false;
        rows.endRow();
      } else if (element === "sheetData") inData = false;
    },
  };
}

/** Sets a cell by the text of its value, and what its `t` says of it (ECMA-376 part 1, 18.18.11). */
export function setValue(
  rows: SheetRows,
  type: string,
  style: number,
  value: string,
  hasFormula: boolean,
): void {
  if (type === "inlineStr" || type === "str") return rows.setText(unescapeText(value));
  const text = value.trim();
  if (text === "") {
    if (hasFormula) rows.setUnknown();
    return;
  }
  switch (type) {
    case "n":
      return rows.setNumberText(text, style);
    case "s":
      return rows.setShared(/^\d{1,10}$/.test(text) ? Number(text) : NaN);
    case "b":
      return rows.setBoolean(text);
    case "e":
      return rows.setError(text);
    case "d":
      return rows.setIsoDate(text);
    default:
      throw rows.error(`${quoted(type)} is no type of a cell`);
  }
}
