/** Chooses the converter of a column's cells to the type that an export declares for it. */

import { type Converter, toDecimal, toInteger, toNumber, type Value } from "./number_converters.ts";
import type { SourceColumn } from "./source.ts";
import { isJson } from "../table/is_json.ts";
import type { ColumnType } from "../table/table.ts";
import { toDate, toDatetime, toDuration, toTime } from "./time_converters.ts";

/** Text is itself; the rest is what CSV writes of it. */
const toText: Converter = (value) => {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
    case "boolean":
      return String(value);
    default:
      return undefined;
  }
};

const WORDS: ReadonlyMap<Value, boolean> = new Map<Value, boolean>([
  ...[1, "1", "true", "t"].map((word) => [word, true] as const),
  ...[0, "0", "false", "f"].map((word) => [word, false] as const),
]);

const toBoolean: Converter = (value) => {
  if (typeof value === "boolean") return value;
  return WORDS.get(typeof value === "string" && value.length < 6 ? value.toLowerCase() : value);
};

/** JSON text as it is; a number and a boolean are JSON too. */
const toJson: Converter = (value) => {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string") return value;
  return isJson(value) ? value : undefined;
};

/** Bytes, or the base64 of them (RFC 4648, 4). */
const toBinary: Converter = (value) => {
  if (typeof value !== "string") return typeof value === "object" ? value : undefined;
  try {
    return Uint8Array.fromBase64(value, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
};

const CONVERTERS: Readonly<Record<Exclude<ColumnType, "binary">, Converter>> = {
  string: toText,
  integer: toInteger,
  number: toNumber,
  decimal: toDecimal,
  boolean: toBoolean,
  date: toDate,
  datetime: toDatetime,
  time: toTime,
  duration: toDuration,
  json: toJson,
};

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as text, where they are UTF-8: what an SQL function makes of text is often binary. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The converter to a type, of any cell. */
export function createConverter(type: ColumnType): Converter {
  if (type === "binary") return toBinary;
  const convert = CONVERTERS[type];
  return (value) => {
    if (typeof value !== "object") return convert(value);
    const text = textOf(value);
    return text === undefined ? undefined : convert(text);
  };
}

/** Types of which every cell is text, and so a string as well. */
const TEXT_TYPES: readonly (ColumnType | undefined)[] = [
  "string",
  "date",
  "datetime",
  "time",
  "json",
];

/** Types of which every cell is a number, and so a decimal as well. */
const NUMBER_TYPES: readonly (ColumnType | undefined)[] = ["integer", "number", "decimal"];

/**
 * Makes a cell that is not null one of its column's type; one that is no such thing stays as it is, and
 * is counted, unless it is only looked at.
 */
export type ConvertCell = (cell: Value, looking?: boolean) => Value;

/**
 * The converter of a column's cells to the type that an export declares; nothing where they all are of
 * it already.
 *
 * @param count told of each cell that stays as it is
 */
export function cellConverter(
  { type, strict = false }: SourceColumn,
  declared: ColumnType,
  count: () => void,
): ConvertCell | undefined {
  const holds = type === declared ||
    declared === "string" && TEXT_TYPES.includes(type) ||
    declared === "decimal" && NUMBER_TYPES.includes(type);
  if (strict && holds) return undefined;
  const convert = createConverter(declared);
  return (cell, looking = false) => {
    const converted = convert(cell);
    if (converted !== undefined) return converted;
    if (!looking) count();
    return cell;
  };
}
