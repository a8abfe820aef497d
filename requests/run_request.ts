/** A precise request, from names and values: its params and its options, whoever sent them and however. */

import type { ExportDefinition } from "../catalog/config.ts";
import { listing, parseParams } from "../catalog/params.ts";
import type { Format, OptionSchemas, OptionValues } from "../exporters/format.ts";
import type { ParamValue } from "../sources/source.ts";
import type { FileOfExports } from "./find_exports.ts";
import { COMMON_OPTIONS, type Delivery } from "./options.ts";
import type { Principal } from "./principal.ts";
import { RequestError, type RequestIssue, withIssues } from "./request_error.ts";

/** What a caller asks for, as precise as it can be before its query runs. */
export interface RunRequest extends FileOfExports {
  /** Who asks. */
  readonly principal: Principal;
  /** Values of all the params of each export. */
  readonly params: readonly Readonly<Record<string, ParamValue>>[];
  /** What the exporter is told: of the configuration, and over it of this request. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The columns to write, in order. */
  readonly select?: readonly string[];
  /** The stem of the file's name. */
  readonly filename?: string;
  /** How it is delivered. */
  readonly delivery: Delivery;
  /** Why it is asked for, in the principal's words. */
  readonly reason?: string;
}

/** Params and options of a request, a list counting once; more are no request but an attempt. */
const MAX_PARAMS = 200;

/** What a request is parsed with. */
export interface ParseOptions {
  /** Who asks. */
  readonly principal: Principal;
  /** All formats, by key: an option of another one is told from none. */
  readonly formats: Readonly<Record<string, Format>>;
}

/**
 * Parses names and texts, such as those of a query string. Names with a leading `_` are options, all others
 * params of the exports: one that several declare is for each of them.
 *
 * @throws {RequestError} with every issue by name
 */
export function parseRequest(
  { exports, format }: FileOfExports,
  pairs: Iterable<readonly [name: string, text: string]>,
  { principal, formats }: ParseOptions,
): RunRequest {
  const all = [...pairs];
  const { size } = new Set(all.map(([name]) => name));
  if (size > MAX_PARAMS) {
    throw new RequestError(
      `${size} params and options are given, and at most ${MAX_PARAMS} are read`,
    );
  }
  const issues: RequestIssue[] = [];
  const params: (readonly [string, string])[] = [];
  const seen = new Set<string>();
  const own: Record<string, unknown> = {};
  const common: Partial<OptionValues<typeof COMMON_OPTIONS>> = {};

  function readOption(option: string, text: string): string | undefined {
    const shared = Object.hasOwn(COMMON_OPTIONS, option);
    const schemas: OptionSchemas = shared ? COMMON_OPTIONS : format.options;
    if (!Object.hasOwn(schemas, option)) {
      if (Object.values(formats).some(({ options }) => Object.hasOwn(options, option))) {
        return `means nothing to the format ${format.key}`;
      }
      const known = Object.keys({ ...COMMON_OPTIONS, ...format.options });
      return `is no option; there are ${known.map((name) => `_${name}`).sort().join(", ")}`;
    }
    if (seen.has(option)) return "is given more than once";
    if (option === "columns" && exports.length > 1) {
      return "is for one export, and not for several in one file";
    }
    const { error, data } = schemas[option]!.safeParse(text);
    if (error) return error.issues[0]!.message;
    Object.assign(shared ? common : own, { [option]: data });
  }

  for (const [name, text] of all) {
    if (!name.startsWith("_")) {
      params.push([name, text]);
      continue;
    }
    const option = name.slice(1);
    const detail = readOption(option, text);
    seen.add(option);
    if (detail !== undefined) issues.push({ name, detail });
  }
  const read = parseParamsOfAll(exports, params);
  issues.push(...read.issues);
  if (issues.length > 0) throw withIssues(issues);
  const { columns, filename, delivery = "auto" } = common;
  return {
    principal,
    exports,
    params: read.params,
    format,
    options: format.toExporterOptions(exports[0]?.formatSettings ?? {}, own),
    ...(columns ? { select: columns } : {}),
    ...(filename === undefined ? {} : { filename }),
    delivery,
  };
}

/** Gives each export the params that it declares; what none of them declares is an issue. */
function parseParamsOfAll(
  exports: readonly ExportDefinition[],
  given: readonly (readonly [name: string, text: string])[],
) {
  const all = new Map(exports.flatMap(({ params }) => [...params]));
  // One export says so itself.
  const strangers = exports.length === 1 ? [] : given.filter(([name]) => !all.has(name));
  const read = exports.map(({ params }) =>
    parseParams(params, given.filter(([name]) => params.has(name) || exports.length === 1))
  );
  const there = all.size === 0
    ? "these exports take none"
    : `there are ${listing([...all.keys()], "and")}`;
  const issues = [
    ...read.flatMap(({ issues }) => issues),
    ...strangers.map(([name]) => ({ name, detail: `unknown param; ${there}` })),
  ];
  const once = new Map(issues.map((one) => [`${one.name} ${one.detail}`, one]));
  return { params: read.map(({ values }) => values), issues: [...once.values()] };
}
