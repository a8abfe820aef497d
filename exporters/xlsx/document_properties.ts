/** Writes `docProps/core.xml` and `docProps/app.xml`: what a workbook says of itself. */

import type { DocumentProperties } from "../document.ts";
import { XML_DECLARATION } from "./xml_text.ts";

/** Where the core properties are. */
export const CORE_PATH = "docProps/core.xml";

/** Where the extended properties are. */
export const APP_PATH = "docProps/app.xml";

/**
 * Writes the core properties (ECMA-376 part 2, 8.3.4); undefined where there are none.
 *
 * @param time when the workbook was made, RFC 3339 in UTC
 */
export function corePropertiesXml(
  { title, subject, creator, created = false }: DocumentProperties,
  time?: string,
): string | undefined {
  const properties = element("dc:title", title) + element("dc:subject", subject) +
    element("dc:creator", creator) +
    (created ? element("dcterms:created", time, ' xsi:type="dcterms:W3CDTF"') : "");
  if (properties === "") return undefined;
  return XML_DECLARATION +
    "<cp:coreProperties" +
    ' xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"' +
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"' +
    ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">${properties}</cp:coreProperties>`;
}

/** Writes the extended properties (part 1, 22.2.2); undefined where there are none. */
export function appPropertiesXml({ company }: DocumentProperties): string | undefined {
  const properties = element("Company", company);
  if (properties === "") return undefined;
  return XML_DECLARATION +
    '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties">' +
    `${properties}</Properties>`;
}

function element(name: string, text: string | undefined, attributes = ""): string {
  if (text === undefined) return "";
  return `<${name}${attributes}>${plainText(text)}</${name}>`;
}

/** These parts have no escapes but XML's own (no ST_Xstring), and no warnings, as they are no cells. */
function plainText(text: string): string {
  return text.toWellFormed().replace(ILLEGAL, "\ufffd")
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

// deno-lint-ignore no-control-regex -- XML 1.0 cannot hold them (2.2)
const ILLEGAL = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;
