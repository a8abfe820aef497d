/** The tasks that requests are run as. */

import type { Config, ExportDefinition, SourceSetting } from "../catalog/config.ts";
import type { DocumentOptions } from "../exporters/document.ts";
import type { ContentCoding } from "../runs/content_coding.ts";
import type { RunTask } from "../runs/protocol.ts";
import type { ParamType } from "../sources/source.ts";
import { aboutEntries } from "./about.ts";
import type { RunRequest } from "./run_request.ts";

/**
 * The task that makes the file.
 *
 * @param now when it was asked for, which a workbook may show
 */
export function toTask(
  { exports, format, params, options, select }: RunRequest,
  coding: ContentCoding,
  sources: Config["sources"],
  now = new Date(),
): RunTask {
  return {
    export: exports.map(({ name }) => name).join(","),
    tables: exports.map((definition, index) => ({
      source: sources.get(definition.source)!,
      query: {
        text: definition.query,
        params: params[index]!,
        types: paramTypes(definition),
      },
      title: definition.title,
      columns: definition.columns,
      style: definition.style,
      ...(select ? { select } : {}),
    })),
    format: format.key,
    options: {
      ...options,
      ...(format.describesItself ? documentOptions(exports, params, sources, now) : {}),
    },
    coding,
  };
}

/**
 * The task that says which columns an export's query gives, or without an export only whether its source can
 * be opened; it makes no file.
 */
export function describeTask(source: SourceSetting, definition?: ExportDefinition): RunTask {
  const { name = "", title = "", query = "", columns = {}, params = new Map() } = definition ?? {};
  const values = Object.fromEntries([...params.keys()].map((param) => [param, null]));
  const types = definition ? paramTypes(definition) : {};
  return {
    export: name,
    tables: [{ source, query: { text: query, params: values, types }, title, columns }],
    format: "csv",
    options: {},
    coding: "identity",
    describe: definition ? "columns" : "source",
  };
}

function paramTypes({ params }: ExportDefinition): Readonly<Record<string, ParamType>> {
  return Object.fromEntries([...params.values()].map(({ name, type }) => [name, type]));
}

/** What a workbook tells beside its rows: the lines of each export, the first one's properties. */
function documentOptions(
  exports: readonly ExportDefinition[],
  params: RunRequest["params"],
  sources: Config["sources"],
  now: Date,
): DocumentOptions {
  const properties = exports.find(({ properties }) => properties)?.properties;
  const about = exports.flatMap((definition, index) => {
    const { type } = sources.get(definition.source)!;
    return definition.about ? aboutEntries(definition, params[index]!, type) : [];
  });
  return {
    ...(properties ? { properties } : {}),
    ...(about.length > 0 ? { about } : {}),
    // Only where it is shown: without it the same rows give the same bytes.
    ...(properties?.created || about.length > 0 ? { time: seconds(now) } : {}),
  };
}

/** RFC 3339 in UTC, without the fraction of a second. */
function seconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
