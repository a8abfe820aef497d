/** Checks the cells of a worksheet, and the tables over them. */

import { childOf, childrenOf, type Element, type Report } from "./part_order_tree.ts";
import { textOf, unescaped } from "./part_order_values.ts";

/** What the cells of a workbook speak of. */
export interface CellContext {
  /** How many styles there are. */
  readonly styles: number;
  /** The shared strings; undefined where there is no such part. */
  readonly strings: readonly string[] | undefined;
}

/** What a sheet was found to hold. */
export interface CheckedSheet {
  /** The texts of its first row, by column from 0 on; of a cell of no text undefined. */
  readonly header: readonly (string | undefined)[];
  /** How many cells are shared strings. */
  readonly shared: number;
}

const MAX_ROWS = 1_048_576;
const MAX_COLUMNS = 16_384;
const NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Checks rows, cells, columns, and what covers them. */
export function checkSheet(sheet: Element, context: CellContext, report: Report): CheckedSheet {
  checkColumns(sheet, context, report);
  const header: (string | undefined)[] = [];
  let lastRow = 0;
  let lastColumn = -1;
  let shared = 0;
  for (
    const { attributes: { r: number }, children } of childrenOf(childOf(sheet, "sheetData"), "row")
  ) {
    if (number === undefined) report("<row>: has no number");
    if (Number(number) <= lastRow) report(`<row>: ${number} comes after ${lastRow}`);
    lastRow = Number(number);
    let before = -1;
    for (const cell of children) {
      const at = place(cell.attributes.r ?? "");
      if (at.row !== lastRow) report(`<c>: ${cell.attributes.r} is in row ${number}`);
      if (at.column <= before) report(`<c>: ${cell.attributes.r} comes too late`);
      before = at.column;
      const text = checkCell(cell, context, report);
      if (lastRow === 1) header[at.column] = text;
      if (cell.attributes.t === "s") shared++;
    }
    lastColumn = Math.max(lastColumn, before);
  }
  if (lastRow > MAX_ROWS) report(`<sheetData>: has ${lastRow} rows`);
  if (lastColumn >= MAX_COLUMNS) report(`<sheetData>: has ${lastColumn + 1} columns`);
  const filter = childOf(sheet, "autoFilter")?.attributes.ref;
  if (filter !== undefined && range(filter).last.row !== lastRow) {
    report(`<autoFilter>: ${filter} of ${lastRow} rows`);
  }
  const dimension = childOf(sheet, "dimension")?.attributes.ref;
  if (dimension !== undefined && lastRow > 0) {
    const { last } = range(dimension);
    if (last.row < lastRow || last.column < lastColumn) {
      report(`<dimension>: ${dimension} of ${lastRow} rows and ${lastColumn + 1} columns`);
    }
  }
  return { header, shared };
}

/** A cell's text where it has one. */
function checkCell(cell: Element, context: CellContext, report: Report): string | undefined {
  const { r, s = "0", t = "n" } = cell.attributes;
  const say: Report = (problem) => report(`<c>: ${r} ${problem}`);
  if (Number(s) >= context.styles) say(`has style ${s} of ${context.styles}`);
  const [f, v, is] = ["f", "v", "is"].map((name) => childOf(cell, name));
  if (is !== undefined && t !== "inlineStr") say(`has a string, and is of type ${t}`);
  if (v !== undefined && t === "inlineStr") say("has a value and is an inline string");
  // The only formula that an export writes is the link of a column that declares one.
  if (f !== undefined && !/^HYPERLINK\(/.test(f.text)) say(`has the formula ${f.text}`);
  if (t === "str" && f === undefined) say("is a formula's text without a formula");
  switch (t) {
    case "inlineStr":
      if (is === undefined) return void say("has no string");
      return textOf(is, report);
    case "s": {
      const text = context.strings?.[Number(v?.text)];
      if (text === undefined || !/^\d+$/.test(v!.text)) say(`names shared string ${v?.text}`);
      return text;
    }
    case "str":
      return unescaped(v?.text ?? "");
    case "b":
      if (!/^[01]$/.test(v?.text ?? "")) say(`is no boolean: ${v?.text}`);
      return undefined;
    default:
      if (v !== undefined && !NUMBER.test(v.text)) say(`is no number: ${v.text}`);
      if (v !== undefined && !Number.isFinite(Number(v.text))) say(`is infinite: ${v.text}`);
      return undefined;
  }
}

/** Columns rise, touch no other, and have styles that there are. */
function checkColumns(sheet: Element, { styles }: CellContext, report: Report): void {
  let last = 0;
  for (
    const { attributes: { min, max, width, style = "0" } } of childrenOf(
      childOf(sheet, "cols"),
      "col",
    )
  ) {
    if (Number(min) <= last || Number(max) < Number(min)) report(`<col>: ${min} to ${max}`);
    if (Number(max) > MAX_COLUMNS) report(`<col>: there is no column ${max}`);
    if (!(Number(width ?? 8) > 0 && Number(width ?? 8) <= 255)) report(`<col>: ${width} wide`);
    if (Number(style) >= styles) report(`<col>: has style ${style} of ${styles}`);
    last = Number(max);
  }
}

/** Checks a table against the sheet that it is on. */
export function checkTable(
  table: Element,
  sheet: Element,
  { header }: CheckedSheet,
  report: Report,
): void {
  const { ref = "", displayName = "", name = displayName } = table.attributes;
  const { first, last } = range(ref);
  const rows = childrenOf(childOf(sheet, "sheetData"), "row").length;
  if (first.row !== 1 || first.column !== 0 || last.row !== Math.max(2, rows)) {
    report(`<table>: ${ref} of ${rows} rows`);
  }
  if (name !== displayName) report(`<table>: ${name} is shown as ${displayName}`);
  // 18.5.1.2 lets it be no reference to a cell, of either style (18.17.2.3).
  const legal = /^[\p{L}_\\][\p{L}\p{N}_.\\]{0,254}$/u.test(displayName) &&
    !/^(?:[a-z]{1,3}\d+|r\d*(?:c\d*)?|c\d*)$/i.test(displayName);
  if (!legal) report(`<table>: ${JSON.stringify(displayName)} is no name`);
  const filter = childOf(table, "autoFilter")?.attributes.ref;
  if (filter !== undefined && filter !== ref) report(`<table>: ${ref} filters ${filter}`);
  if (childOf(sheet, "autoFilter")) report("<table>: has a filter, and its sheet has one too");

  const columns = childrenOf(childOf(table, "tableColumns"), "tableColumn")
    .map(({ attributes }) => ({ id: attributes.id!, name: unescaped(attributes.name!) }));
  if (columns.length !== last.column + 1) report(`<table>: ${ref} of ${columns.length} columns`);
  const ids = columns.map(({ id }) => id);
  if (new Set(ids).size < ids.length) report("<tableColumns>: two of one id");
  const names = columns.map(({ name }) => name.toLowerCase());
  if (new Set(names).size < names.length) report("<tableColumns>: two of one name");
  for (const [index, { name }] of columns.entries()) {
    if (name !== header[index]) {
      const [column, title] = [name, header[index]].map((text) => JSON.stringify(text));
      report(`<tableColumn>: ${column} over ${title}`);
    }
  }
}

/** Checks that no two tables of a workbook have one name or one id. */
export function checkTables(tables: readonly Element[], report: Report): void {
  for (const attribute of ["id", "displayName"]) {
    const values = tables.map(({ attributes }) => attributes[attribute]!.toLowerCase());
    if (new Set(values).size < values.length) report(`<table>: two of one ${attribute}`);
  }
}

/** Row from 1 on, column from 0 on. */
function place(reference: string): { readonly row: number; readonly column: number } {
  const [, letters = "", row = "0"] = /^([A-Z]+)(\d+)$/.exec(reference) ?? [];
  let column = 0;
  for (const letter of letters) column = column * 26 + letter.charCodeAt(0) - 0x40;
  return { row: Number(row), column: column - 1 };
}

function range(reference: string) {
  const [first = "", last = first] = reference.split(":");
  return { first: place(first), last: place(last) };
}
