/** Reads the rows of NDJSON and of JSON arrays: objects, or arrays of cells, exactly. */

import { createConverter } from "../converters.ts";
import { declaredTypes } from "../declared_types.ts";
import { exactNumber } from "./json_numbers.ts";
import { membersOf } from "./json_text.ts";
import type { JsonSplitter } from "./ndjson_rows.ts";
import type { Converter } from "../number_converters.ts";
import { listed, quoted } from "../quoted.ts";
import { namedColumns, rowError, type RowReader, type RowReaderSettings } from "./row_reader.ts";
import type { SourceColumn } from "../source.ts";
import { messageOf } from "../../table/message_of.ts";
import type { Cell } from "../../table/table.ts";

/**
 * What a double may not hold: 16 digits, or an exponent of three. Looking for it takes a tenth of the
 * time of parsing; a string with such a text in it is read exactly for nothing. `JSON.parse` with the
 * source's text (ECMA-262, 25.5.1) takes five times as long as without, for every row.
 */
const INEXACT = /[:,[]\s*-?(?:\d[\d.]{15}|[\d.]{1,15}[eE][+-]?\d{3})/;

/** The number of rows, behind the last one. */
const COUNT = /^\s*\d+\s*$/;

/**
 * Makes a reader of rows.
 *
 * An array that comes before all rows, where no columns are set, names them: `["id", {"name": "at",
 * "type": "datetime"}]`. Without one, the first object's keys are the columns. A whole number is the
 * count of the rows; nothing may follow it.
 */
export function createJsonReader(
  splitter: JsonSplitter,
  { columns: names, types }: RowReaderSettings,
): RowReader {
  let columns: readonly SourceColumn[] | undefined;
  let indices = new Map<string, number>();
  let converters: readonly (Converter | undefined)[] = [];
  /** Columns of which a number keeps its text. */
  let verbatim: readonly boolean[] = [];
  let hasVerbatim = false;
  let rows = 0;
  let counted = false;
  let ended = false;

  function setColumns(found: readonly SourceColumn[]): void {
    columns = found;
    indices = new Map(found.map(({ name }, index) => [name, index]));
    const declared = declaredTypes(found, types);
    // What the export declares is for `to_table`.
    converters = found.map(({ type }, index) =>
      type && !declared[index] ? createConverter(type) : undefined
    );
    verbatim = found.map(({ type }, index) => {
      const wanted = declared[index] ?? type;
      return wanted === "decimal" || wanted === "string";
    });
    hasVerbatim = verbatim.includes(true);
  }
  if (names) setColumns(names.map((name) => ({ name })));

  const fail = (reason: string, cause?: unknown) => rowError(rows + 1, reason, cause);

  function parse(text: string): object {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw fail("it is not JSON", error);
    }
    if (typeof value !== "object" || value === null) throw fail("it is no object and no array");
    return value;
  }

  function checkCount(text: string): void {
    const count = Number(text);
    if (count !== rows) {
      throw fail(`the upstream counted ${text.trim()} rows, and ${rows} came`);
    }
    counted = true;
  }

  /** The cells of a row's values, in its columns' order; nothing where its text must tell them. */
  function toCells(text: string, values: unknown[]): Cell[] | undefined {
    if (INEXACT.test(text)) return undefined;
    for (let index = 0; index < values.length; index++) {
      const value = values[index];
      if (value === null) continue;
      if (typeof value === "object") return undefined;
      if (hasVerbatim && typeof value === "number" && verbatim[index]) return undefined;
      const convert = converters[index];
      if (convert) values[index] = convert(value as string | number | boolean) ?? value;
    }
    return values as Cell[];
  }

  /** Reads a row that may hold what `JSON.parse` changes, or keys in another order. */
  function readExactly(text: string): Cell[] {
    const members = membersOf(text);
    const isArray = /^\s*\[/.test(text);
    columns ?? setColumns(members.map(({ key }) => ({ name: key })));
    const known = columns!;
    if (isArray && members.length !== known.length) {
      throw fail(`it has ${members.length} cells, and there are ${known.length} columns`);
    }
    if (!isArray && indices.size !== known.length) {
      throw fail("it is an object, and two columns have one name");
    }
    const cells = new Array<Cell>(known.length).fill(null);
    const seen = new Set<string>();
    members.forEach(({ key, text }, position) => {
      const index = isArray ? position : indices.get(key);
      if (index === undefined) {
        throw fail(`its key ${quoted(key)} is none of ${listed([...indices.keys()])}`);
      }
      if (!isArray && seen.size === seen.add(key).size) {
        throw fail(`its key ${quoted(key)} is there twice`);
      }
      const value = exactValue(text, verbatim[index]!);
      cells[index] = value === null ? null : converters[index]?.(value) ?? value;
    });
    return cells;
  }

  function readRow(text: string): Cell[] | undefined {
    const value = parse(text);
    if (Array.isArray(value)) {
      if (!columns) {
        const found = namedColumns(value);
        if (!found) throw fail("an array before all rows names the columns, and this one does not");
        setColumns(found);
        return undefined;
      }
      const cells = value.length === columns.length ? toCells(text, value) : undefined;
      return cells ?? readExactly(text);
    }
    // So that a key that is there twice is found, of which parsing leaves the last: a writer of one
    // row so writes all of them so.
    if (!columns || rows === 0) return readExactly(text);
    const keys = Object.keys(value);
    let alike = keys.length === columns.length;
    for (let index = 0; alike && index < keys.length; index++) {
      alike = keys[index] === columns[index]!.name;
    }
    const values = alike ? Object.values(value) : inOrder(value as Record<string, unknown>, keys);
    return values && toCells(text, values) || readExactly(text);
  }

  /** The values of an object whose keys are others, or in another order; nothing where one is unknown. */
  function inOrder(
    value: Readonly<Record<string, unknown>>,
    keys: readonly string[],
  ): unknown[] | undefined {
    const values = new Array<unknown>(columns!.length).fill(null);
    for (const key of keys) {
      const index = indices.get(key);
      if (index === undefined) return undefined;
      values[index] = value[key];
    }
    return indices.size === columns!.length ? values : undefined;
  }

  return {
    get columns() {
      return columns;
    },
    get proven() {
      return counted || ended && splitter.proven;
    },
    write: splitter.write,
    end() {
      ended = true;
      attempt(splitter.end);
    },
    read() {
      for (;;) {
        const text = attempt(splitter.next);
        if (text === undefined) return undefined;
        if (counted) throw fail("it follows the count of the rows");
        if (COUNT.test(text)) {
          checkCount(text);
          continue;
        }
        const row = readRow(text);
        if (row === undefined) continue;
        rows++;
        return row;
      }
    },
  };

  function attempt<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      throw fail(messageOf(error), error);
    }
  }
}

/** A value's cell, with nothing lost: nested values are their text. */
function exactValue(text: string, verbatim: boolean): string | number | bigint | boolean | null {
  switch (text[0]) {
    case '"':
      return JSON.parse(text);
    case "t":
      return true;
    case "f":
      return false;
    case "n":
      return null;
    case "{":
    case "[":
      return text;
    default:
      return verbatim && /^-?\d+(?:\.\d+)?$/.test(text) ? text : exactNumber(text);
  }
}
