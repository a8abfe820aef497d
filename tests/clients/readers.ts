/** Every way to read a workbook that the tests try. */

import {
  readExcelJs,
  readHucre,
  readSheetJs,
  streamExcelJs,
  streamHucre,
} from "./javascript_readers.ts";
import {
  readOfficeCsv,
  readOpenpyxl,
  readPoi,
  readSavedAgain,
  sameOfficeText,
} from "./program_readers.ts";
import type { Reader, TextType } from "./reader.ts";
import { readSpillway } from "./spillway_reader.ts";

/** The readers. */
export const READERS: readonly Reader[] = [
  {
    name: "openpyxl",
    programs: ["openpyxl"],
    read: (file) => readOpenpyxl(file, "normal"),
    misread: misreadOpenpyxl,
  },
  {
    name: "openpyxl, read-only,",
    programs: ["openpyxl"],
    read: (file) => readOpenpyxl(file, "read-only"),
    misread: misreadOpenpyxl,
  },
  {
    name: "LibreOffice, to CSV,",
    programs: ["soffice"],
    read: readOfficeCsv,
    agrees: sameOfficeText,
  },
  { name: "LibreOffice, to XLSX again,", programs: ["soffice"], read: readSavedAgain },
  { name: "SheetJS", programs: [], read: readSheetJs },
  {
    name: "ExcelJS",
    programs: [],
    read: readExcelJs,
    // It unescapes shared strings alone (text-xform.js, and cell-xform.js, which does not).
    misread: (text, type) => type === "inlineStr" ? escaped(text) : text,
  },
  {
    name: "ExcelJS, streaming,",
    programs: [],
    read: streamExcelJs,
    // It unescapes nothing, and decodes the entities of XML twice (worksheet-reader.js); those of
    // shared strings once (workbook-reader.js).
    misread: (text, type) => type === "s" ? escaped(text) : decoded(escaped(text)),
  },
  { name: "hucre", programs: [], read: readHucre },
  { name: "hucre, streaming,", programs: [], read: streamHucre },
  { name: "Apache POI", programs: ["java", "poi"], read: readPoi },
  { name: "Spillway's own reader", programs: [], read: readSpillway },
];

/**
 * openpyxl leaves escapes to its caller, who has `openpyxl.utils.escape` for them, but of a shared
 * string it takes away the one escape that tells a caller what is none (reader/strings.py).
 */
function misreadOpenpyxl(text: string, type: TextType): string {
  return type === "s" ? escaped(text).replaceAll("x005F_", "") : escaped(text);
}

/** A text as a sheet spells it, before XML's own escapes (ST_Xstring, 22.9.2.19). */
export function escaped(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex -- they are what is looked for
    /[\0-\x08\x0b-\x1f]|_(?=x[0-9A-Fa-f]{4}_)/g,
    (unit) => `_x${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}_`,
  );
}

const ENTITIES: Readonly<Record<string, string>> = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };

function decoded(text: string): string {
  return text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]!);
}
