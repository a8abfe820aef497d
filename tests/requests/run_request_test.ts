import assert from "node:assert/strict";
import { ANONYMOUS } from "../../access/principal.ts";
import { RequestError } from "../../requests/request_error.ts";
import { ask } from "./fixture.ts";

function errorOf(...args: Parameters<typeof ask>): RequestError {
  try {
    ask(...args);
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  return assert.fail("no error was thrown");
}

Deno.test("names and texts become a precise request of the caller's", () => {
  const request = ask(
    "people.csv",
    { team: "ops", _dialect: "excel", _columns: "name", _filename: "mine" },
    { ...ANONYMOUS, id: "alice" },
  );
  assert.equal(request.principal.id, "alice");
  assert.deepEqual(request.exports.map(({ name }) => name), ["people"]);
  assert.deepEqual({ ...request.params[0] }, { team: "ops" });
  assert.equal(request.options.dialect, "excel");
  assert.deepEqual(request.select, ["name"]);
  assert.equal(request.filename, "mine");
  assert.equal(request.delivery, "auto");
});

Deno.test("a request says everything that is wrong with it at once, by name", () => {
  const { message, unknown, issues } = errorOf("people.csv", {
    page: "2",
    _dialect: "lotus",
    _level: "9",
    _pages: "2",
  });
  assert.equal(unknown, false);
  assert.deepEqual(issues, [
    {
      name: "_dialect",
      detail: 'must be one of excel, excel-semicolon, rfc4180, postgres, tsv, not "lotus"',
    },
    { name: "_level", detail: "means nothing to the format csv" },
    {
      name: "_pages",
      detail:
        "is no option; there are _bom, _columns, _delivery, _dialect, _filename, _header, _null, _reason",
    },
    { name: "page", detail: "unknown param; this export takes team" },
    {
      name: "team",
      detail: "missing; expected text of at most 1000 characters, without NUL",
    },
  ]);
  assert.equal(message, issues.map(({ name, detail }) => `${name}: ${detail}`).join("; "));
});

Deno.test("what is not there is unknown, and not wrong", () => {
  for (const file of ["nothing.csv", "people.json", "people.odt", "audit-log,people.csv"]) {
    const { unknown, issues } = errorOf(file, { team: "ops" });
    assert.equal(unknown, true, file);
    assert.deepEqual(issues, [], file);
  }
});

Deno.test("hundreds of params are refused unread", () => {
  const pairs = Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`a${index}`, ""]));
  const { message, issues } = errorOf("people.csv", pairs);
  assert.equal(message, "201 params and options are given, and at most 200 are read");
  assert.deepEqual(issues, []);
});

Deno.test("a reason has at most 500 characters", () => {
  assert.equal(ask("audit-log.csv", { _reason: "x".repeat(500) }).reason, "x".repeat(500));
  assert.deepEqual(errorOf("audit-log.csv", { _reason: "x".repeat(501) }).issues, [{
    name: "_reason",
    detail: "must be text on one line, of at most 500 characters",
  }]);
});

Deno.test("a reason stands in logs, and has no key that was pasted into it", () => {
  const reason = (text: string) => ask("people.csv", { team: "ops", _reason: text }).reason;
  assert.equal(reason("case 7, for Ann"), "case 7, for Ann");
  assert.equal(reason("with sw_k7f3q2xw_3sZ9Kq1mV5tWcJ8xRhB2nYpL of mine"), "with sw_* of mine");
});
