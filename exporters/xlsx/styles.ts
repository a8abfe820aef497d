/** Writes `xl/styles.xml`, and gives every distinct number format of a table a cell style. */

import type { Column, ColumnType } from "../../sources/table.ts";
import { TableError } from "../exporter.ts";
import { isNumberFormat } from "./number_format.ts";
import { XML_DECLARATION, xmlAttribute } from "./xml_text.ts";

/** The cell styles of a table: indexes of `cellXfs`. */
export interface Styles {
  /** The style of a header cell: bold. */
  readonly header: number;
  /** The style of each column's cells, 0 where it has no number format. */
  readonly columns: readonly number[];
  /** The part. */
  readonly xml: string;
}

/** The style of the header: the one after the default style, whose index is always 0. */
const HEADER_STYLE = 1;

/** The first number format that a workbook may define; those below are built in (18.8.30). */
const FIRST_FORMAT = 164;

/** Number formats of columns that declare none. */
const DEFAULT_FORMATS: { readonly [Type in ColumnType]?: string } = {
  date: "yyyy-mm-dd",
  datetime: "yyyy-mm-dd hh:mm:ss",
  time: "hh:mm:ss",
  duration: "[h]:mm:ss",
};

/** The number format that a column's cells are shown in; absent where Excel decides by itself. */
export function columnFormat({ type, format }: Column): string | undefined {
  return format || DEFAULT_FORMATS[type];
}

/**
 * Collects the number formats of a table's columns.
 *
 * @throws {TableError} when one is no number format
 */
export function createStyles(columns: readonly Column[]): Styles {
  const formats = new Map<string, number>();
  const indexes = columns.map((column) => {
    const format = columnFormat(column);
    if (format === undefined) return 0;
    if (!isNumberFormat(format)) {
      throw new TableError(`Cannot show column "${column.name}" as "${format}": no number format`);
    }
    const known = formats.get(format);
    if (known !== undefined) return known;
    const index = HEADER_STYLE + 1 + formats.size;
    formats.set(format, index);
    return index;
  });
  return { header: HEADER_STYLE, columns: indexes, xml: stylesXml([...formats.keys()]) };
}

function stylesXml(formats: readonly string[]): string {
  const codes = formats.map((format, index) =>
    `<numFmt numFmtId="${FIRST_FORMAT + index}" formatCode="${xmlAttribute(format)}"/>`
  );
  const styles = formats.map((_, index) =>
    `<xf numFmtId="${FIRST_FORMAT + index}" fontId="0" fillId="0" borderId="0" xfId="0"` +
    ` applyNumberFormat="1"/>`
  );
  return XML_DECLARATION +
    '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">' +
    (codes.length > 0 ? `<numFmts count="${codes.length}">${codes.join("")}</numFmts>` : "") +
    '<fonts count="2">' +
    '<font><sz val="11"/><name val="Calibri"/><family val="2"/></font>' +
    '<font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font>' +
    "</fonts>" +
    // Excel takes the first two fills for its own, whatever they hold.
    '<fills count="2"><fill><patternFill patternType="none"/></fill>' +
    '<fill><patternFill patternType="gray125"/></fill></fills>' +
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>' +
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>' +
    "</cellStyleXfs>" +
    `<cellXfs count="${2 + styles.length}">` +
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>' +
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>' +
    styles.join("") +
    "</cellXfs>" +
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>' +
    "</styleSheet>";
}
