/** Writes `[Content_Types].xml`: what every part of the package is (ECMA-376 part 2, 6.2.3). */

import { XML_DECLARATION } from "./xml_text.ts";

const MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/** Writes the part for a workbook of so many sheets. */
export function contentTypesXml(sheets: number): string {
  const worksheets = Array.from(
    { length: sheets },
    (_, index) => override(sheetPath(index), "worksheet"),
  );
  return XML_DECLARATION +
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">' +
    '<Default Extension="rels"' +
    ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
    '<Default Extension="xml" ContentType="application/xml"/>' +
    override("xl/workbook.xml", "sheet.main") +
    worksheets.join("") +
    override("xl/styles.xml", "styles") +
    "</Types>";
}

/** Where the sheet at a place is in the package; the first is at 0. */
export function sheetPath(index: number): string {
  return `xl/worksheets/sheet${index + 1}.xml`;
}

function override(path: string, type: string): string {
  return `<Override PartName="/${path}" ContentType="${MAIN}.${type}+xml"/>`;
}
