/** The params of a request. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { expectation, type Param, parseParams, quote } from "../../catalog/params.ts";

function declare(...params: readonly Param[]): ReadonlyMap<string, Param> {
  return new Map(params.map((param) => [param.name, param]));
}

const ORG: Param = { name: "org", type: "integer", required: true };
const SINCE: Param = { name: "since", type: "date", required: false, default: "1970-01-01" };
const STATE: Param = { name: "state", type: "enum", required: false, values: ["open", "closed"] };
const AT: Param = { name: "at", type: "datetime", required: false };

/** The values as an ordinary object, after a look at their prototype. */
function plain(values: object): Record<string, unknown> {
  strictEqual(Object.getPrototypeOf(values), null);
  return { ...values };
}

Deno.test("values are read, defaults and nulls filled in, in the order of declaration", () => {
  const params = declare(ORG, SINCE, STATE, AT);
  const { values, issues } = parseParams(params, [
    ["at", "2026-01-02T12:00:00+09:00"],
    ["org", "9007199254740993"],
  ]);
  deepStrictEqual(issues, []);
  deepStrictEqual(Object.entries(values), [
    ["org", 9007199254740993n],
    ["since", "1970-01-01"],
    ["state", null],
    ["at", "2026-01-02 03:00:00"],
  ]);
});

Deno.test("the params of a URL can be given as they are", () => {
  const url = new URL("http://localhost/exports/a.csv?org=5&state=open&since=2026-02-28");
  const { values, issues } = parseParams(declare(ORG, SINCE, STATE), url.searchParams);
  deepStrictEqual(issues, []);
  deepStrictEqual(plain(values), { org: 5, since: "2026-02-28", state: "open" });
});

Deno.test("every issue is told at once, by name, with what was expected", () => {
  const params = declare(
    ORG,
    SINCE,
    STATE,
    AT,
    { name: "needed", type: "boolean", required: true },
    { name: "rate", type: "number", required: false, min: 0, max: 1.5 },
    { name: "q", type: "string", required: false, maxLength: 3 },
  );
  const { issues } = parseParams(params, [
    ["org", "12x"],
    ["nope", "1"],
    ["since", "2026-02-30"],
    ["state", "opened"],
    ["at", "2026-01-02T12:00:00 09:00"],
    ["rate", "1.6"],
    ["q", "four"],
    ["nope", "2"],
  ]);
  deepStrictEqual(issues, [
    {
      name: "org",
      detail: 'expected a whole number from -9223372036854775808 to 9223372036854775807, not "12x"',
    },
    {
      name: "nope",
      detail: "unknown param; this export takes org, since, state, at, needed, rate and q",
    },
    { name: "since", detail: 'expected a date such as 2026-01-31, not "2026-02-30"' },
    { name: "state", detail: 'expected open or closed, not "opened"' },
    {
      name: "at",
      detail: "expected a date and time such as 2026-01-31T12:30:00Z, " +
        'not "2026-01-02T12:00:00 09:00"; the + of an offset is written %2B in a URL',
    },
    { name: "rate", detail: 'expected a number from 0 to 1.5, not "1.6"' },
    { name: "q", detail: 'expected text of at most 3 characters, without NUL, not "four"' },
    { name: "needed", detail: "missing; expected true or false" },
  ]);
});

Deno.test("a param that is given twice is refused, even twice the same", () => {
  deepStrictEqual(parseParams(declare(ORG), [["org", "1"], ["org", "1"]]).issues, [
    { name: "org", detail: "given 2 times; give it once" },
  ]);
});

Deno.test("what is empty and need not be given counts as not given", () => {
  const optional: readonly Param[] = [
    SINCE,
    STATE,
    AT,
    { name: "q", type: "string", required: false, default: "all" },
    { name: "ids", type: "integer[]", required: false },
  ];
  const given = optional.map(({ name }): [string, string] => [name, ""]);
  const { values, issues } = parseParams(declare(...optional), [...given, ["ids", ""]]);
  deepStrictEqual(issues, []);
  deepStrictEqual(plain(values), {
    since: "1970-01-01",
    state: null,
    at: null,
    q: "all",
    ids: null,
  });
});

Deno.test("an empty text is a value of a text that must be given, and of nothing else", () => {
  const q: Param = { name: "q", type: "string", required: true };
  deepStrictEqual(plain(parseParams(declare(q), [["q", ""]]).values), { q: "" });
  deepStrictEqual(parseParams(declare({ ...SINCE, required: true }), [["since", ""]]).issues, [
    { name: "since", detail: 'expected a date such as 2026-01-31, not ""' },
  ]);
});

const IDS: Param = { name: "ids", type: "integer[]", required: true, min: 1, maxItems: 3 };

Deno.test("a list is given with commas, or by its name repeated", () => {
  const names: Param = { name: "names", type: "string[]", required: false };
  const days: Param = { name: "days", type: "datetime[]", required: false };
  const params = declare(IDS, names, days);
  const read = (query: string) => {
    const { values, issues } = parseParams(params, new URLSearchParams(query));
    deepStrictEqual(issues, [], query);
    return plain(values);
  };
  deepStrictEqual(read("ids=3,9007199254740993,1&days=2026-01-02,2026-01-02T09:00%2B09:00"), {
    ids: [3, 9007199254740993n, 1],
    names: null,
    days: ["2026-01-02 00:00:00", "2026-01-02 00:00:00"],
  });
  deepStrictEqual(read("ids=3&ids=1").ids, [3, 1]);
  deepStrictEqual(read("ids=").ids, []);
  deepStrictEqual(read("ids=1&names=Smith%5C, John,C:%5C%5Ctemp,a%5Cb,").names, [
    "Smith, John",
    "C:\\temp",
    "a\\b",
    "",
  ]);
  deepStrictEqual(read("ids=1&names=Smith, John&names=&names=a%5C,b").names, [
    "Smith, John",
    "a\\,b",
  ]);
});

Deno.test("each item of a list is checked as a single value is, and their number", () => {
  const words: Param = { name: "words", type: "enum[]", required: false, values: ["a", "b"] };
  const detail = (param: Param, text: string) =>
    parseParams(declare(param), [[param.name, text]]).issues.map(({ detail }) => detail);
  deepStrictEqual(detail(IDS, "1,x"), [
    'item 2: expected a whole number from 1 to 9223372036854775807, not "x"',
  ]);
  deepStrictEqual(detail(IDS, "0"), [
    'item 1: expected a whole number from 1 to 9223372036854775807, not "0"',
  ]);
  deepStrictEqual(detail(IDS, "1,,2"), [
    'item 2: expected a whole number from 1 to 9223372036854775807, not ""',
  ]);
  deepStrictEqual(detail(IDS, "1,2,3,4"), ["has 4 items, and at most 3 are read"]);
  deepStrictEqual(detail(words, "a,c"), ['item 2: expected a or b, not "c"']);
  deepStrictEqual(detail(words, Array(1001).fill("a").join()), [
    "has 1001 items, and at most 1000 are read",
  ]);
  deepStrictEqual(parseParams(declare(IDS), []).issues, [{
    name: "ids",
    detail:
      "missing; expected at most 3 items with commas between, each a whole number from 1 to " +
      "9223372036854775807",
  }]);
});

Deno.test("an export without params says so", () => {
  deepStrictEqual(parseParams(declare(), [["a", ""]]).issues, [
    { name: "a", detail: "unknown param; this export takes none" },
  ]);
});

Deno.test("names of Object.prototype are names like any other", () => {
  const params = declare({ name: "constructor", type: "string", required: true });
  const given: [string, string][] = [["constructor", "x"], ["__proto__", "y"], ["toString", "z"]];
  const { values, issues } = parseParams(params, given);
  deepStrictEqual(plain(values), { constructor: "x" });
  deepStrictEqual(issues.map(({ name }) => name), ["__proto__", "toString"]);
  deepStrictEqual(parseParams(params, []).issues, [
    {
      name: "constructor",
      detail: "missing; expected text of at most 1000 characters, without NUL",
    },
  ]);
});

Deno.test("limits include their ends, and compare what is meant rather than its spelling", () => {
  const params = declare(
    { name: "n", type: "integer", required: false, min: -1, max: 9007199254740993n },
    { name: "d", type: "date", required: false, min: "2026-01-01", max: "2026-12-31" },
    { name: "t", type: "datetime", required: false, max: "2026-01-01 00:00:00" },
    { name: "s", type: "string", required: false },
  );
  const legal = [
    ...[["n", "-1"], ["n", "9007199254740993"], ["d", "2026-01-01"], ["d", "2026-12-31"]],
    ...[["t", "2026-01-01"], ["t", "2026-01-01T09:00:00+09:00"], ["s", "x".repeat(1000)], [
      "s",
      "",
    ]],
  ] as const;
  const illegal = [
    ...[["n", "-2"], ["n", "9007199254740994"], ["d", "2025-12-31"], ["d", "2027-01-01"]],
    ...[["t", "2026-01-01T00:00:00.001Z"], ["s", "x".repeat(1001)], ["s", "a\0"]],
  ] as const;
  for (const [name, text] of legal as readonly (readonly [string, string])[]) {
    deepStrictEqual(parseParams(params, [[name, text]]).issues, [], text);
  }
  for (const [name, text] of illegal as readonly (readonly [string, string])[]) {
    strictEqual(parseParams(params, [[name, text]]).issues.length, 1, text);
  }
});

Deno.test("what a param takes is said in its own terms", () => {
  const cases: readonly (readonly [Omit<Param, "name" | "required">, string])[] = [
    [{ type: "integer", min: 1 }, "a whole number from 1 to 9223372036854775807"],
    [{ type: "number" }, "a number such as 12.5"],
    [{ type: "number", max: 3 }, "a number of at most 3"],
    [{ type: "date", min: "2026-01-01" }, "a date not before 2026-01-01"],
    [{ type: "enum", values: ["a"] }, "a"],
    [{ type: "enum", values: ["a", "b", "c"] }, "a, b or c"],
  ];
  for (const [param, expected] of cases) {
    strictEqual(expectation({ name: "x", required: true, ...param }), expected);
  }
});

Deno.test("a quoted value stays on one line and is cut when it is long", () => {
  strictEqual(quote('a\n"b"'), '"a\\n\\"b\\""');
  strictEqual(quote("x".repeat(60)), `"${"x".repeat(60)}"`);
  strictEqual(quote("x".repeat(61)), `"${"x".repeat(60)}"…`);
});

Deno.test("any texts at all are answered, each name once", () => {
  const params = declare(ORG, SINCE, STATE, AT);
  const name = fc.constantFrom("org", "since", "state", "at", "other", "__proto__");
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("1", "2026-01-01", "open"));
  fc.assert(fc.property(fc.array(fc.tuple(name, text)), (given) => {
    const { values, issues } = parseParams(params, given);
    const wrong = issues.map(({ name }) => name);
    strictEqual(new Set(wrong).size, wrong.length);
    const expected = ["org", "since", "state", "at"].filter((name) => !wrong.includes(name));
    deepStrictEqual(Object.keys(values), expected);
  }));
});
