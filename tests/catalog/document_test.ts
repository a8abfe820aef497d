/** YAML with the environment put in. */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { readDocument } from "../../catalog/document.ts";
import { ConfigError } from "../../catalog/issues.ts";

const none = () => undefined;

function environment(variables: Record<string, string>): (name: string) => string | undefined {
  return (name) => Object.hasOwn(variables, name) ? variables[name] : undefined;
}

/** The same value with ordinary objects, so that it can be compared. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  strictEqual(Object.getPrototypeOf(value), null);
  return new Map(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

function read(text: string, variables: Record<string, string> = {}): unknown {
  const document = readDocument(text, environment(variables));
  deepStrictEqual(document.issues, []);
  return plain(document.value);
}

function refused(text: string): ConfigError["issues"] {
  let issues: ConfigError["issues"] = [];
  throws(() => readDocument(text, none), (error) => {
    ok(error instanceof ConfigError);
    issues = error.issues;
    return true;
  });
  return issues;
}

Deno.test("plain scalars are typed by the core schema, and integers are exact", () => {
  deepStrictEqual(
    read("[1, -5, 0x10, 9007199254740993, 1.5, 1e3, true, null, ~, off, yes, 1970-01-01, 12:30]"),
    [
      ...[1, -5, 16, 9007199254740993n, 1.5, 1000, true, null, null, "off", "yes"],
      ...["1970-01-01", "12:30"],
    ],
  );
});

Deno.test("keys are text as it is written, whatever type they would have", () => {
  deepStrictEqual(
    read("1: a\ntrue: b\n'2': c\n__proto__: d\nconstructor: {toString: e}\n<<: f\n0x10: g"),
    new Map<string, unknown>([
      ...[["1", "a"], ["2", "c"], ["true", "b"], ["__proto__", "d"]] as const,
      ["constructor", new Map([["toString", "e"]])],
      ...[["<<", "f"], ["0x10", "g"]] as const,
    ]),
  );
});

Deno.test("a plain scalar is typed again once the environment is in it; text in quotes is text", () => {
  const text = `
a: \${N}
b: "\${N}"
c: '\${N}'
d: |
  \${N}
e: \${NONE:-8000}
f: \${B}
g: x\${N}
h: !!str \${N}
i: \${EMPTY}
j: "\${EMPTY}"
k: \${BIG}
l: \${N}\${N}
m: $\${N}
`;
  deepStrictEqual(
    read(text, { N: "12", B: "false", EMPTY: "", BIG: "9007199254740993" }),
    new Map<string, unknown>([
      ...[["a", 12], ["b", "12"], ["c", "12"], ["d", "12\n"], ["e", 8000], ["f", false]] as const,
      ...[["g", "x12"], ["h", "12"], ["i", null], ["j", ""], ["k", 9007199254740993n]] as const,
      ...[["l", 1212], ["m", "${N}"]] as const,
    ]),
  );
});

Deno.test("no variable can add anything but text to the file", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(fc.constantFrom(": ", "\n", "#", " #", "- ", "{", "}", "[", '"', "'", "&a", "*a", "!"))
      .map((pieces) => pieces.join("")),
  );
  fc.assert(fc.property(hostile, (value) => {
    deepStrictEqual(
      read("a: x${V}\nb: '${V}'\nc: [ '${V}' ] # ${V}\nd: 1", { V: value }),
      new Map<string, unknown>([["a", `x${value}`], ["b", value], ["c", [value]], ["d", 1]]),
    );
  }));
});

Deno.test("keys do not take the environment", () => {
  deepStrictEqual(read('"${N}": 1', { N: "x" }), new Map([["${N}", 1]]));
});

Deno.test("what the environment was put in is known by what the file says", () => {
  const document = readDocument(
    "a:\n  b: [x, 's-${S}']\nc: ${P:-1}\n",
    environment({ S: "secret" }),
  );
  deepStrictEqual(document.origin(["a", "b", 0]), { offset: 9 });
  deepStrictEqual(document.origin(["a", "b", 1]), {
    offset: 12,
    reference: { source: "s-${S}", value: "s-secret" },
  });
  deepStrictEqual(document.references(["a"]), ["s-secret"]);
  deepStrictEqual(document.references([]), ["s-secret", 1]);
  deepStrictEqual(document.references(["a", "b", 0]), []);
  deepStrictEqual(document.references(["ab"]), []);
  strictEqual(document.origin(["x"]), undefined);
  strictEqual(document.line(12), 2);
});

Deno.test("issues that leave the rest readable are gathered with their paths", () => {
  const text = `
a: 1
b: {c: 2, c: 3}
a: 4
d: !!js/function x
e: *nothing
f: &f [1, *f]
? [g]
: h
i: \${MISSING}
j: "\${"
k: !secret {l: 1}
`;
  const document = readDocument(text, none);
  deepStrictEqual(document.issues, [
    { path: ["b", "c"], message: "given twice, first on line 3", offset: 16 },
    { path: ["a"], message: "given twice, first on line 2", offset: 22 },
    { path: ["d"], message: "unknown tag !!js/function" },
    { path: ["e"], message: "unknown alias *nothing" },
    { path: ["f", 1], message: "the alias *f stands in itself" },
    { path: [], message: "a key must be text", offset: 74 },
    { path: ["i"], message: "the environment variable MISSING is not set" },
    {
      path: ["j"],
      message: "expected ${NAME} or ${NAME:-default}; a literal ${ is written $${",
    },
    { path: ["k"], message: "unknown tag !secret" },
  ]);
  deepStrictEqual(document.lost, [["d"], ["e"], ["f", 1], ["i"], ["j"], ["k"]]);
});

Deno.test("an alias repeats what its anchor stands for", () => {
  deepStrictEqual(
    read("a: &a {x: '${N}'}\nb: *a\nc: [*a, &a 1, *a]", { N: "v" }),
    new Map<string, unknown>([
      ["a", new Map([["x", "v"]])],
      ["b", new Map([["x", "v"]])],
      ["c", [new Map([["x", "v"]]), 1, 1]],
    ]),
  );
});

Deno.test("aliases of aliases that stand for billions are refused, with the line", () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 10; level++) {
    lines.push(`a${level}: &a${level} [${Array(9).fill(`*a${level - 1}`).join(", ")}]`);
  }
  deepStrictEqual(refused(lines.join("\n")), [{
    path: "",
    message: "*a3 repeats too much: aliases may stand for 10000 values",
    line: 5,
  }]);
});

Deno.test("what is not YAML is refused with the line, and without what only follows from it", () => {
  deepStrictEqual(refused("a: 1\nb: 'x"), [
    { path: "", message: "not YAML: Missing closing 'quote", line: 2 },
  ]);
  deepStrictEqual(refused("a: 1\n\tb: 2\n").map(({ line }) => line), [2]);
  deepStrictEqual(refused("a: 1\n---\nb: 2\n").map(({ line }) => line), [2]);
  deepStrictEqual(refused('a: "\\q"\nb: "\\y"').map(({ line }) => line), [1, 2]);
  deepStrictEqual(refused("server:\n  { port: ${PORT}, hostname: x }\nb: 1"), [{
    path: "",
    message:
      "not YAML: Unexpected flow-map-start at node end; within { } or [ ] a ${NAME} must be " +
      "in quotes, or be moved to a line of its own",
    line: 2,
  }]);
});

Deno.test("an empty file is nothing", () => {
  for (const text of ["", "\n", "# only a comment\n", "---\n"]) strictEqual(read(text), null);
});
