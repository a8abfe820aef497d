/** Reads what a download asks for, its params and its options, into the task that makes the file. */

import type { Config, ExportDefinition, SourceSetting } from "../catalog/config.ts";
import { listing, parseParams } from "../catalog/params.ts";
import { DIALECTS, type Exporter, type ExportOptions } from "../exporters/exporter.ts";
import type { ContentCoding } from "../runs/content_coding.ts";
import type { RunTask } from "../runs/protocol.ts";
import type { ParamType, ParamValue } from "../sources/source.ts";
import { aboutEntries } from "./about.ts";
import { badRequest, type Mistake, ProblemError } from "./problems.ts";

/** A download, as precise as it can be before its query runs. */
export interface DownloadRequest {
  /** Values of all the params of each export. */
  readonly params: readonly Readonly<Record<string, ParamValue>>[];
  /** How the format writes. */
  readonly options: ExportOptions;
  /** The columns to write, in order. */
  readonly select?: readonly string[];
  /** The stem of the file's name. */
  readonly filename?: string;
  /** How it is delivered. */
  readonly delivery: Delivery;
}

/** Options that every format has. */
const COMMON_OPTIONS = ["columns", "delivery", "filename"] as const;

/** How a file can be delivered: streamed while it is made, or made first. */
export const DELIVERIES = ["auto", "direct", "whole"] as const;

/** One of `auto`, `direct` and `whole`. */
export type Delivery = typeof DELIVERIES[number];

/** Params and options of a request, a list counting once; more are no request but an attempt. */
const MAX_PARAMS = 200;

/**
 * What may stand for null, `NULL`, `\N` or `n/a`: nothing that any reader takes for a separator or a
 * formula, as a link may name it.
 */
const NULL_TEXT = /^[A-Za-z0-9_./\\-]{0,64}$/;

type OptionName = typeof COMMON_OPTIONS[number] | Exporter["options"][number];

/** Reads one option's text into `into`, or says what is wrong with it. */
type ReadOption = (text: string, into: Writable<Download>) => string | undefined;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

interface Download {
  options: Writable<ExportOptions>;
  select?: readonly string[];
  filename?: string;
  delivery: Delivery;
}

function flag(name: "bom" | "header"): ReadOption {
  return (text, into) => {
    if (text !== "true" && text !== "false") return `must be true or false, not ${quote(text)}`;
    into.options[name] = text === "true";
  };
}

const READERS: Readonly<Record<OptionName, ReadOption>> = {
  bom: flag("bom"),
  header: flag("header"),
  dialect: (text, into) => {
    const dialect = DIALECTS.find((name) => name === text);
    if (!dialect) return `must be one of ${DIALECTS.join(", ")}, not ${quote(text)}`;
    into.options.dialect = dialect;
  },
  null: (text, into) => {
    if (!NULL_TEXT.test(text)) {
      return `must be at most 64 letters, digits and _ . / \\ -, not ${quote(text)}`;
    }
    into.options.null = text;
  },
  columns: (text, into) => {
    const names = text.split(",");
    if (names.includes("")) return `must be column names with commas between, not ${quote(text)}`;
    const seen = new Set<string>();
    for (const name of names) {
      if (seen.has(name)) return `names ${quote(name)} more than once`;
      seen.add(name);
    }
    into.select = names;
  },
  delivery: (text, into) => {
    const delivery = DELIVERIES.find((name) => name === text);
    if (!delivery) return `must be one of ${DELIVERIES.join(", ")}, not ${quote(text)}`;
    into.delivery = delivery;
  },
  level: (text, into) => {
    if (!/^[1-9]$/.test(text)) return `must be a level from 1 to 9, not ${quote(text)}`;
    into.options.deflateLevel = Number(text);
  },
  filename: (text, into) => {
    if (text === "") return "must not be empty";
    into.filename = text;
  },
};

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/**
 * Parses a query string. Names with a leading `_` are options, all others params of the exports: one
 * that several declare is for each of them.
 *
 * @throws {ProblemError} 400 with every mistake by name
 */
export function parseDownload(
  definitions: readonly ExportDefinition[],
  exporter: Exporter,
  query: URLSearchParams,
): DownloadRequest {
  const { size } = new Set(query.keys());
  if (size > MAX_PARAMS) {
    const detail = `${size} params and options are given, and at most ${MAX_PARAMS} are read`;
    throw new ProblemError({ ...badRequest([]), detail });
  }
  const mistakes: Mistake[] = [];
  const given: [string, string][] = [];
  const seen = new Set<string>();
  const understood = new Set<string>([...COMMON_OPTIONS, ...exporter.options]);
  const [first] = definitions;
  const download: Download = { options: {}, delivery: "auto" };
  if (first) {
    download.options.formulaGuard = first.formulaGuard;
    download.options.deflateLevel = first.deflateLevel;
    download.options.sharedStrings = first.sharedStrings;
  }

  for (const [name, text] of query) {
    if (!name.startsWith("_")) {
      given.push([name, text]);
      continue;
    }
    const option = name.slice(1);
    let wrong: string | undefined;
    if (!Object.hasOwn(READERS, option)) {
      const names = [...understood].map((known) => `_${known}`).sort().join(", ");
      wrong = `is no option; there are ${names}`;
    } else if (!understood.has(option)) wrong = `means nothing to the format ${exporter.key}`;
    else if (seen.has(option)) wrong = "is given more than once";
    else if (option === "columns" && definitions.length > 1) {
      wrong = "is for one export, and not for several in one file";
    } else wrong = READERS[option as OptionName](text, download);
    seen.add(option);
    if (wrong) mistakes.push({ name, detail: wrong });
  }
  const { params, problems } = parseParamsOfAll(definitions, given);
  mistakes.push(...problems);
  if (mistakes.length > 0) throw new ProblemError(badRequest(mistakes));
  return { params, ...download };
}

/** Gives each export the params that it declares; what none of them declares is a mistake. */
function parseParamsOfAll(
  definitions: readonly ExportDefinition[],
  given: readonly (readonly [name: string, text: string])[],
) {
  const all = new Map(definitions.flatMap(({ params }) => [...params]));
  // One export says so itself.
  const strangers = definitions.length === 1 ? [] : given.filter(([name]) => !all.has(name));
  const read = definitions.map(({ params }) =>
    parseParams(params, given.filter(([name]) => params.has(name) || definitions.length === 1))
  );
  const there = all.size === 0
    ? "these exports take none"
    : `there are ${listing([...all.keys()], "and")}`;
  const problems = [
    ...read.flatMap(({ problems }) => problems),
    ...strangers.map(([name]) => ({ name, detail: `unknown param; ${there}` })),
  ];
  const once = new Map(problems.map((one) => [`${one.name} ${one.detail}`, one]));
  return { params: read.map(({ values }) => values), problems: [...once.values()] };
}

/**
 * The task that makes the file.
 *
 * @param now when it was asked for, which a workbook may show
 */
export function toTask(
  definitions: readonly ExportDefinition[],
  exporter: Exporter,
  { params, options, select }: DownloadRequest,
  coding: ContentCoding,
  sources: Config["sources"],
  now = new Date(),
): RunTask {
  return {
    export: definitions.map(({ name }) => name).join(","),
    tables: definitions.map((definition, index) => ({
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
    format: exporter.key,
    options: { ...options, ...documentOptions(definitions, params, sources, now) },
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
  definitions: readonly ExportDefinition[],
  params: DownloadRequest["params"],
  sources: Config["sources"],
  now: Date,
): Pick<ExportOptions, "properties" | "about" | "time"> {
  const properties = definitions.find(({ properties }) => properties)?.properties;
  const about = definitions.flatMap((definition, index) => {
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
