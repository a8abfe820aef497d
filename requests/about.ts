/** Says what a workbook's sheet "About" tells of an export: its title, what was asked for, its rows. */

import type { ExportDefinition, SourceSetting } from "../catalog/config.ts";
import type { Param } from "../catalog/params.ts";
import type { AboutEntry } from "../exporters/document.ts";
import type { Mask } from "../table/masks.ts";
import type { ParamItem, ParamType, ParamValue } from "../sources/source.ts";

/** What else there is to tell. */
export interface AboutOptions {
  /** Its source. */
  readonly source: SourceSetting;
  /** How columns that are written are hidden. */
  readonly masks: Readonly<Record<string, Mask>>;
  /** Rows that there may be. */
  readonly maxRows?: number;
  /** Whether rows beyond are left out. */
  readonly truncate?: boolean;
}

/** The lines about one export; those of several are joined as they are. */
export function aboutEntries(
  { title, params, columns }: ExportDefinition,
  values: Readonly<Record<string, ParamValue>>,
  { source: { snapshot = false }, masks, maxRows, truncate = false }: AboutOptions,
): readonly AboutEntry[] {
  const asked = [...params.values()].map((param) => ({
    label: param.title ?? param.name,
    value: shown(param, values[param.name] ?? null),
  }));
  const rows = snapshot
    ? "All rows are of one snapshot, as they were when the export began."
    : "The rows are as the source gave them, one after the other.";
  const hidden = Object.entries(masks).map(([name, mask]) =>
    `${columns[name]?.title ?? name} (${SAID[mask]})`
  );
  return [
    { label: title },
    ...asked,
    { label: "Rows", value: rows },
    ...(truncate ? [{ label: "At most", value: truncationText(maxRows!) }] : []),
    ...(hidden.length > 0 ? [{ label: "Hidden", value: hidden.join(", ") }] : []),
  ];
}

/** How masks are told. */
const SAID: Readonly<Record<Mask, string>> = {
  partial: "in part",
  redact: "all of it",
  hash: "as a hash",
};

/** The sheet is written before the rows are known. */
function truncationText(maxRows: number): string {
  return `${maxRows} rows. Rows beyond are left out: a table of so many may be a part of all rows.`;
}

/** A value as people read it. */
function shown({ type, default: preset, secretDefault }: Param, value: ParamValue): string {
  if (value === null || secretDefault && value === preset) return "not given";
  if (typeof value !== "object") return shownItem(type, value);
  if (value.length === 0) return "none";
  const items = value.slice(0, SHOWN_ITEMS).map((item) => shownItem(type, item)).join(", ");
  return value.length > SHOWN_ITEMS ? `${items} and ${value.length - SHOWN_ITEMS} more` : items;
}

/** Items of a list that are told one by one. */
const SHOWN_ITEMS = 20;

function shownItem(type: ParamType, value: ParamItem): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  // Datetimes are bound in UTC, without a word of it.
  return type.startsWith("datetime") ? `${value} UTC` : String(value);
}
