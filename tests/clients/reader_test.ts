import assert from "node:assert/strict";
import { assertFinds, type Found, sameValue, type Wanted } from "./reader.ts";
import { sameOfficeText } from "./program_readers.ts";

const WANTED: readonly Wanted[] = [
  "One",
  ["id", "at"],
  [1, { serial: 46_023.5 }],
  [2, null],
  "Two",
  ["text", true],
];

/** What is told of a reader that finds these. */
async function mistakes(found: readonly Found[]): Promise<unknown> {
  async function* read() {
    yield* found;
  }
  try {
    await assertFinds({ read }, "", WANTED);
    return [];
  } catch (error) {
    return (error as assert.AssertionError).actual;
  }
}

Deno.test("a reader that finds every value makes no mistake", async () => {
  const found = ["One", ["id", "at"], [1, 46_023.500000001], [2], "Two", ["text", true, null]];
  assert.deepEqual(await mistakes(found), []);
});

Deno.test("whatever a reader finds too much, too little or otherwise is a mistake", async () => {
  const cases: readonly (readonly [readonly Found[], string])[] = [
    [[], ', row 1: expected "One", not "the end"'],
    [["one"], ', row 1: expected "One", not "one"'],
    [["One", ["id"]], 'One, row 1, column 2: expected "at", not null'],
    [["One", ["id", "at", 0]], "One, row 1, column 3: expected null, not 0"],
    [["One", ["id", "at"], ["1", 46_023.5]], 'One, row 2, column 1: expected 1, not "1"'],
    [
      ["One", ["id", "at"], [1, 46_023.50001]],
      'One, row 2, column 2: expected {"serial":46023.5}, not 46023.50001',
    ],
    [["One", ["id", "at"], "Two"], 'One, row 2: expected [1,{"serial":46023.5}], not "Two"'],
    [
      ["One", ["id", "at"], [1, 46_023.5], [2], [], "Two", ["text", true]],
      'One, row 4: expected "Two", not []',
    ],
    [["One", ["id", "at"], [1, 46_023.5], [2]], 'One, row 4: expected "Two", not "the end"'],
    [
      ["One", ["id", "at"], [1, 46_023.5], [2], "Two", ["text", true], "Three"],
      'Two, row 2: expected nothing, not "Three"',
    ],
  ];
  for (const [found, first] of cases) {
    const [told] = await mistakes(found) as readonly string[];
    assert.equal(told, first);
  }
});

Deno.test("values are the same when their types are", () => {
  assert.ok(sameValue("1", "1"));
  assert.ok(!sameValue("1", 1));
  assert.ok(!sameValue(0.1, 0.10000000000000002));
  assert.ok(!sameValue(null, ""));
  assert.ok(!sameValue(true, 1));
  assert.ok(!sameValue({ serial: 1 }, "1"));
});

Deno.test("what LibreOffice writes for a value is one text for each kind of value", () => {
  assert.ok(sameOfficeText(0.1, "0.1"));
  assert.ok(sameOfficeText(-1e-7, "-0.0000001"));
  assert.ok(sameOfficeText(1e21, "1E+21"));
  assert.ok(sameOfficeText(0.125, "12.5%"));
  assert.ok(sameOfficeText(true, "TRUE"));
  assert.ok(sameOfficeText("", ""));
  assert.ok(sameOfficeText({ serial: 46_023 }, "2026-01-01"));
  assert.ok(sameOfficeText({ serial: 46_023.25 }, "2026-01-01 06:00:00"));
  assert.ok(sameOfficeText({ serial: 0.75 }, "06:00:00 PM"));
  assert.ok(sameOfficeText({ serial: 0 }, "12:00:00 AM"));
  assert.ok(sameOfficeText({ serial: 1.0625 }, "25:30:00"));
  assert.ok(!sameOfficeText(1, "one"));
  assert.ok(!sameOfficeText(1, "2"));
  assert.ok(!sameOfficeText(true, "FALSE"));
  assert.ok(!sameOfficeText({ serial: 0.75 }, "06:00:00 AM"));
  assert.ok(!sameOfficeText("a", null));
});
