/** What the media type of an upload says of how it is read. */

import { ProblemError, unsupported } from "./problems.ts";

/** A media type (RFC 9110, 8.3.1). */
export interface MediaType {
  /** Type and subtype, in small letters; empty where none is said. */
  readonly essence: string;
  /** Its parameters, by their names in small letters. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Media types, by the format that they say. */
const FORMATS: Readonly<Record<string, string>> = {
  "text/csv": "csv",
  "application/csv": "csv",
  "text/tab-separated-values": "tsv",
  "application/x-ndjson": "ndjson",
  "application/ndjson": "ndjson",
  "application/jsonl": "ndjson",
  "application/x-jsonlines": "ndjson",
  "application/json": "json",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
};

/**
 * Types that say nothing: what clients send that know no better, what packs a file, and Excel's old type, which
 * Windows has for CSV.
 */
const VAGUE = [
  "",
  "application/octet-stream",
  "application/x-www-form-urlencoded",
  "text/plain",
  "application/vnd.ms-excel",
  "application/gzip",
  "application/x-gzip",
  "application/zstd",
  "application/zip",
  "application/x-zip-compressed",
];

/** Reads a media type. */
export function parseMediaType(text: string): MediaType {
  const [essence = "", ...parts] = text.split(";").map((part) => part.trim());
  const parameters = parts.flatMap((part) => {
    const [, name, quoted, plain] = /^([^=\s]+)=(?:"([^"]*)"|(\S*))$/.exec(part) ?? [];
    return name === undefined ? [] : [[name.toLowerCase(), quoted ?? plain ?? ""]];
  });
  return { essence: essence.toLowerCase(), parameters: Object.fromEntries(parameters) };
}

/**
 * What a media type says, as the params of a conversion say it.
 *
 * @throws {ProblemError} 415 where it is of a kind that is not read
 */
export function readingOf(
  { essence, parameters }: MediaType,
): readonly (readonly [name: string, text: string])[] {
  const format = FORMATS[essence];
  if (format === undefined && !VAGUE.includes(essence)) {
    throw new ProblemError(
      unsupported(`${essence} is not read, but ${[...new Set(Object.values(FORMATS))].join(", ")}`),
    );
  }
  const { charset, header } = parameters;
  return [
    ...(format === undefined ? [] : [["format", format] as const]),
    ...(charset === undefined || format === "xlsx" ? [] : [["encoding", charset] as const]),
    // RFC 4180, 3.
    ...(header === "present" || header === "absent"
      ? [["header", String(header === "present")] as const]
      : []),
  ];
}
