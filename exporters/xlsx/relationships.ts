/** Writes relationship parts: which part a part speaks of, and as what (ECMA-376 part 2, 6.5). */

import { XML_DECLARATION, xmlAttribute } from "./xml_text.ts";

/** What a part is to the one that names it. */
export type RelationshipType = keyof typeof TYPES;

/** One relationship; its id is `rId` and its number, from 1 on. */
export interface Relationship {
  /** What the target is. */
  readonly type: RelationshipType;
  /** Relative to the part that names it. */
  readonly target: string;
}

/** Writes a relationship part. */
export function relationshipsXml(relationships: readonly Relationship[]): string {
  const lines = relationships.map(({ type, target }, index) =>
    `<Relationship Id="${relationshipId(index)}" Type="${TYPES[type]}"` +
    ` Target="${xmlAttribute(target)}"/>`
  );
  return XML_DECLARATION +
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">' +
    lines.join("") + "</Relationships>";
}

/** The id of the relationship at an index, from 0 on. */
export function relationshipId(index: number): string {
  return `rId${index + 1}`;
}

const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships";

/** The types of the relationships. */
export const TYPES = {
  officeDocument: `${OFFICE}/officeDocument`,
  worksheet: `${OFFICE}/worksheet`,
  styles: `${OFFICE}/styles`,
  sharedStrings: `${OFFICE}/sharedStrings`,
  table: `${OFFICE}/table`,
  coreProperties: `${PACKAGE}/metadata/core-properties`,
  extendedProperties: `${OFFICE}/extended-properties`,
} as const;
