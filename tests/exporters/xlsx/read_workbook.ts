/** Reads a workbook with nothing of the exporter's: its sheets, their cells, what frames them. */

import { SaxesParser } from "saxes";
import { readZip } from "./read_zip.ts";

/** A cell as the sheet has it. */
export interface ReadCell {
  /** `inlineStr`, `s` for a shared string, `b`, or `n` for a number. */
  readonly type: string;
  readonly style: number;
  readonly text: string;
}

/** One sheet. */
export interface ReadSheet {
  readonly name: string;
  readonly xml: string;
  /** By reference: `B2`. */
  readonly cells: ReadonlyMap<string, ReadCell>;
  /** The numbers of its rows, in order. */
  readonly rows: readonly number[];
}

/**
 * Reads the sheets of a workbook, in order.
 *
 * @throws when the ZIP file is not whole, or a part is no XML
 */
export function readWorkbook(bytes: Uint8Array): readonly ReadSheet[] {
  const parts = new Map(
    readZip(bytes).map(({ name, content }) => [name, new TextDecoder().decode(content)]),
  );
  const part = (name: string) => {
    const xml = parts.get(name);
    if (xml === undefined) throw new Error(`Cannot find part ${name}`);
    return xml;
  };
  const targets = new Map<string, string>();
  parse(part("xl/_rels/workbook.xml.rels"), (name, { Id, Target }) => {
    if (name === "Relationship") targets.set(Id!, Target!);
  });
  const strings = readStrings(parts.get("xl/sharedStrings.xml"));
  const sheets: ReadSheet[] = [];
  parse(part("xl/workbook.xml"), (element, attributes) => {
    if (element !== "sheet") return;
    const xml = part(`xl/${targets.get(attributes["r:id"]!)}`);
    sheets.push({ name: unescapeXstring(attributes.name!), xml, ...readCells(xml, strings) });
  });
  return sheets;
}

function readStrings(xml: string | undefined): readonly string[] {
  const strings: string[] = [];
  if (xml !== undefined) {
    parse(xml, () => {}, (name, text) => name === "t" && strings.push(unescapeXstring(text)));
  }
  return strings;
}

function readCells(xml: string, strings: readonly string[]): Pick<ReadSheet, "cells" | "rows"> {
  const cells = new Map<string, ReadCell>();
  const rows: number[] = [];
  let reference = "";
  parse(xml, (name, { r, t = "n", s = "0" }) => {
    if (name === "row") rows.push(Number(r));
    if (name !== "c") return;
    reference = r!;
    cells.set(reference, { type: t, style: Number(s), text: "" });
  }, (name, text) => {
    if (name !== "v" && name !== "t") return;
    const cell = cells.get(reference)!;
    if (name === "t") text = unescapeXstring(text);
    else if (cell.type === "s") text = strings[Number(text)]!;
    cells.set(reference, { ...cell, text });
  });
  return { cells, rows };
}

/** Reads one part, element by element; an element's text is what is in it and not in another. */
export function parse(
  xml: string,
  open: (name: string, attributes: Readonly<Record<string, string>>) => void,
  close: (name: string, text: string) => void = () => {},
): void {
  const parser = new SaxesParser();
  let text = "";
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ name, attributes }) => {
    text = "";
    open(name, attributes as Record<string, string>);
  });
  parser.on("text", (more) => text += more);
  parser.on("closetag", ({ name }) => {
    close(name, text);
    text = "";
  });
  parser.write(xml).close();
}

/** Reads `_xHHHH_` as ECMA-376 part 1, 22.9.2.19 says. */
export function unescapeXstring(text: string): string {
  return text.replace(
    /_x([0-9A-Fa-f]{4})_/g,
    (_, digits) => String.fromCharCode(parseInt(digits, 16)),
  );
}
