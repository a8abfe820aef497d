import assert from "node:assert/strict";
import fc from "fast-check";
import { hasOuterSpace, xmlAttribute, xmlText } from "../../../exporters/xlsx/xml_text.ts";
import { parse, unescapeXstring } from "./read_workbook.ts";

const CASES: readonly (readonly [text: string, xml: string])[] = [
  ["", ""],
  ["plain", "plain"],
  ["<a>&amp;]]>", "&lt;a&gt;&amp;amp;]]&gt;"],
  ['say "hi"', 'say "hi"'],
  ["tab\tand\nline", "tab\tand\nline"],
  ["a\rb\r\nc", "a_x000D_b_x000D_\nc"],
  ["\0\x01\x08\x0b\x0c\x1f", "_x0000__x0001__x0008__x000B__x000C__x001F_"],
  ["\ufffe\uffff", "_xFFFE__xFFFF_"],
  ["\x7f\x85\u2028\ufffd😀", "\x7f\x85\u2028\ufffd😀"],
  ["_x0041_", "_x005F_x0041_"],
  ["_x0041_x0042_", "_x005F_x0041_x005F_x0042_"],
  ["_x004_ _x00411_ _X0041_ x0041_ _x0041", "_x004_ _x00411_ _X0041_ x0041_ _x0041"],
  ["_x00fF_", "_x005F_x00fF_"],
  ["_x005F_", "_x005F_x005F_"],
  ["_x005F\x01", "_x005F_x005F_x0001_"],
  ["snake_case_name", "snake_case_name"],
];

for (const [text, xml] of CASES) {
  Deno.test(`xmlText: ${JSON.stringify(text)}`, () => assert.equal(xmlText(text), xml));
}

Deno.test("hasOuterSpace looks at both ends alone", () => {
  for (const text of [" a", "a ", "\ta", "a\n", " "]) assert.equal(hasOuterSpace(text), true);
  for (const text of ["", "a", "a b", "\u00a0a"]) assert.equal(hasOuterSpace(text), false);
});

Deno.test("xmlAttribute escapes what a parser would change or end the value at", () => {
  assert.equal(
    xmlAttribute("a\"b\tc\nd\re<&>'_x0041_"),
    "a&quot;b&#9;c&#10;d_x000D_e&lt;&amp;&gt;'_x005F_x0041_",
  );
});

Deno.test("any text comes back, as content and as an attribute", () => {
  const unit = fc.oneof(
    fc.constantFrom(
      "_",
      "x",
      "_x",
      "0041",
      "005F",
      "_x0041_",
      "\x01",
      "\r",
      "\n",
      "\t",
      " ",
      "&",
      "<",
      "]]>",
      '"',
    ),
    fc.string({ unit: "binary", maxLength: 2 }),
  );
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 12 }).map((units) => units.join("")), (text) => {
      let content = "";
      let attribute = "";
      parse(
        `<r a="${xmlAttribute(text)}">${xmlText(text)}</r>`,
        (_, { a }) => attribute = a!,
        (_, text) => content = text,
      );
      assert.equal(unescapeXstring(content), text);
      assert.equal(unescapeXstring(attribute), text);
    }),
    { numRuns: 2000 },
  );
});
