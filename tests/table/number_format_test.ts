import assert from "node:assert/strict";
import { currencyFormat, isCurrency, isNumberFormat } from "../../table/number_format.ts";

for (
  const code of [
    "0",
    "General",
    "#,##0.00",
    "yyyy-mm-dd hh:mm:ss",
    "[h]:mm:ss",
    '0.0 "kg";[Red]-0.0 "kg";"none";@',
    '_-* #,##0.00 [$€-407]_-;-* #,##0.00 [$€-407]_-;_-* "-"?? [$€-407]_-;_-@_-',
    "[>=1000000]0.0,,;[>=1000]0.0,;0",
    '0 "a;b;c;d;e"',
    "0\\;0\\;0\\;0\\;0",
    '0\\"',
    '0_"',
    "0*[",
    '"[" 0 "]"',
    '[$"]0',
    "0 😀",
    "0\\😀",
    ";;;",
    "0".repeat(255),
  ]
) {
  Deno.test(`a number format: ${code}`, () => assert.equal(isNumberFormat(code), true));
}

for (
  const code of [
    "",
    '0 "kg',
    '"',
    "[Red",
    "Red]0",
    "[[Red]]0",
    "0;0;0;0;0",
    "0\\",
    "0_",
    "0;*",
    "0\n",
    "\0",
    "0\x7f",
    "0\ud800",
    "0\uffff",
    "0".repeat(256),
  ]
) {
  Deno.test(`no number format: ${JSON.stringify(code)}`, () => {
    assert.equal(isNumberFormat(code), false);
  });
}

Deno.test("a long text that is no number format is told in no time", () => {
  // By going back and forth, it would take longer than anybody lives, on any machine.
  const start = performance.now();
  for (const part of ["0", ";", '"', "[", "_", "\\", "[a]", '""']) {
    isNumberFormat(part.repeat(85) + '"');
  }
  assert.ok(performance.now() - start < 20_000);
});

Deno.test("an amount is shown with its currency's code and decimals", () => {
  assert.equal(currencyFormat("EUR"), "[$EUR] #,##0.00");
  assert.equal(currencyFormat("JPY"), "[$JPY] #,##0");
  assert.equal(currencyFormat("KWD"), "[$KWD] #,##0.000");
  for (const code of Intl.supportedValuesOf("currency")) {
    assert.equal(isNumberFormat(currencyFormat(code)), true, code);
  }
});

Deno.test("a currency is a code in use, in capitals", () => {
  assert.deepEqual(["EUR", "JPY", "eur", "€", "EURO", "XYZ", ""].map(isCurrency), [
    true,
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
});
