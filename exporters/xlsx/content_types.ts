/** Writes `[Content_Types].xml`: what every part of the package is (ECMA-376 part 2, 6.2.3). */

import { XML_DECLARATION } from "./xml_text.ts";

/** What a part is. */
export type PartType = keyof typeof TYPES;

/** A part of a workbook. */
export interface Part {
  /** What it is. */
  readonly type: PartType;
  /** Where it is in the package. */
  readonly path: string;
}

/** Writes the part; relationship parts need no mention, and no other part may be left out. */
export function contentTypesXml(parts: readonly Part[]): string {
  const overrides = parts.map(({ type, path }) =>
    `<Override PartName="/${path}" ContentType="${TYPES[type]}+xml"/>`
  );
  return XML_DECLARATION +
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">' +
    '<Default Extension="rels"' +
    ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
    '<Default Extension="xml" ContentType="application/xml"/>' +
    overrides.join("") + "</Types>";
}

/** The path of a sheet in the package; the first has the index 0. */
export function sheetPath(index: number): string {
  return `xl/worksheets/sheet${index + 1}.xml`;
}

/** Where the relationships of that sheet are. */
export function sheetRelationshipsPath(index: number): string {
  return `xl/worksheets/_rels/sheet${index + 1}.xml.rels`;
}

/** Where the table with that number is. */
export function tablePath(id: number): string {
  return `xl/tables/table${id}.xml`;
}

const MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/** The content types of the parts, without their ending. */
export const TYPES = {
  workbook: `${MAIN}.sheet.main`,
  worksheet: `${MAIN}.worksheet`,
  styles: `${MAIN}.styles`,
  sharedStrings: `${MAIN}.sharedStrings`,
  table: `${MAIN}.table`,
  coreProperties: "application/vnd.openxmlformats-package.core-properties",
  extendedProperties: "application/vnd.openxmlformats-officedocument.extended-properties",
} as const;
