/** Writes `xl/tables/tableN.xml`: what makes a range of a sheet a table of Excel's. */

import type { Column } from "../../table/table.ts";
import type { Warnings } from "../warnings.ts";
import { truncate } from "./truncate.ts";
import { tableRange } from "./references.ts";
import { XML_DECLARATION, xmlAttribute } from "./xml_text.ts";

/** UTF-16 units of the name of a table or of one of its columns (Excel's limits). */
const MAX_NAME_UNITS = 255;

/** The look that Excel gives to a new table: blue, with stripes. */
const LOOK = "TableStyleMedium2";

/** A table of a workbook. */
export interface TablePart {
  /** Its number in the workbook, from 1 on. */
  readonly id: number;
  /** Its name in formulas. */
  readonly name: string;
  /** The names of its columns: the text of its header's cells, to the letter. */
  readonly columns: readonly string[];
  /** The rows of its sheet, the header included. */
  readonly rows: number;
}

/** Writes the part (CT_Table, ECMA-376 part 1, 18.5.1.2). */
export function tablePartXml({ id, name, columns, rows }: TablePart): string {
  // A table has one row under its header at least, be it empty.
  const range = tableRange(columns.length, Math.max(rows, 2));
  const list = columns.map((column, index) =>
    `<tableColumn id="${index + 1}" name="${columnAttribute(column)}"/>`
  );
  return XML_DECLARATION +
    '<table xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"' +
    ` id="${id}" name="${name}" displayName="${name}" ref="${range}" totalsRowShown="0">` +
    `<autoFilter ref="${range}"/>` +
    `<tableColumns count="${columns.length}">${list.join("")}</tableColumns>` +
    `<tableStyleInfo name="${LOOK}" showFirstColumn="0" showLastColumn="0" showRowStripes="1"` +
    ' showColumnStripes="0"/></table>';
}

/** An attribute of ST_Xstring, in which Excel looks for a line end as `_x000a_`. */
function columnAttribute(name: string): string {
  return xmlAttribute(name).replaceAll("&#10;", "_x000a_");
}

/**
 * Names the columns of a table after what is to stand above them: none empty, none longer than a name
 * may be, none with a control character but LF, no two the same in any letter case. Excel repairs a
 * table that breaks one of these rules, or whose header says anything else.
 *
 * @param warnings counts each column whose title had to change
 */
export function tableColumnNames(
  columns: readonly Column[],
  titles: readonly string[],
  warnings: Warnings,
): readonly string[] {
  const wanted = titles.map((title, index) =>
    truncate(legal(title), MAX_NAME_UNITS) || `Column${index + 1}`
  );
  const taken = new Set<string>();
  const keys = new Set(wanted.map(keyOf));
  const counts = new Map<string, number>();
  return wanted.map((title, index) => {
    let name = title;
    let count = counts.get(keyOf(title)) ?? 1;
    // A name that is made must not be another column's title either.
    while (taken.has(keyOf(name)) || name !== title && keys.has(keyOf(name))) {
      const suffix = ` (${++count})`;
      name = truncate(title, MAX_NAME_UNITS - suffix.length) + suffix;
    }
    counts.set(keyOf(title), count);
    taken.add(keyOf(name));
    if (name !== titles[index]) warnings.count("column-renamed", columns[index]!.name);
    return name;
  });
}

function keyOf(name: string): string {
  return name.toLowerCase();
}

function legal(title: string): string {
  return title.toWellFormed().replace(/\r\n?/g, "\n").replace(CONTROL, " ").trim();
}

// deno-lint-ignore no-control-regex -- they are what is looked for
const CONTROL = /[\0-\x09\x0b-\x1f\x7f\ufffe\uffff]/g;

/**
 * Makes the function that names the tables of a workbook after their sheets. A name is of letters,
 * digits, `_` and `.`, begins with a letter or `_`, is no reference to a cell and no other table's in
 * any letter case (18.5.1.2, displayName, and Excel's own rules for names).
 */
export function createTableNames(): (sheetName: string) => string {
  const taken = new Set<string>();
  return function nameOf(sheetName) {
    const plain = sheetName.normalize("NFC").replace(FOREIGN, "_").replace(/_+$/, "") || "Table";
    const base = /^[\p{L}_]/u.test(plain) && !REFERENCE.test(plain) ? plain : `_${plain}`;
    let name = base;
    for (let count = 2; taken.has(name.toLowerCase()); count++) name = `${base}_${count}`;
    taken.add(name.toLowerCase());
    return name;
  };
}

// Beyond the first plane are letters that no version of Excel is known to take.
const FOREIGN = /(?:[^\p{L}\p{Nd}_.]|[\u{10000}-\u{10ffff}])+/gu;

/** `A1`, `R1C1`, `RC` and their parts, and what a formula reads as a truth value. */
const REFERENCE = /^(?:[a-z]{1,3}\d+|r\d*(?:c\d*)?|c\d*|true|false)$/i;
