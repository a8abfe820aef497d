/** Makes workbooks of the XML that a test is about, and reads their rows. */

import { openSheet } from "../../../../sources/upload/xlsx/mod.ts";
import type { ScratchFile, UploadFile } from "../../../../sources/upload/reader.ts";
import type { Cell, Row } from "../../../../table/table.ts";
import { contextOf, fileOf, type ReadSettings } from "../upload.ts";
import { type ZipEnd, zipFile, type ZipPart } from "./zip_file.ts";

const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships";

/** A worksheet of some rows. */
export function sheetXml(rows: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<worksheet xmlns="${MAIN}"><sheetData>${rows}</sheetData></worksheet>`;
}

/** A table of shared strings, each the XML within its `si`. */
export function stringsXml(items: readonly string[]): string {
  return `<sst xmlns="${MAIN}">${items.map((item) => `<si>${item}</si>`).join("")}</sst>`;
}

/** Cell styles with the number formats of the cells, by id or by code. */
export function stylesXml(formats: readonly (number | string)[]): string {
  const codes = formats.filter((format) => typeof format === "string");
  const own = codes.map((code, index) =>
    `<numFmt numFmtId="${164 + index}" formatCode="${code}"/>`
  );
  const styles = formats.map((format) =>
    `<xf numFmtId="${typeof format === "number" ? format : 164 + codes.indexOf(format)}"/>`
  );
  return `<styleSheet xmlns="${MAIN}"><numFmts>${own.join("")}</numFmts>` +
    `<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs>${
      styles.join("")
    }</cellXfs></styleSheet>`;
}

function relationships(targets: Readonly<Record<string, string>>): string {
  const all = Object.entries(targets).map(([id, target]) => {
    const type = id.replace(/\d+$/, "");
    return `<Relationship Id="${id}" Type="${RELATIONSHIPS}/${type}" Target="${target}"/>`;
  });
  return `<Relationships xmlns="${PACKAGE}">${all.join("")}</Relationships>`;
}

/** What a workbook is made of. */
export interface WorkbookParts {
  /** The XML of each sheet by its name, or the bytes of it. @default none */
  readonly sheets?: Readonly<Record<string, string | Uint8Array>>;
  readonly strings?: string | Uint8Array;
  readonly styles?: string;
  /** Attributes of sheets: `state="hidden"`. */
  readonly states?: Readonly<Record<string, string>>;
  readonly is1904?: boolean;
}

/** The parts of a workbook, as a ZIP file has them. */
export function workbookParts(
  { sheets = {}, strings, styles, states = {}, is1904 = false }: WorkbookParts,
): ZipPart[] {
  const names = Object.keys(sheets);
  const targets: Record<string, string> = {};
  names.forEach((_, index) =>
    targets[`worksheet${index + 1}`] = `worksheets/sheet${index + 1}.xml`
  );
  if (strings !== undefined) targets.sharedStrings = "sharedStrings.xml";
  if (styles !== undefined) targets.styles = "styles.xml";
  const tabs = names.map((name, index) =>
    `<sheet name="${name}" sheetId="${index + 1}" ${states[name] ?? ""} r:id="worksheet${
      index + 1
    }"/>`
  );
  return [
    { name: "_rels/.rels", content: relationships({ officeDocument: "xl/workbook.xml" }) },
    {
      name: "xl/workbook.xml",
      content: `<workbook xmlns="${MAIN}" xmlns:r="${RELATIONSHIPS}">` +
        `<workbookPr date1904="${is1904 ? 1 : 0}"/><sheets>${tabs.join("")}</sheets></workbook>`,
    },
    { name: "xl/_rels/workbook.xml.rels", content: relationships(targets) },
    ...names.map((name, index) => ({
      name: `xl/worksheets/sheet${index + 1}.xml`,
      content: sheets[name]!,
    })),
    ...(styles === undefined ? [] : [{ name: "xl/styles.xml", content: styles }]),
    ...(strings === undefined ? [] : [{ name: "xl/sharedStrings.xml", content: strings }]),
  ];
}

/** A workbook. */
export function workbookFile(parts: WorkbookParts, end?: ZipEnd): Uint8Array {
  return zipFile(workbookParts(parts), end);
}

/** What a sheet was read as. */
export interface ReadSheet {
  readonly rows: readonly Row[];
  /** The types that the file tells of the cells. */
  readonly types: readonly (readonly (string | undefined)[])[];
  readonly notes: Readonly<Record<string, number>>;
}

/** How to read. */
export interface SheetSettings extends ReadSettings {
  readonly scratch?: () => ScratchFile;
  readonly signal?: AbortSignal;
}

/** Reads a sheet to its end. */
export async function readSheet(
  workbook: Uint8Array | UploadFile,
  { scratch, signal, ...settings }: SheetSettings = {},
): Promise<ReadSheet> {
  const { context, notes } = contextOf(settings);
  const file = workbook instanceof Uint8Array ? fileOf(workbook) : workbook;
  const sheet = await openSheet(file, { ...context, scratch, signal });
  const rows: Row[] = [];
  const types: (readonly (string | undefined)[])[] = [];
  for (let batch; (batch = await sheet.read());) {
    rows.push(...batch.rows);
    types.push(...batch.types ?? []);
  }
  return { rows, types, notes };
}

/** The rows of a workbook of one sheet. */
export async function readRows(parts: WorkbookParts, settings?: SheetSettings): Promise<Row[]> {
  return [...(await readSheet(workbookFile(parts), settings)).rows];
}

/** The only cell of a sheet, given its XML. */
export async function readCell(xml: string, parts: WorkbookParts = {}): Promise<Cell> {
  const sheets = { Data: sheetXml(`<row r="1">${xml}</row>`) };
  const rows = await readRows({ ...parts, sheets });
  return rows[0]?.[0] ?? null;
}
