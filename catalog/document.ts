/** Reads YAML as plain values with the environment put in, and remembers where each value stood. */

import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  Scalar,
  type Schema,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { type Environment, interpolate } from "./interpolate.ts";
import { ConfigError, type Path } from "./issues.ts";

/** Where a value came from. */
export interface Origin {
  /** Its offset in the text: that of its key, or of an item of a list. */
  readonly offset: number;
  /** What the file says in place of a value that the environment was put in. */
  readonly reference?: { readonly source: string; readonly value: unknown };
}

/** An issue whose line is not looked up yet. */
export interface DocumentIssue {
  /** The value that it is about. */
  readonly path: Path;
  /** What is wrong. */
  readonly message: string;
  /** Its offset in the text, where that is not the one of its path. */
  readonly offset?: number;
}

/** A configuration file, read as YAML and no further. */
export interface ConfigDocument {
  /**
   * Plain values: null, booleans, numbers, bigints beyond the safe integers, strings, arrays and
   * objects without a prototype; `undefined` where an issue left no value.
   */
  readonly value: unknown;
  /** The issues that did not stop the reading. */
  readonly issues: readonly DocumentIssue[];
  /** The paths where an issue left no value. */
  readonly lost: readonly Path[];
  /** Where the value at a path came from. */
  origin(path: Path): Origin | undefined;
  /** Every value at or under a path that the environment was put in. */
  references(path: Path): readonly unknown[];
  /** The line, from 1, of an offset in the text. */
  line(offset: number): number;
}

/** The most values that aliases may repeat; a few lines of aliases of aliases stand for billions. */
const MAX_ALIASED_VALUES = 10_000;

/** Integers are read exactly first; most become numbers at once. */
const INTEGERS = { intAsBigInt: true } as const;

/** The tags that YAML's core schema gives by itself (YAML 1.2.2, 10.3); `!` says "not plain". */
const TAGS = new Set([
  "!",
  ...["str", "null", "bool", "int", "float", "map", "seq"].map((tag) => `tag:yaml.org,2002:${tag}`),
]);

/**
 * Reads a configuration file.
 *
 * The environment is put into string scalars once YAML is understood, so that no variable can add
 * a key or a comment. A plain scalar is then typed again (`port: ${PORT}` is a number); one in
 * quotes, or a block, stays text.
 *
 * @throws {ConfigError} when it is not YAML, or its aliases stand for too much
 */
export function readDocument(text: string, env: Environment): ConfigDocument {
  const lines = new LineCounter();
  const line = (offset: number) => lines.linePos(offset).line;
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    schema: "core",
    resolveKnownTags: false,
    ...INTEGERS,
    // Both are found here, where their path is known.
    uniqueKeys: false,
    logLevel: "error",
  });
  if (document.errors.length > 0) {
    // After a token that fits nowhere the parser refuses all that follows.
    const lost = document.errors.findIndex(({ code }) => code === "UNEXPECTED_TOKEN");
    const errors = lost < 0 ? document.errors : document.errors.slice(0, lost + 1);
    throw new ConfigError(errors.map(({ message, pos }) => ({
      path: "",
      message: `not YAML: ${message}${flowHint(text, pos[0])}`,
      line: line(pos[0]),
    })));
  }

  const issues: DocumentIssue[] = [];
  const lost: Path[] = [];
  const origins = new Map<string, Origin>();
  const anchors = new Map<string, unknown>();
  const open = new Set<unknown>();
  let aliased = 0;
  let outerAlias: Alias | undefined;

  function convert(node: unknown, path: Path): unknown {
    if (outerAlias !== undefined && ++aliased > MAX_ALIASED_VALUES) {
      throw new ConfigError([{
        path: "",
        message: `*${outerAlias.source} repeats too much: aliases may stand for ` +
          `${MAX_ALIASED_VALUES} values`,
        line: line(outerAlias.range?.[0] ?? 0),
      }]);
    }
    if (isAlias(node)) return convertAlias(node, path);
    if (!isMap(node) && !isSeq(node) && !isScalar(node)) return null;
    if (node.anchor !== undefined) anchors.set(node.anchor, node);
    if (node.tag !== undefined && !TAGS.has(node.tag)) {
      return issue(path, `unknown tag ${node.tag.replace("tag:yaml.org,2002:", "!!")}`);
    }
    open.add(node);
    const value = isScalar(node)
      ? convertScalar(node, path)
      : isMap(node)
      ? convertMap(node, path)
      : convertList(node, path);
    open.delete(node);
    return value;
  }

  function convertAlias(alias: Alias, path: Path): unknown {
    const target = anchors.get(alias.source);
    if (target === undefined) return issue(path, `unknown alias *${alias.source}`);
    if (open.has(target)) return issue(path, `the alias *${alias.source} stands in itself`);
    const outermost = outerAlias === undefined;
    outerAlias ??= alias;
    const value = convert(target, path);
    if (outermost) outerAlias = undefined;
    return value;
  }

  function convertMap(map: YAMLMap, path: Path): unknown {
    const object: Record<string, unknown> = Object.create(null);
    const first = new Map<string, number>();
    for (const { key, value } of map.items) {
      if (!isScalar(key)) {
        const offset = (key as { range?: readonly number[] } | null)?.range?.[0];
        issues.push({
          path,
          message: "a key must be text",
          ...(offset === undefined ? {} : { offset }),
        });
        continue;
      }
      // `1` and `true` are keys as they are written, as column names can be.
      const name = typeof key.value === "string" ? key.value : key.source ?? "";
      const offset = key.range?.[0] ?? 0;
      const before = first.get(name);
      if (before !== undefined) {
        const message = `given twice, first on line ${line(before)}`;
        issues.push({ path: [...path, name], message, offset });
        continue;
      }
      first.set(name, offset);
      origins.set(pathKey([...path, name]), { offset });
      object[name] = convert(value, [...path, name]);
    }
    return object;
  }

  function convertList(list: YAMLSeq, path: Path): unknown {
    return list.items.map((item, index) => {
      const offset = (item as { range?: readonly number[] } | null)?.range?.[0];
      origins.set(pathKey([...path, index]), { offset: offset ?? list.range?.[0] ?? 0 });
      return convert(item, [...path, index]);
    });
  }

  function convertScalar(scalar: Scalar, path: Path): unknown {
    const { value } = scalar;
    if (typeof value === "bigint") return safeNumber(value);
    if (typeof value !== "string") return value;
    const { text, changed, problems } = interpolate(value, env);
    for (const problem of problems) issue(path, problem);
    if (problems.length > 0) return undefined;
    if (!changed) return text;
    const plain = scalar.type === Scalar.PLAIN && scalar.tag === undefined;
    const typed = plain ? typePlain(text, document.schema) : text;
    const offset = origins.get(pathKey(path))?.offset ?? 0;
    origins.set(pathKey(path), { offset, reference: { source: value, value: typed } });
    return typed;
  }

  /** An issue that leaves no value at its path. */
  function issue(path: Path, message: string): undefined {
    issues.push({ path, message });
    lost.push(path);
  }

  const { contents } = document;
  origins.set(pathKey([]), { offset: contents?.range?.[0] ?? 0 });
  const value = convert(contents, []);
  for (const warning of document.warnings) {
    if (warning.code === "TAG_RESOLVE_FAILED") continue;
    issues.push({ path: [], message: warning.message, offset: warning.pos[0] });
  }
  return {
    value,
    issues,
    lost,
    origin: (path) => origins.get(pathKey(path)),
    references: (path) =>
      [...origins].filter(([key]) => isWithin(key, pathKey(path)))
        .flatMap(([, { reference }]) => reference === undefined ? [] : [reference.value]),
    line,
  };
}

/** A path as a key of a map: `["exports","a"]`. */
function pathKey(path: Path): string {
  return JSON.stringify(path);
}

/** Whether one path key is another one or lies under it. */
function isWithin(key: string, parent: string): boolean {
  return key === parent || parent === "[]" || key.startsWith(`${parent.slice(0, -1)},`);
}

/** Types text as the same plain scalar in the file would be. */
function typePlain(text: string, schema: Schema): unknown {
  for (const tag of schema.tags) {
    if (tag.collection || tag.default !== true || !tag.test?.test(text)) continue;
    const resolved = tag.resolve(text, () => {}, INTEGERS);
    const value = isScalar(resolved) ? resolved.value : resolved;
    return typeof value === "bigint" ? safeNumber(value) : value;
  }
  return text;
}

/** An integer as a number where that is exact. */
function safeNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Within `{ }` and `[ ]` a brace ends a plain scalar, which is easily missed in `${NAME}`. */
function flowHint(text: string, offset: number): string {
  return text[offset] === "{" && text[offset - 1] === "$"
    ? "; within { } or [ ] a ${NAME} must be in quotes, or be moved to a line of its own"
    : "";
}
