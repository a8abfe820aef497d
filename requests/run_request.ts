/** A precise request, from names and values: its params and its options, however they were sent. */

import { AccessError, type AccessIssue } from "../access/access_error.ts";
import { identityParams } from "../access/identity_params.ts";
import { masksFor, strictestCaps } from "../access/policy.ts";
import type { Caps, Principal } from "../access/principal.ts";
import { maskSecrets } from "../access/redact_text.ts";
import type { ExportDefinition } from "../catalog/config.ts";
import { readCursor } from "../catalog/cursors.ts";
import { listing, type Param, parseParams, readIdentityValue } from "../catalog/params.ts";
import type { Format, OptionSchemas, OptionValues } from "../exporters/format.ts";
import type { ParamValue } from "../sources/source.ts";
import type { RunCursor } from "../runs/receipt.ts";
import type { Mask } from "../table/masks.ts";
import type { FileOfExports } from "./find_exports.ts";
import { identityDigest, originsOf } from "./identity_digest.ts";
import { COMMON_OPTIONS, type Delivery } from "./options.ts";
import { RequestError, type RequestIssue, withIssues } from "./request_error.ts";

/** What a caller asks for, as precise as it can be before its query runs. */
export interface RunRequest extends FileOfExports {
  /** Who asks. */
  readonly principal: Principal;
  /** The names and texts that it was parsed from. */
  readonly given: readonly (readonly [name: string, text: string])[];
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
  /** The columns that its params follow, and where they begin. @default none */
  readonly cursors?: readonly RunCursor[];
  /** A digest of what its params have of who asks, where it has cursors. @default they have nothing of that */
  readonly identity?: string;
  /** Why it is asked for, in the principal's words. */
  readonly reason?: string;
  /** How columns of each export are hidden from the principal, by name: objects without a prototype. */
  readonly masks: readonly Readonly<Record<string, Mask>>[];
  /** How much the file may take; rows are those of each export. */
  readonly caps: Caps;
  /** The trace that it belongs to, as the header `traceparent` says it. */
  readonly traceparent?: string;
}

/** Params and options of a request, a list counting once; more are no request but an attempt. */
const MAX_PARAMS = 200;

/** What is wrong with a `_since` that names no run which this request could go on from. */
export const NO_SUCH_RUN = "you have no such run that was complete and handed over";

/** What a request is parsed with. */
export interface ParseOptions {
  /** Who asks. */
  readonly principal: Principal;
  /** All formats, by key: an option of another one is told from none. */
  readonly formats: Readonly<Record<string, Format>>;
  /** The trace that it belongs to. @default none */
  readonly traceparent?: string | undefined;
  /** Where params begin that follow a column: the ends of the run before. @default at their start */
  readonly begin?: readonly CursorBegin[] | undefined;
}

/** A value that a column had at most. */
export interface CursorBegin extends Pick<RunCursor, "export" | "column"> {
  /** The value, as text; absent: none. */
  readonly value?: string | undefined;
}

/**
 * Parses names and texts, such as those of a query string. Names with a leading `_` are options, all others
 * params of the exports: one that several declare is for each of them.
 *
 * @throws {RequestError} with every issue by name
 * @throws {AccessError} where a param comes from the identity, and that has no value for it
 */
export function parseRequest(
  { exports, format }: FileOfExports,
  pairs: Iterable<readonly [name: string, text: string]>,
  { principal, formats, traceparent, begin }: ParseOptions,
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
  if (common.reason === undefined && !seen.has("reason")) {
    const asking = exports.find(({ reasonRequired }) => reasonRequired);
    if (asking) issues.push({ name: "_reason", detail: `missing; ${asking.name} asks for why` });
  }
  if (common.since !== undefined && !begin) issues.push({ name: "_since", detail: NO_SUCH_RUN });
  const read = parseParamsOfAll(exports, params, principal);
  const followed = parseCursors(exports, params, begin);
  issues.push(...followed.issues);
  issues.push(...read.issues);
  if (issues.length > 0) throw withIssues(issues);
  for (const kind of ["missing", "misfit"] as const) {
    const found = read.denied.filter((issue) => issue.kind === kind);
    const issues = found.map(({ name, detail }) => ({ name, detail }));
    if (issues.length > 0) throw new AccessError(kind, issues);
  }
  const { columns, filename, delivery = "auto", reason } = common;
  const { cursors } = followed;
  const identity = cursors.length > 0 ? identityDigest(exports, principal) : undefined;
  return {
    principal,
    given: all,
    exports,
    params: read.params.map((values, index) => Object.assign(values, followed.values[index])),
    format,
    options: format.toExporterOptions(exports[0]?.formatSettings ?? {}, own),
    ...(columns ? { select: columns } : {}),
    ...(filename === undefined ? {} : { filename }),
    delivery,
    ...(cursors.length > 0 ? { cursors } : {}),
    ...(identity === undefined ? {} : { identity }),
    // It goes to logs and receipts.
    ...(reason === undefined ? {} : { reason: maskSecrets(reason) }),
    masks: exports.map(({ masks }) => masksFor(principal, masks)),
    caps: strictestCaps(principal.caps, ...exports.map(({ caps }) => caps)),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

/**
 * Gives each export the params that it declares: the caller's values, and those of the identity. What none
 * of them declares is an issue, and so is a name that one of them takes from the identity.
 */
function parseParamsOfAll(
  exports: readonly ExportDefinition[],
  given: readonly (readonly [name: string, text: string])[],
  principal: Principal,
) {
  const fixed = new Set(
    exports.flatMap(({ params }) => [...params.values()]).flatMap((param) =>
      isGivable(param) ? [] : [param.name]
    ),
  );
  const open = given.filter(([name]) => !fixed.has(name));
  const givable = exports.map(({ params }) =>
    new Map([...params].filter(([, param]) => isGivable(param)))
  );
  const all = new Map(givable.flatMap((params) => [...params]));
  // One export says so itself.
  const strangers = exports.length === 1 ? [] : open.filter(([name]) => !all.has(name));
  const read = givable.map((params) =>
    parseParams(params, open.filter(([name]) => params.has(name) || exports.length === 1))
  );
  const names = given.map(([name]) => name);
  const own = exports.map(({ params }) => readIdentity(params, names, principal));
  const there = all.size === 0
    ? "these exports take none"
    : `there are ${listing([...all.keys()], "and")}`;
  const issues = [
    ...own.flatMap(({ sent }) => sent),
    ...read.flatMap(({ issues }) => issues),
    ...strangers.map(([name]) => ({ name, detail: `unknown param; ${there}` })),
  ];
  return {
    params: read.map(({ values }, index) => Object.assign(values, own[index]!.values)),
    issues: once(issues),
    denied: once(own.flatMap(({ denied }) => denied)),
  };
}

/** Whether a caller gives a param. */
function isGivable({ from, cursor }: Param): boolean {
  return from === undefined && cursor === undefined;
}

/** The values of params that follow a column; what is sent for one is an issue. */
function parseCursors(
  exports: readonly ExportDefinition[],
  given: readonly (readonly [name: string, text: string])[],
  begin: readonly CursorBegin[] = [],
) {
  const issues: RequestIssue[] = [];
  const cursors = new Map<string, RunCursor>();
  const values = exports.map(({ name: exportName, params }) => {
    const read: Record<string, ParamValue> = Object.create(null);
    for (const param of params.values()) {
      const { name, cursor: column } = param;
      if (column === undefined) continue;
      if (given.some(([other]) => other === name)) {
        const detail = "follows a column: it is where the run ended that _since names";
        issues.push({ name, detail });
      }
      const from = begin.find((one) => one.export === exportName && one.column === column)?.value;
      const reading = readCursor(param, from);
      if ("detail" in reading) issues.push({ name, detail: reading.detail });
      else read[name] = reading.value;
      cursors.set(`${exportName} ${column}`, {
        export: exportName,
        column,
        ...(from === undefined ? {} : { from }),
      });
    }
    return read;
  });
  return { values, issues: once(issues), cursors: [...cursors.values()] };
}

function once<T extends AccessIssue>(issues: readonly T[]): readonly T[] {
  return [...new Map(issues.map((one) => [`${one.name} ${one.detail}`, one])).values()];
}

/** Why the identity gives a param no value. */
interface Denied extends AccessIssue {
  readonly kind: "missing" | "misfit";
}

/** The values of the params that come from the identity, what is wrong with it, and what was sent for them. */
function readIdentity(
  params: ExportDefinition["params"],
  given: readonly string[],
  principal: Principal,
) {
  const { values: texts, issues } = identityParams(originsOf(params), given, principal);
  const sent: AccessIssue[] = [];
  const denied: Denied[] = [];
  for (const { name, kind, detail } of issues) {
    if (kind === "sent") sent.push({ name, detail });
    else denied.push({ name, kind, detail });
  }
  const values: Record<string, ParamValue> = Object.create(null);
  for (const [name, items] of texts) {
    const value = readIdentityValue(params.get(name)!, items);
    if (value !== undefined) values[name] = value;
    else denied.push({ name, kind: "misfit", detail: "your credential has no such value" });
  }
  return { values, sent, denied };
}
