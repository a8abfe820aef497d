/**
 * The formats that there are: adding one is a file or a folder, and an entry here.
 *
 * An entry has two sides, which are loaded apart: what a format is and its options, schemas included, for
 * the server; and the code that writes it, for the workers, which need no schema.
 */

import type { Exporter } from "./exporter.ts";
import type { Format } from "./format.ts";

/** How the two sides of a format are loaded. */
export interface FormatModules {
  /** What it is. */
  readonly format: () => Promise<Format>;
  /** What writes it. */
  readonly exporter: () => Promise<Exporter>;
}

/** Every format, by its key in URLs. */
export const FORMATS = {
  csv: {
    format: async () => (await import("./csv/format.ts")).csv,
    exporter: async () => (await import("./csv/mod.ts")).csv,
  },
  tsv: {
    format: async () => (await import("./csv/format.ts")).tsv,
    exporter: async () => (await import("./csv/mod.ts")).tsv,
  },
  json: {
    format: async () => (await import("./json.ts")).jsonFormat,
    exporter: async () => (await import("./json.ts")).json,
  },
  ndjson: {
    format: async () => (await import("./ndjson.ts")).ndjsonFormat,
    exporter: async () => (await import("./ndjson.ts")).ndjson,
  },
  xml: {
    format: async () => (await import("./xml.ts")).xmlFormat,
    exporter: async () => (await import("./xml.ts")).xml,
  },
  xlsx: {
    format: async () => (await import("./xlsx/format.ts")).xlsx,
    exporter: async () => (await import("./xlsx/mod.ts")).xlsx,
  },
} satisfies Readonly<Record<string, FormatModules>>;

/** The key of a format: `csv`. */
export type FormatKey = keyof typeof FORMATS;

/** Loads what all formats are, in the order in which they are offered. */
export function loadFormats(): Promise<Readonly<Record<FormatKey, Format>>>;
/** Loads what some formats are. */
export function loadFormats(
  modules: Readonly<Record<string, FormatModules>>,
): Promise<Readonly<Record<string, Format>>>;
/** Loads what formats are. */
export function loadFormats(
  modules: Readonly<Record<string, FormatModules>> = FORMATS,
): Promise<Readonly<Record<string, Format>>> {
  return loadSide(modules, ({ format }) => format());
}

/** Loads what writes one format; `key` is one that a request has named. */
export function loadExporter(key: string): Promise<Exporter> {
  return FORMATS[key as FormatKey].exporter();
}

/** Loads what writes every format. */
export function loadExporters(): Promise<Readonly<Record<FormatKey, Exporter>>> {
  return loadSide(FORMATS, ({ exporter }) => exporter());
}

async function loadSide<Key extends string, Side>(
  modules: Readonly<Record<Key, FormatModules>>,
  load: (modules: FormatModules) => Promise<Side>,
): Promise<Readonly<Record<Key, Side>>> {
  const entries = Object.entries<FormatModules>(modules);
  const sides = await Promise.all(entries.map(async ([key, one]) => [key, await load(one)]));
  return Object.fromEntries(sides);
}
