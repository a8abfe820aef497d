import assert from "node:assert/strict";
import fc from "fast-check";
import { isNumeric } from "../../exporters/cell_text.ts";
import {
  decimalText,
  hasFraction,
  isHeld,
  isPlainlyHeld,
  plainDigits,
} from "../../exporters/decimals.ts";

Deno.test("plainDigits counts the digits that are not zeros around", () => {
  const cases: Readonly<Record<string, number>> = {
    "0": 0,
    "-0.00": 0,
    "5": 1,
    "120": 2,
    "1.0": 1,
    "0.05": 1,
    "10.01": 4,
    "-12.50": 3,
    "2180.0000000000000000": 3,
    "3.3333333333333333": 17,
    "123456789012345000": 15,
  };
  for (const [text, digits] of Object.entries(cases)) assert.equal(plainDigits(text), digits, text);
});

Deno.test("plainDigits knows the plain spelling from others", () => {
  const others = ["", "-", ".", "-.", "+1", "01", "-00.5", ".5", "5.", "1e5", "1.2.3", "1-", " 1"];
  for (const text of [...others, "--1", "NaN", "1,5", "１"]) {
    assert.equal(plainDigits(text), -1, text);
  }
});

Deno.test("plainDigits agrees with an expression and a count, whatever the text is", () => {
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom(..."0019.-e+") }),
    fc.stringMatching(/^-?\d{1,20}(\.\d{1,20})?$/),
  );
  fc.assert(fc.property(text, (text) => {
    const expected = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text)
      ? text.replace(/[-.]/g, "").replace(/^0+|0+$/g, "").length
      : -1;
    assert.equal(plainDigits(text), expected);
  }));
});

Deno.test("decimalText spells a number as JSON does, and nothing else", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["12.50", "12.50"],
    ["-0.5", "-0.5"],
    ["+1", "1"],
    [".5", "0.5"],
    ["-.5", "-0.5"],
    ["5.", "5"],
    ["007", "7"],
    ["-00.50", "-0.50"],
    ["000", "0"],
    ["1E5", "1E5"],
    ["1.5e-7", "1.5e-7"],
    ["", undefined],
    [".", undefined],
    ["-", undefined],
    ["NaN", undefined],
    ["Infinity", undefined],
    ["1,5", undefined],
    [" 1", undefined],
    ["1\n", undefined],
    ["0x10", undefined],
    ["1e", undefined],
  ];
  for (const [text, expected] of cases) assert.equal(decimalText(text), expected, text);
});

Deno.test("isHeld: every digit comes back from a double", () => {
  const held = [
    "0",
    "-12.50",
    "123456789012.345",
    "0.000000000000000000123456789012345",
    "123456789012345000000",
    "-1.00000000000000000000",
    "1e5",
    "0e-999",
    "0.30000000000000004",
    "9007199254740992",
    "1.7976931348623157e308",
  ];
  for (const decimal of held) assert.equal(isHeld(decimal), true, decimal);
  const others = [
    "9007199254740993",
    "3.3333333333333333",
    "0.1234567890123456789",
    "1e400",
    "1e-400",
    "5e-324",
  ];
  for (const decimal of others) assert.equal(isHeld(decimal), false, decimal);
});

Deno.test("isPlainlyHeld asks no more of a double than it holds", () => {
  fc.assert(fc.property(fc.stringMatching(/^-?(0|[1-9]\d{0,30})(\.\d{1,30})?$/), (text) => {
    if (isPlainlyHeld(text)) assert.equal(isHeld(text), true);
  }));
  assert.equal(isPlainlyHeld("9" + "0".repeat(400)), false);
  assert.equal(isPlainlyHeld("0." + "0".repeat(400) + "9"), false);
});

Deno.test("hasFraction tells a whole number from another, exponents included", () => {
  for (const text of ["0.5", "12345678901234567890.5", "1.5e0", "1e-5"]) {
    assert.equal(hasFraction(text), true, text);
  }
  for (const text of ["5", "5.00", "1.5e1", "1e20"]) assert.equal(hasFraction(text), false, text);
});

Deno.test("what is long takes time in proportion, be it a number or not", () => {
  const digits = "1" + "0".repeat(1_000_000);
  assert.equal(decimalText(digits + "x"), undefined);
  assert.equal(isNumeric(digits + "x"), false);
  assert.equal(isHeld(digits + "1." + digits + "1"), false);
  assert.equal(hasFraction("0." + "0".repeat(1_000_000) + "1"), true);
});
