/** Gathers the cells of a sheet into rows, and checks that they can be those of a sheet. */

import { BATCH_UNITS } from "../../batch_units.ts";
import {
  type Note,
  type NoteKind,
  type RawBatch,
  type ReadingLimits,
  SAMPLE_ROWS,
  UploadError,
} from "../reader.ts";
import type { Cell, ColumnType, Row } from "../../../table/table.ts";
import { parseDateTime, parseDays, parseTime } from "../../../table/datetime.ts";
import type { CellStyles } from "./cell_styles.ts";
import { parseNumber } from "./numbers.ts";
import { type CellRange, columnLetters, MAX_COLUMNS, MAX_ROWS } from "./references.ts";
import { quoted } from "../../quoted.ts";
import { DAYS_1904, serialCell } from "./serials.ts";
import type { SharedStrings } from "./shared_strings.ts";
import { XmlTextError } from "./xml_text.ts";

/** What the cells of a sheet are read with. */
export interface SheetContext {
  /** The sheet's name. */
  readonly sheet: string;
  /** Its cells that are read. */
  readonly range: CellRange;
  /** The workbook's shared strings. */
  readonly strings: SharedStrings;
  /** Absent where the workbook has none: then every number is one. */
  readonly styles: CellStyles | undefined;
  /** Whether its dates are of the system of 1904. */
  readonly is1904: boolean;
  /** What it may have. */
  readonly limits: ReadingLimits;
  /** Counts what is to be said. */
  readonly note: Note;
}

/** Rows after which a batch is full. */
const BATCH_ROWS = 256;

/** The widest row that the next one is expected to be like. */
const MAX_TEMPLATE = 256;

/** What a cell takes beside its text, so that a batch of wide rows has few. */
const CELL_UNITS = 4;

const EMPTY_ROW: Row = [];

/** Notes of the row that is read, by the number of the column. */
type RowNote = readonly [kind: NoteKind, column: number];

/** The rows of a sheet that is read. */
export class SheetRows {
  /** The number of the row that is read, from 1. */
  row = 0;
  /** The number of the column of the last cell in it, 0 before the first. */
  column = 0;
  #context: SheetContext;
  #rows: Row[] = [];
  #types: (readonly (ColumnType | undefined)[])[] = [];
  #cells: Cell[] = [];
  #cellTypes: (ColumnType | undefined)[] = [];
  #template: null[] = [];
  /** Cells of the row up to its last one that is not empty. */
  #length = 0;
  #lastRow = 0;
  /** The number of the last row that was given, 0 before. */
  #given = 0;
  #givenRows = 0;
  /** Whether the rows are still those that decide the types of the columns. */
  #isSample = true;
  #units = 0;
  #rowUnits = 0;
  #cellCount = 0;
  #seen = 0;
  #hidden = false;
  #notes: RowNote[] = [];

  /** Starts before the first row. */
  constructor(context: SheetContext) {
    this.#context = context;
  }

  /** Whether there are enough rows to be taken. */
  get full(): boolean {
    return this.#rows.length >= BATCH_ROWS || this.#units >= BATCH_UNITS;
  }

  /** Takes the rows that there are. */
  take(): RawBatch | undefined {
    if (this.#rows.length === 0) return undefined;
    const batch = { rows: this.#rows, ...(this.#isSample ? { types: this.#types } : {}) };
    this.#givenRows += this.#rows.length;
    this.#isSample = this.#givenRows < SAMPLE_ROWS;
    this.#rows = [];
    this.#types = [];
    this.#units = 0;
    return batch;
  }

  /** An error at the cell that is read. */
  error(reason: string, cause?: unknown): UploadError {
    const { sheet } = this.#context;
    const cell = this.column === 0 ? undefined : `${columnLetters(this.column)}${this.row}`;
    return new UploadError(reason, {
      position: { sheet, ...(cell === undefined ? {} : { cell }) },
      cause,
    });
  }

  /**
   * Starts a row.
   *
   * @param number 0 where the row has none: it is the next one
   */
  startRow(number: number, hidden: boolean): void {
    const row = number === 0 ? this.#lastRow + 1 : number;
    this.column = 0;
    this.row = row;
    if (row > MAX_ROWS) throw this.error(`a sheet has at most ${MAX_ROWS} rows`);
    if (row <= this.#lastRow) throw this.error(`row ${row} follows row ${this.#lastRow}`);
    this.#cells = this.#template.slice();
    this.#length = 0;
    this.#rowUnits = 0;
    this.#seen = 0;
    this.#hidden = hidden;
  }

  /** Forgets the row that was started. */
  dropRow(): void {
    this.row = this.#lastRow;
    this.column = 0;
    if (this.#notes.length > 0) this.#notes = [];
    if (this.#cellTypes.length > 0) this.#cellTypes = [];
  }

  /** Gives the row, where it has cells. */
  endRow(): void {
    const { range, limits, note, sheet } = this.#context;
    const row = this.row;
    this.#lastRow = row;
    this.#cellCount += Math.max(this.#seen, this.#length);
    if (this.#cellCount > limits.maxCells) {
      throw this.error(`it has more than the ${limits.maxCells} cells that are read`);
    }
    if (row < range.firstRow || row > range.lastRow) return this.dropRow();
    if (this.#hidden) note("hidden-row", sheet);
    if (this.#notes.length > 0) {
      for (const [kind, column] of this.#notes) note(kind, columnLetters(column));
      this.#notes = [];
    }
    if (this.#length === 0) return;
    // Rows without a cell are no elements; those before the first are not the table's.
    if (this.#given > 0) {
      for (let missing = this.#given + 1; missing < row; missing++) this.#give(EMPTY_ROW);
    }
    const cells = this.#cells;
    if (cells.length > this.#length) cells.length = this.#length;
    else if (cells.length > this.#template.length && cells.length <= MAX_TEMPLATE) {
      this.#template = new Array<null>(cells.length).fill(null);
    }
    this.#units += this.#rowUnits + cells.length * CELL_UNITS;
    this.#give(cells);
    this.#given = row;
  }

  #give(cells: Row): void {
    this.#rows.push(cells);
    if (!this.#isSample) return;
    this.#types.push(cells === EMPTY_ROW ? [] : this.#cellTypes);
    if (cells !== EMPTY_ROW) this.#cellTypes = [];
  }

  /**
   * Moves to a cell.
   *
   * @param number the column's, from 1; 0 where the cell has none: it is the next one
   * @returns whether it is one of those that are read
   */
  startCell(number: number): boolean {
    const column = number === 0 ? this.column + 1 : number;
    this.column = column;
    this.#seen++;
    if (column > MAX_COLUMNS) {
      throw this.error(`a sheet has at most ${MAX_COLUMNS} columns`);
    }
    const { range } = this.#context;
    return column >= range.firstColumn && column <= range.lastColumn &&
      this.row >= range.firstRow && this.row <= range.lastRow;
  }

  #set(cell: Cell, type?: ColumnType): void {
    const index = this.column - this.#context.range.firstColumn;
    const cells = this.#cells;
    if (index < cells.length) {
      if (cells[index] !== null) throw this.error("there are two of this cell");
      cells[index] = cell;
    } else {
      while (cells.length < index) cells.push(null);
      cells.push(cell);
    }
    if (index >= this.#length) this.#length = index + 1;
    if (type !== undefined && this.#isSample) this.#cellTypes[index] = type;
  }

  /** Sets the cell to a number, or to the date that its style makes of it. */
  setNumber(number: number, style: number): void {
    const { styles, is1904 } = this.#context;
    if (styles === undefined) return this.#set(number);
    if (style >= styles.length) {
      throw this.error(`it has style ${style}, and there are ${styles.length}`);
    }
    const reading = styles[style];
    if (reading === undefined) return this.#set(number);
    const isClock = reading.type === "duration" || reading.type === "time" && number < 1;
    const serial = is1904 && !isClock ? number + DAYS_1904 : number;
    const cell = serialCell(serial, reading);
    if (cell === undefined) this.#set(number);
    else this.#set(cell.text, cell.type);
  }

  /** Sets the cell to a number, by its text. */
  setNumberText(text: string, style: number): void {
    const number = parseNumber(text);
    if (number === undefined) throw this.error(`${quoted(text)} is no number`);
    if (typeof number === "string") this.setText(number, "decimal");
    else if (typeof number === "bigint") this.#set(number);
    else this.setNumber(number, style);
  }

  /**
   * Sets the cell to a text.
   *
   * @param type what the text stands for. @default text
   */
  setText(text: string, type?: ColumnType): void {
    this.#rowUnits += text.length;
    if (this.#rowUnits > this.#context.limits.maxRow) {
      throw this.error(`the row has more than ${this.#context.limits.maxRow} characters`);
    }
    this.#set(text, type);
  }

  /** Sets the cell to a shared string, by its number. */
  setShared(index: number): void {
    const { strings } = this.#context;
    if (!(index >= 0 && index < strings.length && Number.isInteger(index))) {
      throw this.error(`it is shared string ${index}, and there are ${strings.length}`);
    }
    let text: string;
    try {
      text = strings.text(index);
    } catch (error) {
      throw this.textError(error);
    }
    this.setText(text);
  }

  /** What was thrown where text was made of bytes: the cell's error, where they were none. */
  textError(error: unknown): unknown {
    return error instanceof XmlTextError ? this.error(error.message, error) : error;
  }

  /** Sets the cell to a boolean, by its text. */
  setBoolean(text: string): void {
    if (text !== "1" && text !== "0" && text !== "true" && text !== "false") {
      throw this.error(`${quoted(text)} is no boolean`);
    }
    this.#set(text === "1" || text === "true");
  }

  /** Sets the cell to the text of an error. */
  setError(text: string): void {
    this.#notes.push(["error-cell", this.column]);
    this.setText(text);
  }

  /** Sets the cell to a date as ISO 8601 has it; what is none stays text. */
  setIsoDate(text: string): void {
    const type = parseDays(text) !== undefined
      ? "date"
      : parseDateTime(text) !== undefined
      ? "datetime"
      : parseTime(text) !== undefined
      ? "time"
      : undefined;
    this.setText(text, type);
  }

  /** Counts a formula whose value is not there. */
  setUnknown(): void {
    this.#notes.push(["formula-unknown", this.column]);
  }
}
