/** Reads the declaration of one param. */

import type { ParamValue } from "../sources/source.ts";
import { PARAM } from "./config.ts";
import type { Path } from "./mistakes.ts";
import { expectation, isAllowed, listing, type Param } from "./params.ts";
import { isMapping, type Reader } from "./reader.ts";
import { exactInteger, type ParamType, PARSERS, parseString } from "./values.ts";

/** The types that the keys which only some params have are for. */
const APPLIES = {
  values: ["enum"],
  min: ["integer", "number", "date", "datetime"],
  max: ["integer", "number", "date", "datetime"],
  max_length: ["string"],
} as const satisfies Partial<Record<keyof typeof PARAM, readonly ParamType[]>>;

/** A param's name: no capital, as params are told from options by their first character. */
const NAME = /^[a-z][a-z0-9_]*$/;

/** Reads one param; nothing when there is a mistake in it, which the reader knows then. */
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
    if (value[key] === undefined || (types as readonly ParamType[]).includes(type)) continue;
    reader.add([...path, key], `only for ${listing(types)}, and the type is ${type}`);
  }
  if (type === "enum" && value.values === undefined) {
    reader.refuse([...path, "values"], "the list of the enum's values", undefined);
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
    ...(partial.values === undefined ? {} : { values: partial.values }),
    ...(partial.max_length === undefined ? {} : { maxLength: partial.max_length }),
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
  if (type === "enum" && partial.values === undefined) return undefined;
  const literal = readLiteral(param, preset);
  if (literal !== undefined && isAllowed(param, literal)) {
    return whole && { ...param, default: literal };
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
): NonNullable<ParamValue> | undefined {
  if (value === undefined || !isLimited(param.type)) return undefined;
  const limit = readLiteral(param, value);
  if (limit === undefined) reader.refuse(path, expectation(param), value);
  return limit;
}

function isLimited(type: ParamType): boolean {
  return (APPLIES.min as readonly ParamType[]).includes(type);
}

/** Reads a value of the file: a number where YAML has numbers, else the text that a caller gives. */
function readLiteral(param: Param, value: unknown): NonNullable<ParamValue> | undefined {
  switch (param.type) {
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
      return typeof value === "string" ? PARSERS[param.type](value) : undefined;
  }
}
