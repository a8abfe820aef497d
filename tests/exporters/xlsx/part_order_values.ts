/** Checks the numbers by which elements of a workbook name each other: counts, indexes, ids. */

import { childOf, childrenOf, type Element, type Report } from "./part_order_tree.ts";

/** Number formats below this are built in (18.8.30). */
const FIRST_FORMAT = 164;

/** Checks that `count` is how many children an element has, wherever one has it. */
export function checkCounts(element: Element, report: Report): void {
  const { name, attributes: { count }, children } = element;
  // Of shared strings `count` is how often cells use them, which is for the sheets to say.
  if (name !== "sst" && count !== undefined && Number(count) !== children.length) {
    report(`<${name}>: count="${count}", and has ${children.length}`);
  }
  for (const child of children) checkCounts(child, report);
}

/** Checks the styles; gives how many a cell may have. */
export function checkStyles(sheet: Element, report: Report): number {
  const sizes = {
    fontId: childrenOf(childOf(sheet, "fonts"), "font").length,
    fillId: childrenOf(childOf(sheet, "fills"), "fill").length,
    borderId: childrenOf(childOf(sheet, "borders"), "border").length,
    xfId: childrenOf(childOf(sheet, "cellStyleXfs"), "xf").length,
  };
  const formats = childrenOf(childOf(sheet, "numFmts"), "numFmt")
    .map(({ attributes }) => attributes.numFmtId!);
  if (new Set(formats).size < formats.length) report("<numFmts>: two formats of one id");
  for (const id of formats) if (Number(id) < FIRST_FORMAT) report(`<numFmt>: ${id} is built in`);
  const styles = childrenOf(childOf(sheet, "cellXfs"), "xf");
  for (const xf of [...childrenOf(childOf(sheet, "cellStyleXfs"), "xf"), ...styles]) {
    for (const [name, size] of Object.entries(sizes)) {
      const id = xf.attributes[name];
      if (id !== undefined && Number(id) >= size) report(`<xf>: ${name}="${id}" of ${size}`);
    }
    const format = xf.attributes.numFmtId;
    if (format !== undefined && Number(format) >= FIRST_FORMAT && !formats.includes(format)) {
      report(`<xf>: numFmtId="${format}" is not defined`);
    }
    if (childOf(xf, "alignment") && xf.attributes.applyAlignment !== "1") {
      report("<xf>: an alignment that is not applied");
    }
  }
  for (const { attributes } of childrenOf(childOf(sheet, "cellStyles"), "cellStyle")) {
    if (Number(attributes.xfId) >= sizes.xfId) report(`<cellStyle>: xfId="${attributes.xfId}"`);
  }
  // Excel takes the first two fills for its own, whatever they hold.
  const patterns = childrenOf(childOf(sheet, "fills"), "fill").slice(0, 2)
    .map((fill) => childOf(fill, "patternFill")?.attributes.patternType);
  if (patterns.join() !== "none,gray125") report(`<fills>: begin with ${patterns}`);
  return styles.length;
}

/** Checks the shared strings; gives each one's text. */
export function checkStrings(sst: Element, report: Report): readonly string[] {
  const strings = childrenOf(sst, "si").map((item) => textOf(item, report));
  const { uniqueCount } = sst.attributes;
  if (uniqueCount !== undefined && Number(uniqueCount) !== strings.length) {
    report(`<sst>: uniqueCount="${uniqueCount}", and has ${strings.length}`);
  }
  if (new Set(strings).size < strings.length) report("<sst>: holds a string twice");
  return strings;
}

/** UTF-16 units of a cell (Excel's specifications and limits). */
const MAX_UNITS = 32_767;

/** The text of an inline or shared string, read as ST_Xstring (22.9.2.19). */
export function textOf(item: Element, report: Report): string {
  const t = childOf(item, "t");
  if (t === undefined) return "";
  // A reader may drop the white space around text that does not ask for it (XML 1.0, 2.10).
  if (/^[ \t\n]|[ \t\n]$/.test(t.text) && t.attributes["xml:space"] !== "preserve") {
    report(`<t>: the white space around ${JSON.stringify(t.text)} is not preserved`);
  }
  const text = unescaped(t.text);
  if (text.length > MAX_UNITS) report(`<t>: has ${text.length} units`);
  return text;
}

/** Reads `_xHHHH_`. */
export function unescaped(text: string): string {
  return text.replace(
    /_x([0-9A-Fa-f]{4})_/g,
    (_, digits) => String.fromCharCode(parseInt(digits, 16)),
  );
}

const MAX_NAME_UNITS = 31;

// deno-lint-ignore no-control-regex -- they are what is looked for
const ILLEGAL = /[[\]:*?/\\\0-\x1f]/;

/** Checks the names and ids of the sheets, and of defined names the ranges that filters have. */
export function checkNames(
  workbook: Element,
  sheets: readonly Element[],
  report: Report,
): void {
  const list = childrenOf(childOf(workbook, "sheets"), "sheet").map(({ attributes }) => attributes);
  const names = list.map(({ name }) => unescaped(name!));
  for (const name of names) {
    const legal = name !== "" && name.length <= MAX_NAME_UNITS &&
      !ILLEGAL.test(name) &&
      !name.startsWith("'") && !name.endsWith("'") && name.toLowerCase() !== "history";
    if (!legal) report(`<sheet>: ${JSON.stringify(name)} is no name`);
  }
  const distinct = (values: readonly unknown[]) => new Set(values).size === values.length;
  if (!distinct(names.map((name) => name.toLowerCase()))) report("<sheets>: two of one name");
  if (!distinct(list.map(({ sheetId }) => sheetId))) report("<sheets>: two of one sheetId");

  const views = sheets.map((sheet) => childOf(childOf(sheet, "sheetViews"), "sheetView"));
  const selected = views.flatMap((view, at) => view?.attributes.tabSelected === "1" ? [at] : []);
  const view = childOf(childOf(workbook, "bookViews"), "workbookView");
  const active = Number(view?.attributes.activeTab ?? 0);
  if (selected.join() !== String(active)) report(`sheets ${selected} selected, ${active} active`);

  const filters = childrenOf(childOf(workbook, "definedNames"), "definedName");
  for (const { attributes: { name, localSheetId = "" } } of filters) {
    if (name !== "_xlnm._FilterDatabase") report(`<definedName>: ${name} is not expected`);
    else if (sheets[Number(localSheetId)] === undefined) {
      report(`<definedName>: localSheetId="${localSheetId}"`);
    }
  }
  for (const [at, sheet] of sheets.entries()) {
    const range = childOf(sheet, "autoFilter")?.attributes.ref;
    const found = filters.filter(({ attributes }) => attributes.localSheetId === String(at))
      .map(({ text }) => text);
    const sheetName = `'${names[at]!.replaceAll("'", "''")}'`;
    const wanted = range === undefined ? [] : [`${sheetName}!${absolute(range)}`];
    if (JSON.stringify(found.map(unescaped)) !== JSON.stringify(wanted)) {
      report(`<definedNames>: sheet ${at} has the filter ${found}, not ${wanted}`);
    }
  }
}

function absolute(range: string): string {
  return range.replace(/([A-Z]+)(\d+)/g, "$$$1$$$2");
}
