/** A precise request, from names and values: its params and its options, whoever sent them and however. */

import type { ExportDefinition } from "../catalog/config.ts";
import { listing, parseParams } from "../catalog/params.ts";
import { DIALECTS, type Exporter, type ExportOptions } from "../exporters/exporter.ts";
import type { ParamValue } from "../sources/source.ts";
import type { FileOfExports } from "./find_exports.ts";
import type { Principal } from "./principal.ts";
import { RequestError, type RequestIssue, withIssues } from "./request_error.ts";

/** What a caller asks for, as precise as it can be before its query runs. */
export interface RunRequest extends FileOfExports {
  /** Who asks. */
  readonly principal: Principal;
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
  /** Why it is asked for, in the principal's words. */
  readonly reason?: string;
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
 * Parses names and texts, such as those of a query string. Names with a leading `_` are options, all others
 * params of the exports: one that several declare is for each of them.
 *
 * @throws {RequestError} with every issue by name
 */
export function parseRequest(
  { definitions, exporter }: FileOfExports,
  pairs: Iterable<readonly [name: string, text: string]>,
  principal: Principal,
): RunRequest {
  const all = [...pairs];
  const { size } = new Set(all.map(([name]) => name));
  if (size > MAX_PARAMS) {
    throw new RequestError(
      `${size} params and options are given, and at most ${MAX_PARAMS} are read`,
    );
  }
  const issues: RequestIssue[] = [];
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

  for (const [name, text] of all) {
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
    if (wrong) issues.push({ name, detail: wrong });
  }
  const { params, problems } = parseParamsOfAll(definitions, given);
  issues.push(...problems);
  if (issues.length > 0) throw withIssues(issues);
  return { principal, definitions, exporter, params, ...download };
}

/** Gives each export the params that it declares; what none of them declares is an issue. */
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
