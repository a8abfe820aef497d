/** Checks the values of a configuration against schemas, and gathers every issue with its line. */

import type { z } from "zod";
import type { ConfigDocument, DocumentIssue } from "./document.ts";
import { type ConfigIssue, formatPath, type Path } from "./issues.ts";
import { listing, quote } from "./params.ts";

/**
 * A schema for each key of a mapping. The error messages of every schema here, those of the sources
 * included, are nouns that say what is expected (`a port`).
 */
export type Shape = Readonly<Record<string, z.ZodType>>;

/** The values of a {@linkcode Shape}. */
export type Values<S extends Shape> = { readonly [Key in keyof S]: z.output<S[Key]> };

/** A mapping that was read. */
export interface Fields<S extends Shape> {
  /** The values that are as they should be, so that they can be checked against each other. */
  readonly partial: Partial<Values<S>>;
  /** All of them; absent when one is missing or wrong. */
  readonly whole: Values<S> | undefined;
}

/** Gathers issues. */
export interface Reader {
  /** Adds an issue, unless the value at its path is known to be missing for another reason. */
  add(path: Path, message: string): void;
  /** Adds the issue that a value is not what was expected (a noun: `a port`). */
  refuse(path: Path, expected: string, value: unknown): void;
  /** Reads a mapping whose keys are known; each one is checked, whatever the others are. */
  fields<S extends Shape>(shape: S, value: unknown, path: Path): Fields<S>;
  /** Reads a mapping of anything by name; null counts as empty. Nothing when it is none. */
  entries(value: unknown, path: Path): readonly (readonly [name: string, value: unknown])[];
  /**
   * Reads a value with a schema, whose messages are not told where the environment is in them.
   *
   * @param isSecret whether what stands at a path within the value is never shown. @default nothing is
   */
  value<T>(
    schema: z.ZodType<T>,
    value: unknown,
    path: Path,
    isSecret?: (path: Path) => boolean,
  ): { readonly value: T } | undefined;
  /** What the file itself says at a path where the environment was put in. */
  reference(path: Path): string | undefined;
  /** Whether the environment was put in at a path or under it. */
  usesEnvironment(path: Path): boolean;
  /** Every issue, in the order of the file. */
  issues(): readonly ConfigIssue[];
}

/** Begins with the issues of the document itself. */
export function createReader(document: ConfigDocument): Reader {
  const found: DocumentIssue[] = [...document.issues];

  function add(path: Path, message: string): void {
    if (document.lost.some((start) => startsWith(path, start))) return;
    if (found.some((other) => samePath(other.path, path) && other.message === message)) return;
    found.push({ path, message });
  }

  function refuse(path: Path, expected: string, value: unknown, secret = false): void {
    if (value === undefined) add(path, `missing; expected ${expected}`);
    else add(path, `expected ${expected}, not ${secret ? kindOf(value) : shown(path, value)}`);
  }

  /** What stands at a path; never what the environment put there, as it may be a secret. */
  function shown(path: Path, value: unknown): string {
    const source = document.origin(path)?.reference?.source;
    if (source !== undefined) return `the value of ${quote(source)}, which is ${kindOf(value)}`;
    if (typeof value === "string") return quote(value);
    return typeof value === "object" ? kindOf(value) : String(value);
  }

  function fields<S extends Shape>(shape: S, value: unknown, path: Path): Fields<S> {
    if (!isMapping(value)) {
      refuse(path, "a mapping", value);
      return { partial: {}, whole: undefined };
    }
    for (const key of Object.keys(value)) {
      if (Object.hasOwn(shape, key)) continue;
      add([...path, key], `unknown key; the keys here are ${listing(Object.keys(shape), "and")}`);
    }
    const values: Record<string, unknown> = {};
    let complete = true;
    for (const [key, schema] of Object.entries(shape)) {
      const result = read(schema, value[key], [...path, key]);
      if (result !== undefined) values[key] = result.value;
      else complete = false;
    }
    // Every key of the shape was given the output of its own schema above.
    const partial = values as Partial<Values<S>>;
    return { partial, whole: complete ? partial as Values<S> : undefined };
  }

  function entries(value: unknown, path: Path): readonly (readonly [string, unknown])[] {
    if (value === null) return [];
    if (isMapping(value)) return Object.entries(value);
    refuse(path, "a mapping", value);
    return [];
  }

  function read<T>(
    schema: z.ZodType<T>,
    value: unknown,
    path: Path,
    secrets: readonly string[] = [],
    isSecret: (path: Path) => boolean = () => false,
  ): { readonly value: T } | undefined {
    const result = schema.safeParse(value, { error: expectedBy });
    if (result.success) return { value: result.data };
    for (const issue of result.error.issues) {
      const steps = issue.path as Path;
      if (issue.code === "unrecognized_keys") {
        for (const key of issue.keys) add([...path, ...steps, key], "unknown key");
        continue;
      }
      if (issue.code === "invalid_key") {
        // What is wrong with a key; what stands behind it is not shown, nor a key where secrets stand.
        const shown = isSecret(steps) ? steps.slice(0, -1) : steps;
        add([...path, ...shown], issue.issues[0]?.message ?? ANYTHING_LEGAL);
        continue;
      }
      const leaks = secrets.some((secret) => secret !== "" && issue.message.includes(secret));
      const expected = leaks ? ANYTHING_LEGAL : issue.message;
      refuse([...path, ...steps], expected, valueAt(value, steps), isSecret(steps));
    }
    return undefined;
  }

  function issues(): readonly ConfigIssue[] {
    const located = found.map(({ path, message, offset = offsetOf(document, path) }) => {
      const line = offset === undefined ? {} : { line: document.line(offset) };
      return { offset: offset ?? -1, issue: { path: formatPath(path), message, ...line } };
    });
    return located.sort((one, other) => one.offset - other.offset).map(({ issue }) => issue);
  }

  return {
    add,
    refuse,
    fields,
    entries,
    // The schema of a source can repeat what it refuses.
    value: (schema, value, path, isSecret) =>
      read(schema, value, path, document.references(path).map(String), isSecret),
    reference: (path) => document.origin(path)?.reference?.source,
    usesEnvironment: (path) => document.references(path).length > 0,
    issues,
  };
}

/** Whether a value is a mapping of the document. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is expected where a schema does not say it. */
const ANYTHING_LEGAL = "a legal value";

/** What zod calls types, in the words of the file. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
};

/** Says what is expected for a schema that has no message of its own. */
function expectedBy(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return TYPE_NAMES[issue.expected] ?? ANYTHING_LEGAL;
    case "invalid_value":
      return listing(issue.values.map(String));
    default:
      return ANYTHING_LEGAL;
  }
}

function kindOf(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value === "boolean") return "true or false";
  return typeof value === "string" ? "text" : "a number";
}

/** The offset of the nearest thing that is there; nothing when that is the whole file. */
function offsetOf(document: ConfigDocument, path: Path): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const origin = document.origin(path.slice(0, length));
    if (origin !== undefined) return origin.offset;
  }
  return path.length === 0 ? document.origin(path)?.offset : undefined;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      typeof inner === "object" && inner !== null
        ? (inner as Readonly<Record<string | number, unknown>>)[step]
        : undefined,
    value,
  );
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((step, index) => path[index] === step);
}

function samePath(one: Path, other: Path): boolean {
  return one.length === other.length && startsWith(one, other);
}
