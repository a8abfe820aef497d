/** Finds what the name of a file stands for: an export, or several, and a format. */

import { allowedFormats, assertFormat, seesExport } from "../access/policy.ts";
import type { Principal } from "../access/principal.ts";
import type { Config, ExportDefinition } from "../catalog/config.ts";
import type { Format } from "../exporters/format.ts";
import { RequestError } from "./request_error.ts";

/** What requests are found in. */
export interface Offer {
  /** What may be exported, and from where. */
  readonly catalog: Pick<Config, "exports" | "sources" | "access">;
  /** The formats, by key. */
  readonly formats: Readonly<Record<string, Format>>;
}

/** What a file is made of. */
export interface FileOfExports {
  /** The exports, in the order of their names. */
  readonly exports: readonly ExportDefinition[];
  /** What it is written in. */
  readonly format: Format;
}

/** Exports in one file: the query of each is open from the start, for a snapshot of about one time. */
const MAX_EXPORTS = 16;

/**
 * Finds the exports of a file.
 *
 * @param names one name, or several with commas between
 * @param key the key of a format
 * @throws {RequestError} where there is no such file, or none for this principal, in the same words
 * @throws {AccessError} where the principal may not have it in this format
 */
export function findExports(
  names: string,
  key: string,
  { catalog, formats }: Offer,
  principal: Principal,
): FileOfExports {
  const list = names.split(",");
  const exports = list.map((name, index) => {
    const definition = findExport(name, catalog, principal);
    if (list.indexOf(name) < index) refuse(`The export ${name} is named more than once`);
    return definition;
  });
  for (const { name, formats } of exports) {
    if (formats.includes(key)) continue;
    const others = allowedFormats(principal, formats);
    const also = others.length === 0 ? "" : `, but as ${others.join(", ")}`;
    refuse(`The export ${name} is not offered as ${JSON.stringify(key)}${also}`);
  }
  assertFormat(principal, key);
  const format = formats[key]!;
  if (list.length > 1 && !format.holdsSeveral) refuse(`A file of format ${key} holds one export`);
  if (list.length > MAX_EXPORTS) {
    refuse(`${list.length} exports are named, and a file holds at most ${MAX_EXPORTS}`);
  }
  const [first] = exports;
  const runsCode = exports.some(({ source }) => catalog.sources.get(source)?.runsCode);
  const other = exports.find(({ source }) => source !== first?.source);
  if (runsCode && other) {
    refuse(`${other.name} is not offered in a file with ${first!.name}: their sources do not mix`);
  }
  return { exports, format };
}

/**
 * Finds one export.
 *
 * @throws {RequestError} where there is none of that name that the principal sees
 */
export function findExport(
  name: string,
  catalog: Offer["catalog"],
  principal: Principal,
): ExportDefinition {
  const found = seesExport(principal, name) ? catalog.exports.get(name) : undefined;
  return found ?? refuse(`There is no export ${JSON.stringify(name)}`);
}

function refuse(detail: string): never {
  throw new RequestError(detail, { unknown: true });
}
