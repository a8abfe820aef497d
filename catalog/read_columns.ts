/** Reads what an export says about its columns. */

import type { MaskRule } from "../access/policy.ts";
import { currencyFormat, PERCENT_FORMAT } from "../table/number_format.ts";
import type { ColumnSetting, ColumnType } from "../table/table.ts";
import { COLUMN, PERCENT } from "./config.ts";
import type { Path } from "./issues.ts";
import { listing } from "./params.ts";
import type { Reader } from "./reader.ts";

/** Types whose cells can be amounts or parts of a whole. */
const NUMBERS: readonly ColumnType[] = ["integer", "number", "decimal"];

/** What an export says about its columns, by name: objects without a prototype. */
export interface Columns {
  /** How they are read and shown. */
  readonly columns: Readonly<Record<string, ColumnSetting>>;
  /** How some are hidden; each of them is in `columns` too. */
  readonly masks: Readonly<Record<string, MaskRule>>;
}

/** Reads the settings by column name; what is wrong with them goes to the reader. */
export function readColumns(reader: Reader, value: unknown, path: Path): Columns {
  const columns: Record<string, ColumnSetting> = Object.create(null);
  const masks: Record<string, MaskRule> = Object.create(null);
  for (const [name, setting] of reader.entries(value, path)) {
    const read = readColumn(reader, setting ?? {}, [...path, name]);
    if (read === undefined) continue;
    columns[name] = read.column;
    if (read.mask) masks[name] = read.mask;
  }
  return { columns, masks };
}

function readColumn(
  reader: Reader,
  value: unknown,
  path: Path,
): { readonly column: ColumnSetting; readonly mask: MaskRule | undefined } | undefined {
  const { partial, whole } = reader.fields(COLUMN, value, path);
  const { type, format, currency, link } = partial;

  /** Some settings mean nothing to some types; where none is declared, the rows decide. */
  function only(key: keyof typeof COLUMN, types: readonly ColumnType[]): void {
    if (partial[key] === undefined || type === undefined || types.includes(type)) return;
    reader.add([...path, key], `only for ${listing(types)}, and the type is ${type}`);
  }

  only("timezone", ["datetime"]);
  only("currency", NUMBERS);
  if (format === PERCENT) only("format", NUMBERS);
  if (link) only("link", link === true ? ["string"] : ["string", "integer"]);
  if (currency !== undefined && format !== undefined) {
    reader.add([...path, "currency"], "a currency is a format; remove one of them");
  }
  if (partial.unless !== undefined && partial.mask === undefined) {
    reader.add([...path, "unless"], "only with a mask; say which one");
  }
  if (whole === undefined) return undefined;

  const { currency: code, mask, unless, ...settings } = whole;
  const shown = code !== undefined
    ? currencyFormat(code)
    : settings.format === PERCENT
    ? PERCENT_FORMAT
    : settings.format;
  return {
    column: Object.fromEntries(
      Object.entries({ ...settings, format: shown }).filter(([, setting]) => setting !== undefined),
    ),
    mask: mask && { mask, ...(unless === undefined ? {} : { unless }) },
  };
}
