/** Writes `xl/workbook.xml`: the sheets in order, and the range that each one's filter covers. */

import { absoluteRange } from "./references.ts";
import { relationshipId } from "./relationships.ts";
import { XML_DECLARATION, xmlAttribute, xmlText } from "./xml_text.ts";

/** A sheet that was written. */
export interface WrittenSheet {
  /** What its tab says. */
  readonly name: string;
  /** How many columns its filter covers; 0 where it has none. */
  readonly filterColumns: number;
  /** How many rows it has, the header included. */
  readonly rows: number;
}

/**
 * Writes the part; each sheet has the relationship id of its index.
 *
 * @param activeSheet the index of the sheet that is shown first
 */
export function workbookXml(sheets: readonly WrittenSheet[], activeSheet = 0): string {
  const list = sheets.map(({ name }, index) =>
    `<sheet name="${xmlAttribute(name)}" sheetId="${index + 1}" r:id="${relationshipId(index)}"/>`
  );
  // Excel and LibreOffice keep a filter's range under this hidden name as well, and LibreOffice
  // sees the filter only there.
  const names = sheets.map(({ name, filterColumns, rows }, index) =>
    filterColumns === 0
      ? ""
      : `<definedName name="_xlnm._FilterDatabase" localSheetId="${index}" hidden="1">` +
        `${xmlText(absoluteRange(name, filterColumns, rows))}</definedName>`
  ).join("");
  // The order is that of CT_Workbook (ECMA-376 part 1, 18.2.27).
  return XML_DECLARATION +
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"' +
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">' +
    `<bookViews><workbookView${
      activeSheet > 0 ? ` activeTab="${activeSheet}"` : ""
    }/></bookViews>` +
    `<sheets>${list.join("")}</sheets>` +
    (names === "" ? "" : `<definedNames>${names}</definedNames>`) +
    "</workbook>";
}
