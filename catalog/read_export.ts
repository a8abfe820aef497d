/** Reads the definition of one export, and checks its parts against each other. */

import type { DocumentProperties } from "../exporters/document.ts";
import type { OptionSchemas } from "../exporters/format.ts";
import type { SourceLanguage } from "../sources/descriptor.ts";
import { type CAPS, DOCUMENT, EXPORT, type ExportDefinition, PROPERTIES } from "./config.ts";
import { type FilenameTemplate, parseFilename, safeFilename } from "./filename.ts";
import type { Path } from "./issues.ts";
import { listing, type Param } from "./params.ts";
import { placeholders } from "./placeholders.ts";
import { isMapping, type Reader } from "./reader.ts";
import { readColumns } from "./read_columns.ts";
import { readParam } from "./read_param.ts";
import { toSettings } from "./settings.ts";

/** A name under `sources`. */
export interface KnownSource {
  /** Its kind; absent where its `type` is none. */
  readonly kind?: { readonly type: string; readonly language: SourceLanguage };
}

/** What a configuration needs to know of a format; every `Format` is one. */
export interface FormatSchema {
  /** What an export may set for it, by key. */
  readonly settings: OptionSchemas;
}

/** What an export may refer to. */
export interface ExportContext {
  /** What stands under `sources` by name, whether or not the settings are right. */
  readonly sources: ReadonlyMap<string, KnownSource>;
  /** The formats, by key. */
  readonly formats: Readonly<Record<string, FormatSchema>>;
}

/** An export's name is a part of a URL: no dot, as one stands before the format. */
const NAME = /^[a-z0-9][a-z0-9_-]*$/;

/** Says what a name of an export or a source is. */
export const NAME_RULE =
  "a name is small letters, digits, - and _, and begins with a letter or a digit";

/** Whether it may be the name of an export or a source. */
export function isName(name: string): boolean {
  return NAME.test(name);
}

/** Reads one export; what is wrong with it goes to the reader, and nothing comes back then. */
export function readExport(
  reader: Reader,
  name: string,
  value: unknown,
  context: ExportContext,
): ExportDefinition | undefined {
  const path = ["exports", name];
  if (!isName(name)) reader.add(path, NAME_RULE);
  const settings = settingsOf(context.formats);
  // The keys of the formats are read by the same schemas, and taken out below.
  const shape = { ...EXPORT, ...settings, ...DOCUMENT } as typeof EXPORT & typeof DOCUMENT;
  const { partial, whole } = reader.fields(shape, value, path);
  if (!isMapping(value)) return undefined;

  const { source, formats } = partial;
  if (source !== undefined && !context.sources.has(source)) {
    const names = context.sources.size === 0 ? "" : ` (${listing([...context.sources.keys()])})`;
    reader.refuse([...path, "source"], `the name of a source${names}`, source);
  }
  const known = Object.keys(context.formats);
  formats?.forEach((format, index) => {
    if (!known.includes(format)) {
      reader.refuse([...path, "formats", index], listing(known), format);
    } else if (formats.indexOf(format) < index) {
      reader.refuse([...path, "formats", index], "each format once", format);
    }
  });

  const params = readParams(reader, value.params ?? null, [...path, "params"]);
  const declared = isMapping(value.params) ? Object.keys(value.params) : [];
  const kind = context.sources.get(source ?? "")?.kind;
  if (kind?.language.query === "none") {
    if (value.query !== undefined) {
      reader.add([...path, "query"], `not used: a source of type ${kind.type} takes no query`);
    }
  } else if (partial.query !== undefined) {
    checkPlaceholders(reader, partial.query, declared, path, kind?.language);
  } else if (value.query === undefined && kind?.language.query === "required") {
    reader.refuse([...path, "query"], "text", undefined);
  }
  const filename = readFilename(reader, partial.filename, declared, [...path, "filename"]);
  const { columns, masks } = readColumns(reader, value.columns ?? null, [...path, "columns"]);
  for (const { name: param, cursor } of params.values()) {
    if (cursor === undefined || !Object.hasOwn(masks, cursor)) continue;
    reader.add(
      [...path, "params", param, "from"],
      "follows a column that is masked, and receipts would show a value of it",
    );
  }
  const properties = value.properties === undefined
    ? undefined
    : readProperties(reader, value.properties, [...path, "properties"]);

  if (whole === undefined) return undefined;
  const { max_rows, max_bytes, max_duration } = whole;
  return {
    name,
    title: whole.title ?? name,
    source: whole.source,
    query: whole.query ?? "",
    params,
    columns,
    filename: filename ?? [name],
    formats: whole.formats ?? known,
    formatSettings: Object.fromEntries(
      Object.entries(whole).filter(([key]) => Object.hasOwn(settings, key)),
    ),
    style: whole.style,
    ...(properties ? { properties } : {}),
    about: whole.about,
    masks,
    reasonRequired: whole.reason === "required",
    caps: toSettings<typeof CAPS>({ max_rows, max_bytes, max_duration }),
    truncate: whole.truncate,
    join: whole.join,
    ...(whole.resume_window === undefined ? {} : { resumeWindow: whole.resume_window }),
  };
}

/** What all formats have an export set; those that share a key share its schema. */
function settingsOf(formats: ExportContext["formats"]): OptionSchemas {
  return Object.assign({}, ...Object.values(formats).map(({ settings }) => settings));
}

function readParams(reader: Reader, value: unknown, path: Path): ReadonlyMap<string, Param> {
  const params = new Map<string, Param>();
  for (const [name, declaration] of reader.entries(value, path)) {
    const param = readParam(reader, name, declaration, [...path, name]);
    if (param !== undefined) params.set(name, param);
  }
  return params;
}

function checkPlaceholders(
  reader: Reader,
  query: string,
  declared: readonly string[],
  path: Path,
  language: SourceLanguage = { query: "required" },
): void {
  const used = language.placeholders?.(query, declared) ?? placeholders(query);
  const written = reader.reference([...path, "query"]) ?? query;
  for (const name of used) {
    if (declared.includes(name)) continue;
    const shown = written.includes(`:${name}`) ? `:${name}` : "a param from the environment";
    reader.add([...path, "query"], `names ${shown}, which is not declared in params`);
  }
  for (const name of declared) {
    if (used.includes(name) || language.query === "optional") continue;
    reader.add([...path, "params", name], `not used: the query does not name :${name}`);
  }
}

function readFilename(
  reader: Reader,
  value: string | undefined,
  declared: readonly string[],
  path: Path,
): FilenameTemplate | undefined {
  if (value === undefined) return undefined;
  const template = parseFilename(value);
  const literal = template?.filter((piece) => typeof piece === "string").join("") ?? "";
  if (template === undefined) {
    reader.refuse(path, "a name with {param} for the value of a param", value);
  } else if (literal !== "" && !isSafe(literal)) {
    reader.refuse(path, 'a name without /, \\, :, *, ?, ", <, >, | and control characters', value);
  }
  for (const piece of template ?? []) {
    if (typeof piece === "string" || declared.includes(piece.param)) continue;
    const written = reader.reference(path) ?? value;
    const shown = written.includes(`{${piece.param}}`)
      ? `{${piece.param}}`
      : "a param from the environment";
    reader.add(path, `names ${shown}, which is not declared in params`);
  }
  return template;
}

/** Whether text has nothing that a file name cannot have; its length is not looked at. */
function isSafe(literal: string): boolean {
  return [...literal].every((character) => safeFilename(`x${character}x`) === `x${character}x`);
}

function readProperties(
  reader: Reader,
  value: unknown,
  path: Path,
): DocumentProperties | undefined {
  const { whole } = reader.fields(PROPERTIES, value, path);
  return whole && toSettings<typeof PROPERTIES>(whole);
}
