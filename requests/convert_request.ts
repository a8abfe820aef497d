/** A request to convert an uploaded file: how it is read, and what it becomes. */

import { assertConvert, assertFormat } from "../access/policy.ts";
import type { Principal } from "../access/principal.ts";
import type {
  Config,
  ConvertSettings,
  ExportDefinition,
  SourceSetting,
} from "../catalog/config.ts";
import type { Format } from "../exporters/format.ts";
import type { UploadConfig } from "../sources/upload/config.ts";
import { parseTypes, READING_OPTIONS, type ReadingValues } from "../sources/upload/options.ts";
import type { ColumnType } from "../table/table.ts";
import { RequestError, type RequestIssue, withIssues } from "./request_error.ts";
import { parseRequest, type RunRequest } from "./run_request.ts";

export { scratchBytes } from "../sources/upload/options.ts";

/** What its runs are called where exports have their name: none of them is called so. */
export const CONVERT_NAME = "/convert";

/** What a file is called that its sender has no name for. */
const UNNAMED = "convert";

/** UTF-16 units or bytes of a row at most: the default of sources' `max_row`. */
const MAX_ROW = 64 * 1024 * 1024;

/** What a caller says of a file and of what becomes of it. */
export interface ConvertOptions {
  /** How the file is read. */
  readonly reading: ReadingValues;
  /** The types of columns, by name: an object without a prototype. */
  readonly types: Readonly<Record<string, ColumnType>>;
  /** The options of the file that is made. */
  readonly rest: readonly (readonly [name: string, text: string])[];
}

/** An uploaded file. */
export interface UploadedFile {
  /** Where it is. */
  readonly path: string;
  /** Where what is unpacked of it may be written. */
  readonly scratch?: UploadConfig["scratch"];
  /** The name that its sender has for it, with or without an extension. */
  readonly name?: string | undefined;
}

/**
 * Finds the format of a conversion.
 *
 * @throws {RequestError} where there is none of that key
 * @throws {AccessError} where the principal may not convert, or not to that format
 */
export function findConversion(
  key: string,
  formats: Readonly<Record<string, Format>>,
  principal: Principal,
): Format {
  assertConvert(principal);
  const format = Object.hasOwn(formats, key) ? formats[key] : undefined;
  if (!format) {
    const known = Object.keys(formats).join(", ");
    throw new RequestError(`There is no format ${JSON.stringify(key)}, but ${known}`, {
      unknown: true,
    });
  }
  assertFormat(principal, key);
  return format;
}

/**
 * Reads the names and texts of a request: plain names say how the file is read, those with a leading `_` what
 * becomes of it.
 *
 * @throws {RequestError} with every issue by name
 */
export function parseConvertOptions(
  pairs: Iterable<readonly [name: string, text: string]>,
): ConvertOptions {
  const reading: Record<string, unknown> = {};
  let types: ConvertOptions["types"] = Object.create(null);
  const rest: (readonly [string, string])[] = [];
  const issues: RequestIssue[] = [];
  const seen = new Set<string>();
  for (const [name, text] of pairs) {
    if (name.startsWith("_") && name !== "_types") {
      rest.push([name, text]);
      continue;
    }
    const detail = seen.size === seen.add(name).size
      ? "is given more than once"
      : name === "_types"
      ? readTypes(text)
      : readReading(name, text);
    if (detail !== undefined) issues.push({ name, detail });
  }
  if (issues.length > 0) throw withIssues(issues);
  return { reading, types, rest };

  function readTypes(text: string): string | undefined {
    try {
      types = parseTypes(text);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  function readReading(name: string, text: string): string | undefined {
    if (!Object.hasOwn(READING_OPTIONS, name)) {
      return `says nothing of how a file is read; there are ${
        Object.keys(READING_OPTIONS).join(", ")
      }`;
    }
    const { error, data } = READING_OPTIONS[name as keyof typeof READING_OPTIONS].safeParse(text);
    if (error) return error.issues[0]!.message;
    reading[name] = data;
    return undefined;
  }
}

/** What a request is made with. */
export interface ConvertContext {
  /** Who asks. */
  readonly principal: Principal;
  /** All formats, by key. */
  readonly formats: Readonly<Record<string, Format>>;
  /** What may be converted. */
  readonly settings: ConvertSettings;
  /** The trace that it is a part of. @default none */
  readonly traceparent?: string | undefined;
}

/** A request, and the catalogue of its one source. */
export interface ConvertRequest {
  /** The request. */
  readonly request: RunRequest;
  /** The sources that it is run with. */
  readonly sources: Config["sources"];
}

/**
 * Makes the request that a run is started for: an export of one table, whose source is the file.
 *
 * @throws {RequestError} with every issue by name
 */
export function convertRequest(
  format: Format,
  file: UploadedFile,
  { reading, types, rest }: ConvertOptions,
  { principal, formats, settings, traceparent }: ConvertContext,
): ConvertRequest {
  const config: UploadConfig = {
    ...reading,
    path: file.path,
    formats: settings.formats,
    max_cells: settings.maxCells,
    max_row: MAX_ROW,
    scratch: file.scratch,
  };
  const source: SourceSetting = { type: "upload", config, snapshot: true, uploaded: true };
  const stem = file.name?.replace(/^.*[/\\]/, "").replace(/\.(?:gz|zst|zstd|zip)$/i, "")
    .replace(/\.[A-Za-z0-9]{1,8}$/, "");
  const title = stem === undefined || stem === "" ? UNNAMED : stem;
  const definition: ExportDefinition = {
    name: CONVERT_NAME,
    title,
    source: CONVERT_NAME,
    query: "",
    params: new Map(),
    columns: Object.assign(
      Object.create(null),
      Object.fromEntries(Object.entries(types).map(([name, type]) => [name, { type }])),
    ),
    filename: [title],
    formats: Object.keys(formats),
    formatSettings: defaultSettings(formats),
    style: "plain",
    about: false,
    masks: Object.create(null),
    reasonRequired: false,
    join: false,
    caps: {},
    truncate: false,
    // Who comes back sends the file again, which is another upload.
    resumeWindow: 0,
  };
  return {
    request: parseRequest({ exports: [definition], format }, rest, {
      principal,
      formats,
      traceparent,
    }),
    sources: new Map([[CONVERT_NAME, source]]),
  };
}

/** What formats do where no export of the configuration says otherwise. */
function defaultSettings(formats: Readonly<Record<string, Format>>): Record<string, unknown> {
  const entries = Object.values(formats).flatMap(({ settings }) => Object.entries(settings));
  return Object.fromEntries(entries.map(([key, schema]) => [key, schema.parse(undefined)]));
}
