/** Gives every distinct look of a workbook's cells a style, and writes `xl/styles.xml`. */

import { isNumberFormat } from "../../table/number_format.ts";
import type { Column, ColumnType, Table } from "../../table/table.ts";
import { TableError } from "../exporter.ts";
import { type CellLook, createCellStyles, FILL, FONT } from "./cell_styles.ts";

/** The cell styles of a workbook: indexes of `cellXfs`. */
export interface Styles {
  /** Those of each table. */
  readonly tables: readonly TableStyles[];
  /** Those of the sheet "About". */
  readonly about: AboutStyles;
  /** The part. */
  readonly xml: string;
}

/** The cell styles of a table, one a column each. */
export interface TableStyles {
  /** Of the header: bold, on a fill. */
  readonly headers: readonly number[];
  /** Of the cells; 0 where there is nothing to say about a column. */
  readonly columns: readonly number[];
  /** Of the cells that lead somewhere: as the others, but blue and underlined. */
  readonly links: readonly number[];
  /** Of dates and times that the format of their column does not show whole. */
  readonly times: readonly TimeStyles[];
}

/** More cell styles of a column; its own where it declares a format, or holds neither dates nor times. */
export interface TimeStyles {
  /** Of what has a fraction of a second. */
  readonly fraction: number;
  /** Of a time of a day or more. */
  readonly long: number;
  /** Of both. */
  readonly longFraction: number;
}

/** The cell styles of the sheet "About"; 0 where the workbook has none. */
export interface AboutStyles {
  /** Of what stands above the lines about an export. */
  readonly heading: number;
  /** Of what a line is called. */
  readonly label: number;
  /** Of what it says. */
  readonly value: number;
  /** Of the time at which the workbook was made. */
  readonly time: number;
}

/** Number formats of columns that declare none. */
const DEFAULT_FORMATS: { readonly [Type in ColumnType]?: string } = {
  date: "yyyy-mm-dd",
  datetime: "yyyy-mm-dd hh:mm:ss",
  time: "hh:mm:ss",
  duration: "[h]:mm:ss",
};

/** What shows a fraction of a second, of which Excel has no more digits. */
const FRACTION_FORMAT = ".000";

/** The number format that a column's cells are shown in; absent where Excel decides by itself. */
export function columnFormat({ type, format }: Column): string | undefined {
  return format || DEFAULT_FORMATS[type];
}

/** What to make styles for. */
export interface StylesOptions {
  /** Whether there is a sheet "About". @default false */
  readonly about?: boolean;
}

/**
 * Collects the styles of a workbook's tables.
 *
 * @throws {TableError} when a number format is none
 */
export function createStyles(
  tables: readonly Pick<Table, "columns" | "style">[],
  { about = false }: StylesOptions = {},
): Styles {
  const styles = createCellStyles();

  function timeStyles({ type, format }: Column, look: CellLook): TimeStyles {
    const own = styles.indexOf(look);
    const shown = format ? undefined : DEFAULT_FORMATS[type];
    if (shown === undefined || type === "date") {
      return { fraction: own, long: own, longFraction: own };
    }
    const long = type === "time" ? DEFAULT_FORMATS.duration! : shown;
    return {
      fraction: styles.indexOf({ ...look, format: shown + FRACTION_FORMAT }),
      long: styles.indexOf({ ...look, format: long }),
      longFraction: styles.indexOf({ ...look, format: long + FRACTION_FORMAT }),
    };
  }

  const tableStyles = tables.map(({ columns, style }) => {
    // A table's own style colours its header, and a fill of the cells would lie over it.
    const header: CellLook = {
      font: FONT.bold,
      ...(style === "table" ? {} : { fill: FILL.header }),
    };
    const wraps = columns.some(({ wrap }) => wrap);
    const looks = columns.map((column) => cellLook(column, wraps));
    return {
      headers: columns.map(({ align, wrap }) => styles.indexOf({ ...header, align, wrap })),
      columns: looks.map(styles.indexOf),
      links: columns.map(({ link }, index) =>
        styles.indexOf(link ? { ...looks[index]!, font: FONT.link } : looks[index]!)
      ),
      times: columns.map((column, index) => timeStyles(column, looks[index]!)),
    };
  });
  const aboutStyles = {
    heading: about ? styles.indexOf({ font: FONT.heading }) : 0,
    label: about ? styles.indexOf({ font: FONT.bold, top: true }) : 0,
    value: about ? styles.indexOf({ top: true, wrap: true }) : 0,
    time: about ? styles.indexOf({ format: DEFAULT_FORMATS.datetime, align: "left" }) : 0,
  };
  return { tables: tableStyles, about: aboutStyles, xml: styles.xml() };
}

/** @param top whether rows can be higher than one line, which are read from the top */
function cellLook(column: Column, top: boolean): CellLook {
  const format = columnFormat(column);
  if (format !== undefined && !isNumberFormat(format)) {
    throw new TableError(`Cannot show column "${column.name}" as "${format}": no number format`);
  }
  return { format, align: column.align, wrap: column.wrap, top };
}
