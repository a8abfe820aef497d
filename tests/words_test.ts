/** The words that are not ours: code and docs use the field's (docs/design.md), and this is what checks it. */

import assert from "node:assert/strict";
import { walk } from "./source_files.ts";

/** Where comments and pages are looked at, and names. */
const ALL = [
  "main.ts",
  "access",
  "catalog",
  "commands",
  "docs",
  "exporters",
  "requests",
  "routes",
  "runs",
  "server",
  "sources",
  "storage",
  "table",
];

/** Where names alone are. */
const NAMES_ALONE: readonly string[] = [];

/** Names that stay, by file: a field of log lines, which queries of operators name. */
const KEPT: Readonly<Record<string, readonly string[]>> = { "server/spool.ts": ["untold"] };

/** Words that no name has in it, and what to say instead. */
const NAMES: Readonly<Record<string, string>> = {
  leave: "permissions; acquire and release; the client's close",
  gate: "listener, proxy",
  giving: "timeout",
  place: "slot, index, offset, position",
  places: "slots, indexes, offsets, positions",
  placed: "located",
  linger: "half-closed, flushed",
  lingering: "half-closed, flushed",
  told: "known, reported",
  untold: "unreported",
  trouble: "issue, failure",
  troubles: "issues, failures",
  mistake: "issue",
  mistakes: "issues",
  usual: "default",
  distrust: "invalidate",
  somebody: "the client, the caller, the worker, the operator",
  anybody: "any client, any user",
  nobody: "no client, no reader",
  whoever: "the client, the caller, the maker",
};

/** Words that no name of several begins with. */
const PREFIXES: Readonly<Record<string, string>> = {
  most: "max",
  longest: "max",
  greatest: "max",
  least: "min",
  fewest: "min",
};

/** What no comment and no page says, and what to say instead. */
const PROSE: readonly (readonly [said: RegExp, instead: string])[] = [
  [/\bsomebody\b/i, NAMES.somebody!],
  [/\banybody\b/i, NAMES.anybody!],
  [/\bnobody\b/i, NAMES.nobody!],
  [/\bwhoever\b/i, NAMES.whoever!],
  [/\bgates?\b/i, "listener, proxy"],
  [/\blingers?\b|\blingering\b/i, NAMES.linger!],
  [/\btroubles?\b/i, NAMES.trouble!],
  [/\bgiv(?:es|ing|en) up\b/i, "times out, ends, is abandoned"],
  // A permission, as in "leave to read"; a client still leaves.
  [/\bleave to\b|\b(?:the|no|all the|any) leave\b/i, "permission"],
  // A callback, as in "Told of every connection".
  [/^Told\b/, "Called with"],
  // A position, as in "the sheet at a place"; a thing still comes in place of another.
  [/\bat a place\b|\bits place\b/i, "index, offset, slot"],
];

/** The parts of a module: what is said in comments, and the names of its code. */
interface Module {
  readonly comments: readonly string[];
  readonly names: readonly string[];
}

/** Comments, strings and regular expressions, of which the last need not be told from a division always. */
const TOKENS =
  /(?<comment>\/\*[\s\S]*?\*\/|\/\/.*)|(?<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`)|(?<=[=(,:!&|?;{}[\n]\s*)\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/g;

function parseModule(text: string): Module {
  const comments: string[] = [];
  const code = text.replaceAll(TOKENS, (...found) => {
    const { comment } = found.at(-1) as { comment?: string };
    if (comment !== undefined) comments.push(comment);
    return " ";
  });
  return { comments, names: [...new Set(code.match(/[A-Za-z_$][\w$]*/g))] };
}

/** `MOST_ROWS`, `mostRows` and `#mostRows` as `most`, `rows`. */
function wordsOf(name: string): string[] {
  return name.replaceAll(/([a-z\d])([A-Z])/g, "$1_$2").toLowerCase().split(/[_$]+/).filter(Boolean);
}

/** What is wrong with a name: a word of another language than ours. */
function issuesOfName(name: string): string[] {
  const words = wordsOf(name);
  const found = words.filter((word) => Object.hasOwn(NAMES, word)).map((word) => NAMES[word]);
  const [first = ""] = words;
  if (words.length > 1 && Object.hasOwn(PREFIXES, first)) found.push(PREFIXES[first]);
  return found.map((instead) => `${name}: say ${instead}`);
}

/** What is wrong with prose, of which each line of a comment begins anew. */
function issuesOfProse(text: string): string[] {
  const sentences = text.replaceAll(/^\s*(?:\/\*\*?|\*\/?|\/\/)\s?/gm, "").trim();
  return PROSE.flatMap(([said, instead]) => {
    const found = said.exec(sentences);
    return found ? [`"${found[0]}": say ${instead}`] : [];
  });
}

function issuesOfNames(path: string, names: readonly string[]): string[] {
  return names.filter((name) => !KEPT[path]?.includes(name)).flatMap(issuesOfName);
}

function issuesOf(path: string, text: string): string[] {
  if (path.endsWith(".md")) return text.split("\n").flatMap(issuesOfProse);
  const { comments, names } = parseModule(text);
  return [...issuesOfNames(path, names), ...comments.flatMap(issuesOfProse)];
}

Deno.test("names, comments and pages use the field's words", async () => {
  const issues: string[] = [];
  let files = 0;
  for await (const { path, text } of walk(ALL, [".ts", ".md"])) {
    files++;
    issues.push(...issuesOf(path, text).map((issue) => `${path}: ${issue}`));
  }
  for await (const { path, text } of walk(NAMES_ALONE, [".ts"])) {
    const found = issuesOfNames(path, parseModule(text).names);
    issues.push(...found.map((issue) => `${path}: ${issue}`));
  }
  assert.ok(files > 100, "the scan found the files");
  assert.deepEqual(issues, []);
});

for (
  const [path, text, issues] of [
    ["a.ts", "const MOST_ROWS = 1;", ["MOST_ROWS: say max"]],
    ["a.ts", "const mostRows = 1;", ["mostRows: say max"]],
    ["a.ts", "this.#isTold = at.place;", [
      "isTold: say known, reported",
      "place: say slot, index, offset, position",
    ]],
    ["a.ts", "replace(placeholder, almost, most)", []],
    ["a.ts", 'log("nobody was told", `${x}`, /place/);', []],
    ["a.ts", "/** Told of it. */ let x;", ['"Told": say Called with']],
    ["a.ts", "// The client is told, and leaves in place of another.", []],
    ["a.ts", "/** All,\n * and whoever asks. */", [
      '"whoever": say the client, the caller, the maker',
    ]],
    ["a.md", "Leave it open.\nAll the leave it has.", ['"All the leave": say permission']],
  ] as const
) {
  Deno.test(`the rule finds ${issues.length} issues in ${JSON.stringify(text)}`, () => {
    assert.deepEqual(issuesOf(path, text), issues);
  });
}
