/** Reads what a workbook says of itself: its sheets, its date system, where its texts and styles are. */

import { UploadError } from "../reader.ts";
import type { PackageParts } from "./package_parts.ts";
import { listed, quoted } from "../../quoted.ts";
import { unescapeText } from "./xml_text.ts";

/** A sheet of cells. */
export interface Sheet {
  /** What its tab shows. */
  readonly name: string;
  /** The name of its part. */
  readonly part: string;
  /** Whether people do not see it. */
  readonly hidden: boolean;
}

/** A workbook. */
export interface Workbook {
  /** Its sheets of cells, in the order of their tabs. */
  readonly sheets: readonly Sheet[];
  /** Whether its days are counted from 1904, as Excel for the Mac did. */
  readonly is1904: boolean;
  /** The name of the part of its shared strings, where it has one. */
  readonly sharedStrings: string | undefined;
  /** That of its styles. */
  readonly styles: string | undefined;
}

/** Characters of a sheet's name: Excel's have 31, and those of other programs hardly more. */
const MAX_NAME = 255;

/** More than any person has, and few enough to name. */
const MAX_SHEETS = 10_000;

/**
 * Reads the workbook of a package.
 *
 * @throws {UploadError} where there is none
 */
export async function readWorkbook(parts: PackageParts): Promise<Workbook> {
  const name = await workbookPart(parts);
  const relationships = await parts.relationships(name);
  const sheets: Sheet[] = [];
  let is1904 = false;
  let root: string | undefined;
  await parts.parse(name, {
    open(element, { name: title, relationship, state, date1904 }) {
      root ??= element;
      if (element === "workbookPr") is1904 = date1904 === "1" || date1904 === "true";
      if (element !== "sheet" || title === undefined) return;
      const found = relationships.get(relationship ?? "");
      // Charts, dialogs and macros have sheets of their own.
      if (found?.type !== "worksheet") return;
      if (sheets.length === MAX_SHEETS) {
        throw new UploadError(`it has more than ${MAX_SHEETS} sheets`);
      }
      if (title.length > MAX_NAME) throw new UploadError(`a sheet's name is ${quoted(title)}`);
      const hidden = state === "hidden" || state === "veryHidden";
      sheets.push({ name: unescapeText(title), part: found.target, hidden });
    },
  });
  if (root !== "workbook") {
    throw new UploadError("it is an Office document, and no workbook", { kind: "type" });
  }
  if (sheets.length === 0) throw new UploadError("its workbook has no sheet of cells");
  const related = new Map([...relationships.values()].map(({ type, target }) => [type, target]));
  return {
    sheets,
    is1904,
    sharedStrings: related.get("sharedStrings"),
    styles: related.get("styles"),
  };
}

async function workbookPart(parts: PackageParts): Promise<string> {
  const main = [...(await parts.relationships("")).values()]
    .find(({ type }) => type === "officeDocument");
  if (main?.target.toLowerCase().endsWith(".bin")) {
    throw new UploadError("it is an XLSB workbook; XLSX is read", { kind: "type" });
  }
  if (main && parts.has(main.target)) return main.target;
  if (parts.has("mimetype") && parts.has("content.xml")) {
    throw new UploadError("it is an OpenDocument file (ODS); XLSX is read", { kind: "type" });
  }
  if (parts.has("Index/Document.iwa") || parts.has("Index.zip")) {
    throw new UploadError("it is a document of Apple's Numbers; XLSX is read", { kind: "type" });
  }
  throw new UploadError("it is a ZIP file without a workbook", { kind: "type" });
}

/**
 * Finds a sheet: by its name (case aside, as Excel has it), by its number from 1 where no sheet has that name, or
 * the first that people see.
 *
 * @throws {UploadError} where there is no such
 */
export function findSheet({ sheets }: Workbook, wanted: string | number | undefined): Sheet {
  if (wanted === undefined) return sheets.find(({ hidden }) => !hidden) ?? sheets[0]!;
  const name = String(wanted);
  const found = typeof wanted === "number"
    ? sheets[wanted - 1]
    : sheets.find((sheet) => sheet.name === name) ??
      sheets.find((sheet) => sheet.name.toLowerCase() === name.toLowerCase()) ??
      (/^\d+$/.test(name) ? sheets[Number(name) - 1] : undefined);
  if (found) return found;
  const names = listed(sheets.map((sheet) => sheet.name));
  throw new UploadError(`it has no sheet ${quoted(String(wanted))}: its sheets are ${names}`, {
    option: "sheet",
  });
}
