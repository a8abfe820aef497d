/** Checks a workbook against ECMA-376, part by part, with nothing of the exporter's. */

import { type CheckedSheet, checkSheet, checkTable, checkTables } from "./part_order_cells.ts";
import { checkPackage, type Relationships, relationshipsOf } from "./part_order_package.ts";
import {
  checkElement,
  childOf,
  childrenOf,
  type Element,
  readTree,
  type Report,
} from "./part_order_tree.ts";
import { checkCounts, checkNames, checkStrings, checkStyles } from "./part_order_values.ts";
import { readZip } from "./read_zip.ts";

/** The most that is said of one workbook: one mistake in a row is one in every row. */
const MAX_PROBLEMS = 20;

/**
 * What is wrong with a workbook; nothing, where it is as the standard says.
 *
 * @throws when the ZIP file is not whole, or a part is no XML
 */
export function workbookProblems(bytes: Uint8Array): readonly string[] {
  const texts = readZip(bytes).map(({ name, content }) =>
    [name, new TextDecoder("utf-8", { fatal: true }).decode(content)] as const
  );
  if (new Set(texts.map(([name]) => name.toLowerCase())).size < texts.length) {
    return ["two entries of one name"];
  }
  return partProblems(new Map(texts));
}

/** The same of its parts, by name. */
export function partProblems(texts: ReadonlyMap<string, string>): readonly string[] {
  const problems: string[] = [];
  const report: Report = (problem) => {
    if (problems.length < MAX_PROBLEMS) problems.push(problem);
  };
  const parts = new Map<string, Element>();
  for (const [name, xml] of texts) {
    if (!xml.startsWith('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>')) {
      report(`${name}: does not declare itself`);
    }
    const root = readTree(xml);
    parts.set(name, root);
    const say: Report = (problem) => report(`${name}: ${problem}`);
    checkElement(root, say);
    checkCounts(root, say);
  }
  checkPackage(parts, report);
  checkContents(parts, report);
  return problems;
}

/** Checks what the parts say of each other's contents. */
function checkContents(parts: ReadonlyMap<string, Element>, report: Report): void {
  const at = (name: string): Report => (problem) => report(`${name}: ${problem}`);
  const workbookName = targets(relationshipsOf(parts, ""), "officeDocument")[0] ?? "";
  const workbook = parts.get(workbookName);
  if (workbook === undefined) return report("there is no workbook");
  const relationships = relationshipsOf(parts, workbookName);
  const [stylesName = ""] = targets(relationships, "styles");
  const [stringsName] = targets(relationships, "sharedStrings");
  const styleSheet = parts.get(stylesName);
  if (styleSheet === undefined) return report("there are no styles");
  const styles = checkStyles(styleSheet, at(stylesName));
  const sst = stringsName === undefined ? undefined : parts.get(stringsName);
  const strings = sst && checkStrings(sst, at(stringsName!));

  const tables: Element[] = [];
  const sheets: Element[] = [];
  let shared = 0;
  for (const { attributes } of childrenOf(childOf(workbook, "sheets"), "sheet")) {
    const name = relationships.get(attributes["r:id"]!)?.target ?? "";
    const sheet = parts.get(name);
    if (sheet === undefined) continue;
    sheets.push(sheet);
    const checked: CheckedSheet = checkSheet(sheet, { styles, strings }, at(name));
    shared += checked.shared;
    for (const tableName of targets(relationshipsOf(parts, name), "table")) {
      const table = parts.get(tableName);
      if (table === undefined) continue;
      tables.push(table);
      checkTable(table, sheet, checked, at(tableName));
    }
  }
  checkTables(tables, report);
  checkNames(workbook, sheets, at(workbookName));
  const count = sst?.attributes.count;
  if (count !== undefined && Number(count) !== shared) {
    report(`${stringsName}: <sst>: count="${count}" of ${shared} cells`);
  }
}

function targets(relationships: Relationships, type: string): readonly string[] {
  return [...relationships.values()]
    .filter((relationship) => relationship.type.endsWith(`/${type}`))
    .map(({ target }) => target);
}
