/** Reads the declaration of one param. */

import type { ParamItem, ParamItemType, ParamValue } from "../sources/source.ts";
import { PARAM } from "./config.ts";
import type { Path } from "./issues.ts";
import {
  DEFAULT_MAX_ITEMS,
  expectation,
  isAllowed,
  itemExpectation,
  listing,
  type Param,
} from "./params.ts";
import { isMapping, type Reader } from "./reader.ts";
import { exactInteger, isListType, itemTypeOf, PARSERS, parseString } from "./values.ts";

/** The types of a value, or of items, that the keys which only some params have are for. */
const APPLIES = {
  values: ["enum"],
  min: ["integer", "number", "date", "datetime"],
  max: ["integer", "number", "date", "datetime"],
  max_length: ["string"],
} as const satisfies Partial<Record<keyof typeof PARAM, readonly ParamItemType[]>>;

/** A param's name: no capital, as params are told from options by their first character. */
const NAME = /^[a-z][a-z0-9_]*$/;

/** Reads one param; nothing when there is an issue in it, which the reader knows then. */
export function readParam(
  reader: Reader,
  name: string,
  value: unknown,
  path: Path,
): Param | undefined {
  if (!NAME.test(name)) {
    reader.add(
      path,
      "the name of a param is small letters, digits and _, and begins with a letter",
    );
  }
  const { partial, whole } = reader.fields(PARAM, value, path);
  const { type, required, default: preset } = partial;
  if (type === undefined || !isMapping(value)) return undefined;
  for (const [key, types] of Object.entries(APPLIES)) {
    if (value[key] === undefined) continue;
    if ((types as readonly ParamItemType[]).includes(itemTypeOf(type))) continue;
    reader.add([...path, key], `only for ${listing(types)}, and the type is ${type}`);
  }
  if (value.max_items !== undefined && !isListType(type)) {
    reader.add([...path, "max_items"], `only for lists, and the type is ${type}`);
  }
  if (itemTypeOf(type) === "enum" && value.values === undefined) {
    reader.refuse([...path, "values"], "the list of the enum's values", undefined);
  }
  if (partial.from !== undefined) {
    for (const key of ["required", "default"]) {
      if (value[key] === undefined) continue;
      reader.add([...path, key], "not for a param from the identity, which always has a value");
    }
  }
  checkEnum(reader, partial.values, path);
  if (required === true && preset !== undefined) {
    reader.add(
      [...path, "required"],
      "a param with a default is never missing; remove one of them",
    );
  }

  const unlimited: Param = {
    name,
    type,
    required: required !== false && preset === undefined,
    ...(partial.title === undefined ? {} : { title: partial.title }),
    ...(partial.from === undefined ? {} : { from: partial.from }),
    ...(partial.log === undefined ? {} : { log: partial.log }),
    ...(partial.values === undefined ? {} : { values: partial.values }),
    ...(partial.max_length === undefined ? {} : { maxLength: partial.max_length }),
    ...(partial.max_items === undefined ? {} : { maxItems: partial.max_items }),
  };
  const min = readLimit(reader, unlimited, partial.min, [...path, "min"]);
  const max = readLimit(reader, unlimited, partial.max, [...path, "max"]);
  if (min !== undefined && max !== undefined && min > max) {
    reader.add([...path, "max"], "less than min, so that no value is legal");
    return undefined;
  }
  const param: Param = {
    ...unlimited,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  };
  // `default: null` is another way to write `required: false`.
  if (preset === undefined || preset === null) return whole && param;
  if (itemTypeOf(type) === "enum" && partial.values === undefined) return undefined;
  const literal = readDefault(param, preset);
  if (literal !== undefined) {
    const secret = reader.usesEnvironment([...path, "default"]);
    return whole && { ...param, default: literal, ...(secret ? { secretDefault: true } : {}) };
  }
  const hidden = ["values", "min", "max"].some((key) => reader.usesEnvironment([...path, key]));
  reader.refuse([...path, "default"], hidden ? `a legal ${type}` : expectation(param), preset);
  return undefined;
}

function checkEnum(reader: Reader, values: readonly string[] | undefined, path: Path): void {
  values?.forEach((value, index) => {
    if (parseString(value) === undefined) {
      reader.refuse([...path, "values", index], "text without NUL", value);
    } else if (values.indexOf(value) < index) {
      reader.refuse([...path, "values", index], "each value once", value);
    }
  });
}

function readLimit(
  reader: Reader,
  param: Param,
  value: unknown,
  path: Path,
): ParamItem | undefined {
  const type = itemTypeOf(param.type);
  if (value === undefined || !(APPLIES.min as readonly ParamItemType[]).includes(type)) {
    return undefined;
  }
  const limit = readLiteral(type, value);
  if (limit === undefined) reader.refuse(path, itemExpectation(param), value);
  return limit;
}

/** Reads what a param is where none is given; nothing where that is no legal value. */
function readDefault(param: Param, value: unknown): NonNullable<ParamValue> | undefined {
  const readItem = (item: unknown) => {
    const literal = readLiteral(itemTypeOf(param.type), item);
    return literal !== undefined && isAllowed(param, literal) ? literal : undefined;
  };
  if (!isListType(param.type)) return readItem(value);
  if (!Array.isArray(value) || value.length > (param.maxItems ?? DEFAULT_MAX_ITEMS)) {
    return undefined;
  }
  const items = value.flatMap((item) => readItem(item) ?? []);
  return items.length === value.length ? items : undefined;
}

/** Reads a value of the file: a number where YAML has numbers, else the text that a caller gives. */
function readLiteral(type: ParamItemType, value: unknown): ParamItem | undefined {
  switch (type) {
    case "integer":
      if (typeof value === "bigint") return exactInteger(value);
      return Number.isSafeInteger(value) ? Number(value) + 0 : undefined;
    case "number": {
      const number = typeof value === "bigint" ? Number(value) : value;
      return typeof number === "number" && Number.isFinite(number) ? number + 0 : undefined;
    }
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    default:
      return typeof value === "string" ? PARSERS[type](value) : undefined;
  }
}
