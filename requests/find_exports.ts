/** Finds what the name of a file stands for: an export, or several, and a format. */

import type { Config, ExportDefinition } from "../catalog/config.ts";
import type { Format } from "../exporters/format.ts";
import { RequestError } from "./request_error.ts";

/** What requests are found in. */
export interface Offer {
  /** What may be exported, and from where. */
  readonly catalog: Pick<Config, "exports" | "sources">;
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
 * @throws {RequestError} where there is no such file
 */
export function findExports(
  names: string,
  key: string,
  { catalog, formats }: Offer,
): FileOfExports {
  const list = names.split(",");
  const exports = list.map((name, index) => {
    const definition = findExport(name, catalog);
    if (list.indexOf(name) < index) refuse(`The export ${name} is named more than once`);
    return definition;
  });
  for (const { name, formats } of exports) {
    if (formats.includes(key)) continue;
    refuse(
      `The export ${name} is not offered as ${JSON.stringify(key)}, but as ${formats.join(", ")}`,
    );
  }
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
 * @throws {RequestError} where there is none of that name
 */
export function findExport(name: string, catalog: Offer["catalog"]): ExportDefinition {
  return catalog.exports.get(name) ?? refuse(`There is no export ${JSON.stringify(name)}`);
}

function refuse(detail: string): never {
  throw new RequestError(detail, { unknown: true });
}
