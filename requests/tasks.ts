/** The tasks that requests are run as. */

import { createHmac } from "node:crypto";
import { strictestCaps } from "../access/policy.ts";
import type { Principal } from "../access/principal.ts";
import type { Config, ExportDefinition, SourceSetting } from "../catalog/config.ts";
import type { DocumentOptions } from "../exporters/document.ts";
import type { ContentCoding, FollowedType, RunTask, TableTask } from "../runs/protocol.ts";
import type { ParamType } from "../sources/source.ts";
import { aboutEntries } from "./about.ts";
import type { RunRequest } from "./run_request.ts";

/**
 * The task that makes the file.
 *
 * @param now when it was asked for, which a workbook may show
 */
export function toTask(
  request: RunRequest,
  coding: ContentCoding,
  { sources, access }: Pick<Config, "sources" | "access">,
  now = new Date(),
): RunTask {
  const { principal, exports, format, params, options, select, masks } = request;
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
      ...hiding(masks[index]!, principal, access.maskSecret),
      ...rowLimit(definition, principal),
      ...following(definition),
    })),
    format: format.key,
    options: {
      ...options,
      ...(format.describesItself ? documentOptions(request, sources, now) : {}),
    },
    coding,
  };
}

/** What hides columns. The key is the tenant's: neither a worker nor another tenant can make other hashes. */
function hiding(
  masks: RunRequest["masks"][number],
  { tenant }: Principal,
  secret: string | undefined,
): Pick<TableTask, "masks" | "maskKey"> {
  const kinds = Object.values(masks);
  if (kinds.length === 0) return {};
  if (!kinds.includes("hash") || secret === undefined) return { masks };
  const text = JSON.stringify(["spillway-mask-v1", tenant ?? null]);
  return { masks, maskKey: createHmac("sha256", secret).update(text).digest("base64url") };
}

/** The columns that its params follow. */
function following({ params }: ExportDefinition): Pick<TableTask, "follow"> {
  const followed = [...params.values()].flatMap(({ cursor, type }) =>
    cursor === undefined ? [] : [[cursor, type as FollowedType] as const]
  );
  return followed.length === 0 ? {} : { follow: Object.fromEntries(followed) };
}

/** How many rows an export may have, by itself and for who asks. */
function rowLimit(
  { caps, truncate }: ExportDefinition,
  principal: Principal,
): Pick<TableTask, "maxRows" | "truncate"> {
  const { maxRows } = strictestCaps(caps, principal.caps);
  return maxRows === undefined ? {} : { maxRows, truncate };
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
  { exports, params, masks, select, principal }: RunRequest,
  sources: Config["sources"],
  now: Date,
): DocumentOptions {
  const properties = exports.find(({ properties }) => properties)?.properties;
  const about = exports.flatMap((definition, index) => {
    if (!definition.about) return [];
    const hidden = Object.entries(masks[index]!).filter(([name]) => select?.includes(name) ?? true);
    return aboutEntries(definition, params[index]!, {
      source: sources.get(definition.source)!,
      masks: Object.fromEntries(hidden),
      ...rowLimit(definition, principal),
    });
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
