/** Gives what is written as sheet XML, as text. */

import { XmlBytes } from "../../../exporters/xlsx/xml_bytes.ts";

/** The text of what `write` writes, within the row of that number. */
export function written(write: (xml: XmlBytes) => void): string {
  const xml = new XmlBytes(16);
  xml.makeRoom(0);
  write(xml);
  return new TextDecoder("utf-8", { fatal: true }).decode(xml.take());
}
