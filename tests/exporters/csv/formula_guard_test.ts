import assert from "node:assert/strict";
import fc from "fast-check";
import { guardFormulas, mayBeFormula } from "../../../exporters/csv/formula_guard.ts";

/** Texts, and what becomes of each in a file that is separated by commas. */
function assertGuarded(cases: Readonly<Record<string, string>>): void {
  for (const [text, guarded] of Object.entries(cases)) {
    assert.equal(guardFormulas(text, ","), guarded);
  }
}

Deno.test("text that begins with a trigger, TAB, CR, LF or NUL gets an apostrophe in front", () => {
  assertGuarded({
    "=1": "'=1",
    "+1": "'+1",
    "-1": "'-1",
    "@A1": "'@A1",
    "＝1": "'＝1",
    "＋1": "'＋1",
    "－1": "'－1",
    "＠A1": "'＠A1",
    "\tx": "'\tx",
    "\rx": "'\rx",
    "\nx": "'\nx",
    "\0x": "'\0x",
    "-": "'-",
  });
});

Deno.test("white space and controls in front do not hide a formula, other characters make it text", () => {
  assertGuarded({
    " =1": "' =1",
    "\u00a0=1": "'\u00a0=1",
    "\u3000＝1": "'\u3000＝1",
    "\ufeff=1": "'\ufeff=1",
    "\x01 -1": "'\x01 -1",
    " x=1": " x=1",
    "x": "x",
    "1=1": "1=1",
    '"=1': '"=1',
    "'=1": "'=1",
    "": "",
  });
});

for (const sign of ["=", "+", "-", "@", "＝", "＋", "－", "＠"]) {
  Deno.test(`a call behind ${sign} behind whatever a reader may split at gets an apostrophe`, () => {
    assertGuarded({
      [`a;${sign}SUM(1);b`]: `a;'${sign}SUM(1);b`,
      [`a\t${sign}SUM(1)\tb`]: `a\t'${sign}SUM(1)\tb`,
      [`a,${sign}SUM(1),b`]: `a,'${sign}SUM(1),b`,
      [`a\n${sign}SUM(1)\r\nb`]: `a\n'${sign}SUM(1)\r\nb`,
    });
  });
}

Deno.test("each formula of a text gets its apostrophe, behind blanks and quotes too", () => {
  assertGuarded({
    "a;=1": "a;'=1",
    "a; \u00a0\x01=1": "a;' \u00a0\x01=1",
    'a;"=1': "a;'\"=1",
    ",;=1": ",;'=1",
    "a\r=1;=2,=3": "a\r'=1;'=2,'=3",
    "=1;=2": "'=1;'=2",
  });
});

Deno.test("a sign behind a separator stays where a formula could do no more than compute", () => {
  assertGuarded({
    "Mozilla/5.0 (compatible; +http://example.com/bot.html)":
      "Mozilla/5.0 (compatible; +http://example.com/bot.html)",
    "a; b": "a; b",
    "37.5, -122.4": "37.5, -122.4",
    "[1,-2,-3]": "[1,-2,-3]",
    "LINESTRING(0 0,-1 -1,-2 (": "LINESTRING(0 0,-1 -1,'-2 (",
    "to do:\n- one\n- two": "to do:\n- one\n- two",
    "to do:\n- isn't it?\n- that's 5 €, or (more)\n- 🎉 ":
      "to do:\n- isn't it?\n'- that's 5 €, or (more)\n- 🎉 ",
    "x;-5 €\t": "x;-5 €\t",
    "hi, @you, and (others)": "hi, @you, and (others)",
  });
});

Deno.test("a call, a DDE link or another sheet behind a sign counts up to the end of its field", () => {
  assertGuarded({
    "x;-cmd|1": "x;'-cmd|1",
    "x;-cmd;|1": "x;-cmd;|1",
    "x;-Sheet2!A1": "x;'-Sheet2!A1",
    "x;-1\n!": "x;-1\n!",
    "x;-1,f(": "x;'-1,f(",
    "x;－１（": "x;'－１（",
  });
});

Deno.test("a field that the next cell could go on with counts where quotes do not break it off", () => {
  assertGuarded({
    "x;+1": "x;+1",
    "x;+1&": "x;'+1&",
    "x;+1& ": "x;'+1& ",
    'x;+"': "x;'+\"",
    'x;-5"': "x;'-5\"",
    "x\n-'a": "x\n'-'a",
    "x\n-{1": "x\n'-{1",
    "x\n-[1": "x\n'-[1",
    "x;-": "x;'-",
    "x;\t＋\t|": "x;\t'＋\t|",
    "x\n \t-\tf(": "x\n \t'-\tf(",
    "x\t-\tf(": "x\t-\tf(",
    "x,+1&": "x,+1&",
  });
  assert.equal(guardFormulas("x,+1&", ";"), "x,'+1&");
});

Deno.test("text of nothing but separators and signs takes time for each once", () => {
  for (const many of ["\t", ",-", ";@", "\n+", '," ']) {
    // At the end of its cell a sign alone would count: the next cell could go on with it.
    const text = "x" + many.repeat(200_000) + "1";
    assert.equal(guardFormulas(text, ","), text);
  }
});

Deno.test("text that does not begin as a formula may is guarded behind separators at most", () => {
  const piece = fc.constantFrom(..."abc,;\t\r\n\"'= +-@(|!\0＝＋（");
  fc.assert(fc.property(fc.string({ unit: piece, minLength: 1 }), (text) => {
    const guarded = guardFormulas(text, ",");
    assert.equal(guarded.replaceAll("'", ""), text.replaceAll("'", ""));
    if (!mayBeFormula(text)) assert.equal(guarded[0], text[0]);
    assert.doesNotMatch(guarded, /^\s*[=+\-@＝＋]/);
  }));
});
