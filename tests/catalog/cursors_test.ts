/** Params that follow a column: how they are declared, and the values that they have. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { readCursor } from "../../catalog/cursors.ts";
import { loadFormats } from "../../exporters/mod.ts";
import { loadDescriptors } from "../../sources/mod.ts";
import { load, printed } from "./fixture.ts";

const options = { formats: await loadFormats(), sources: await loadDescriptors() };

const yaml = (param: string, columns = "{}") => `
access: { mask_secret: "${"x".repeat(32)}" }
sources: { app: { type: sqlite, path: a.db } }
exports:
  one:
    source: app
    query: select * from t where id > :after
    params: { after: { ${param} } }
    columns: ${columns}
`;

const paramOf = (param: string) =>
  load(yaml(param), options).exports.get("one")!.params.get("after")!;

Deno.test("a param follows a column, from a start value or from none", () => {
  deepStrictEqual(paramOf('type: integer, from: "cursor:id"'), {
    name: "after",
    type: "integer",
    required: false,
    cursor: "id",
  });
  const { default: start, cursor } = paramOf(
    'type: datetime, from: "cursor:created at", default: 2026-01-01',
  );
  deepStrictEqual([start, cursor], ["2026-01-01 00:00:00", "created at"]);
});

Deno.test("what cannot follow a column is said", () => {
  const issue = (param: string, columns?: string) =>
    printed(yaml(param, columns), options).replace(
      /^spillway.yaml:\d+: exports.one.params.after.|\n$/g,
      "",
    );
  strictEqual(
    issue('type: integer, from: "cursor:id", required: true'),
    "required: not for a param that follows a column: no caller gives it",
  );
  for (const type of ["boolean", '"integer[]"']) {
    strictEqual(
      issue(`type: ${type}, from: "cursor:id"`),
      "type: expected integer, number, date, datetime or string, as it follows a column, not " +
        `"${type.replaceAll('"', "")}"`,
    );
  }
  strictEqual(
    issue("type: integer, from: cursor"),
    "from: expected tenant, principal or claim: with the name of a claim; or cursor: with the " +
      'name of a column, not "cursor"',
  );
  strictEqual(
    issue('type: integer, from: "cursor:id"', "{ id: { mask: hash } }"),
    "from: follows a column that is masked, and receipts would show a value of it",
  );
});

Deno.test("the value is what the run before ended at, exactly", () => {
  const read = (param: string, text?: string) =>
    readCursor(paramOf(`${param}, from: "cursor:id"`), text);
  deepStrictEqual(read("type: integer"), { value: null });
  deepStrictEqual(read("type: integer, default: 5"), { value: 5 });
  deepStrictEqual(read("type: integer, default: 5", "7"), { value: 7 });
  deepStrictEqual(read("type: integer", "9007199254740993"), { value: 9007199254740993n });
  deepStrictEqual(read("type: number", "12.50"), { value: 12.5 });
  deepStrictEqual(read("type: number", "-0.5"), { value: -0.5 });
  deepStrictEqual(read("type: number", "1e21"), { value: 1e21 });
  deepStrictEqual(read("type: number", "100"), { value: 100 });
  deepStrictEqual(read("type: string", "12345678901234567.89"), { value: "12345678901234567.89" });
  deepStrictEqual(read("type: datetime", "2026-10-25T02:15:00.123456+01:00"), {
    value: "2026-10-25 01:15:00.123456",
  });
  deepStrictEqual(read("type: date", "2026-10-25"), { value: "2026-10-25" });
  deepStrictEqual(read("type: number", "12345678901234567.89"), {
    detail: 'the run before ended at "12345678901234567.89", which has more digits than a number ' +
      "holds; declare the param as a string",
  });
  deepStrictEqual(read("type: integer", "12.5"), {
    detail: 'the run before ended at "12.5", which is no integer for it',
  });
});
