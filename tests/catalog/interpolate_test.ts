/** References to the environment. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { interpolate } from "../../catalog/interpolate.ts";

const VARIABLES: ReadonlyMap<string, string> = new Map([
  ["HOST", "db.internal"],
  ["EMPTY", ""],
  ["_X9", "nine"],
  ["NESTED", "${HOST} $${HOST}"],
  ["DOLLARS", "$& $1 $$"],
]);

const env = (name: string) => VARIABLES.get(name);

Deno.test("a reference is replaced, a default stands in for an unset or empty variable", () => {
  const cases = {
    "${HOST}": "db.internal",
    "postgres://${HOST}/${_X9}": "postgres://db.internal/nine",
    "${HOST:-other}": "db.internal",
    "${NONE:-other}": "other",
    "${NONE:-}": "",
    "${EMPTY}": "",
    "${EMPTY:-other}": "other",
    "${NONE:-a:-b c\n#$}": "a:-b c\n#$",
  };
  for (const [text, expected] of Object.entries(cases)) {
    deepStrictEqual(interpolate(text, env), { text: expected, changed: true, problems: [] }, text);
  }
});

Deno.test("$${ is a literal ${, and any other dollar is a dollar", () => {
  const cases = {
    "": "",
    "plain": "plain",
    "$": "$",
    "$HOST $1 $$ $$a$$ }{": "$HOST $1 $$ $$a$$ }{",
    "$${HOST}": "${HOST}",
    "$$${HOST}": "$${HOST}",
  };
  for (const [text, expected] of Object.entries(cases)) {
    deepStrictEqual(interpolate(text, env), { text: expected, changed: false, problems: [] }, text);
  }
});

Deno.test("what a variable holds is put in as it is, and not read again", () => {
  strictEqual(interpolate("${NESTED}", env).text, "${HOST} $${HOST}");
  strictEqual(interpolate("<${DOLLARS}>", env).text, "<$& $1 $$>");
});

Deno.test("every reference that cannot be resolved is named", () => {
  deepStrictEqual(interpolate("${A} ${HOST} ${B}", env).problems, [
    "the environment variable A is not set",
    "the environment variable B is not set",
  ]);
  const malformed = "expected ${NAME} or ${NAME:-default}; a literal ${ is written $${";
  for (const text of ["${", "${}", "${1A}", "${HOST", "${HO ST}", "${HOST-x}", "${HOST:x}"]) {
    deepStrictEqual(interpolate(text, env).problems, [malformed], text);
  }
});

Deno.test("text without a dollar stays as it is; escaped text comes back", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const plain = text.replaceAll("$", "");
    strictEqual(interpolate(plain, env).text, plain);
    strictEqual(interpolate(`$\${${plain}}`, env).text, `\${${plain}}`);
  }));
});
