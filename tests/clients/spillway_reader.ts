/** Reads workbooks with our own reader of uploads. */

import { openFile } from "../../sources/upload/files.ts";
import { checkKind } from "../../sources/upload/xlsx/file_kind.ts";
import { openSheet } from "../../sources/upload/xlsx/mod.ts";
import { openPackage } from "../../sources/upload/xlsx/package_parts.ts";
import { readWorkbook } from "../../sources/upload/xlsx/workbook.ts";
import type { RawRows } from "../../sources/upload/reader.ts";
import { parseDateTime, parseDays, parseIsoDuration, parseTime } from "../../table/datetime.ts";
import type { Cell, ColumnType } from "../../table/table.ts";
import type { Found, ReadValue } from "./reader.ts";

/** Every sheet of a workbook. */
export async function* readSpillway(path: string): AsyncGenerator<Found> {
  using file = openFile(path);
  checkKind(file);
  const { sheets } = await readWorkbook(openPackage(file));
  for (const [index, { name }] of sheets.entries()) {
    yield name;
    const rows = await openSheet(file, {
      reading: { sheet: index + 1, range: "1:1048576" },
      limits: { maxCells: 1e9, maxRow: 2 ** 30 },
      note: () => {},
    });
    yield* foundRows(rows);
  }
}

async function* foundRows(rows: RawRows): AsyncGenerator<Found> {
  /** Of the last rows that have types: those that follow are alike. */
  const known: (ColumnType | undefined)[] = [];
  for (let batch; (batch = await rows.read());) {
    for (const [index, cells] of batch.rows.entries()) {
      const types = batch.types?.[index];
      types?.forEach((type, column) => known[column] = type);
      yield cells.map((cell, column) => valueOf(cell, (types ?? known)[column]));
    }
  }
}

/** A cell as other readers have it: dates, times and durations as serials. */
function valueOf(cell: Cell, type: ColumnType | undefined): ReadValue {
  if (typeof cell === "bigint") return Number(cell);
  if (typeof cell !== "string") return cell as ReadValue;
  switch (type) {
    case "date":
      return serial(parseDays(cell)!, 0, "");
    case "datetime": {
      const { days, seconds, fraction } = parseDateTime(cell)!;
      return serial(days, seconds, fraction);
    }
    case "time": {
      const { seconds, fraction } = parseTime(cell)!;
      return serial(-EPOCH, seconds, fraction);
    }
    case "duration": {
      const { seconds, fraction } = parseIsoDuration(cell)!;
      return serial(-EPOCH, seconds, fraction);
    }
    default:
      return cell;
  }
}

/** From 1899-12-30 to 1970-01-01, in days. */
const EPOCH = 25_569;

function serial(days: number, seconds: number, fraction: string): number {
  return days + EPOCH + (seconds + Number(`0${fraction}`)) / 86_400;
}
