/** Numbers the cell styles of a workbook, and writes them as `xl/styles.xml`. */

import type { Alignment } from "../../table/table.ts";
import { XML_DECLARATION, xmlAttribute } from "./xml_text.ts";

/** What a cell looks like; what is absent is as in any other cell. */
export interface CellLook {
  /** Its number format. */
  readonly format?: string | undefined;
  /** One of {@linkcode FONT}. */
  readonly font?: number | undefined;
  /** One of {@linkcode FILL}. */
  readonly fill?: number | undefined;
  /** Where its text stands. */
  readonly align?: Alignment | undefined;
  /** Whether its text begins at the top of a row that is higher. */
  readonly top?: boolean | undefined;
  /** Whether long text goes on below. */
  readonly wrap?: boolean | undefined;
}

/** The fonts of a workbook, by index. */
export const FONT = { plain: 0, bold: 1, link: 2, heading: 3 } as const;

/** The fills of a workbook, by index. Excel takes the first two for its own, whatever they hold. */
export const FILL = { none: 0, gray125: 1, header: 2 } as const;

/** A family of cell styles that grows as it is asked. */
export interface CellStyles {
  /** The index in `cellXfs` of the style that looks so; 0 for a look with nothing in it. */
  indexOf(look: CellLook): number;
  /** The part, with every style that was asked for. */
  xml(): string;
}

/** The first number format that a workbook may define; those below are built in (18.8.30). */
const FIRST_FORMAT = 164;

// Black on it has a contrast of 16:1, where WCAG 2.2 asks for 4.5.
const HEADER_COLOR = "FFD9E1F2";

/** The colour that Excel gives to links. */
const LINK_COLOR = "FF0563C1";

/** Begins with the one style that every cell has which names none. */
export function createCellStyles(): CellStyles {
  const formats = new Map<string, number>();
  const styles = new Map<string, number>();

  function indexOf({ format, font = FONT.plain, fill = FILL.none, ...look }: CellLook): number {
    const alignment = alignmentXml(look);
    const formatId = format === undefined ? 0 : FIRST_FORMAT + numberOf(format, formats);
    const start = `<xf numFmtId="${formatId}" fontId="${font}" fillId="${fill}"` +
      ' borderId="0" xfId="0"' +
      (format === undefined ? "" : ' applyNumberFormat="1"') +
      (font === FONT.plain ? "" : ' applyFont="1"') +
      (fill === FILL.none ? "" : ' applyFill="1"');
    const style = alignment === "" ? `${start}/>` : `${start} applyAlignment="1">${alignment}</xf>`;
    return numberOf(style, styles);
  }

  indexOf({});
  return { indexOf, xml: () => stylesXml([...formats.keys()], [...styles.keys()]) };
}

/** The index of a text among those that were there before, or the next one. */
function numberOf(text: string, known: Map<string, number>): number {
  const number = known.get(text) ?? known.size;
  known.set(text, number);
  return number;
}

/** CT_CellAlignment (ECMA-376 part 1, 18.8.1). */
function alignmentXml({ align, top = false, wrap = false }: CellLook): string {
  const attributes = (align === undefined ? "" : ` horizontal="${align}"`) +
    (top ? ' vertical="top"' : "") + (wrap ? ' wrapText="1"' : "");
  return attributes === "" ? "" : `<alignment${attributes}/>`;
}

/** The order is that of CT_Stylesheet (18.8.39), within a font that of what Excel writes (18.8.22). */
function stylesXml(formats: readonly string[], styles: readonly string[]): string {
  const codes = formats.map((format, index) =>
    `<numFmt numFmtId="${FIRST_FORMAT + index}" formatCode="${xmlAttribute(format)}"/>`
  );
  return XML_DECLARATION +
    '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">' +
    (codes.length > 0 ? `<numFmts count="${codes.length}">${codes.join("")}</numFmts>` : "") +
    '<fonts count="4">' +
    '<font><sz val="11"/><name val="Calibri"/><family val="2"/></font>' +
    '<font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font>' +
    `<font><u/><sz val="11"/><color rgb="${LINK_COLOR}"/><name val="Calibri"/>` +
    '<family val="2"/></font>' +
    '<font><b/><sz val="14"/><name val="Calibri"/><family val="2"/></font>' +
    "</fonts>" +
    '<fills count="3"><fill><patternFill patternType="none"/></fill>' +
    '<fill><patternFill patternType="gray125"/></fill>' +
    `<fill><patternFill patternType="solid"><fgColor rgb="${HEADER_COLOR}"/>` +
    '<bgColor indexed="64"/></patternFill></fill></fills>' +
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>' +
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>' +
    "</cellStyleXfs>" +
    `<cellXfs count="${styles.length}">${styles.join("")}</cellXfs>` +
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>' +
    "</styleSheet>";
}
