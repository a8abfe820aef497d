import assert from "node:assert/strict";
import {
  decimalText,
  isExactDecimal,
  isExactInteger,
  isExactNumber,
} from "../../../exporters/xlsx/numbers.ts";

Deno.test("isExactNumber", () => {
  for (const number of [0, -0, 1, -1, 0.1, 0.1 + 0.2, 1 / 3, 999_999_999_999_999, 1e15, 1e300]) {
    assert.equal(isExactNumber(number), true, String(number));
  }
  for (
    const number of [
      NaN,
      Infinity,
      -Infinity,
      9_007_199_254_740_991,
      -1_234_567_890_123_456,
      1.7976931348623157e308,
      5e-324,
    ]
  ) {
    assert.equal(isExactNumber(number), false, String(number));
  }
});

Deno.test("isExactInteger", () => {
  for (const integer of [0n, -5n, 999_999_999_999_999n, 10n ** 20n, -(10n ** 15n)]) {
    assert.equal(isExactInteger(integer), true, String(integer));
  }
  for (const integer of [1_000_000_000_000_001n, -(2n ** 63n), 10n ** 308n]) {
    assert.equal(isExactInteger(integer), false, String(integer));
  }
});

Deno.test("isExactDecimal counts the digits that are not zeros around", () => {
  for (
    const decimal of [
      "0",
      "-12.50",
      "123456789012.345",
      "0.000000000000000000123456789012345",
      "123456789012345000000",
      "-1.00000000000000000000",
      "1e5",
      "0e-999",
    ]
  ) {
    assert.equal(isExactDecimal(decimal), true, decimal);
  }
  for (
    const decimal of [
      "1234567890123456",
      "0.1234567890123456",
      "-12345678901234567.89",
      "1e400",
      "1e-400",
    ]
  ) {
    assert.equal(isExactDecimal(decimal), false, decimal);
  }
});

Deno.test("decimalText spells a decimal as XML Schema does, and nothing else", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["12.50", "12.50"],
    ["-0.5", "-0.5"],
    ["+1", "1"],
    [".5", "0.5"],
    ["-.5", "-0.5"],
    ["5.", "5"],
    ["1E5", "1E5"],
    ["1.5e-7", "1.5e-7"],
    ["", undefined],
    [".", undefined],
    ["-", undefined],
    ["NaN", undefined],
    ["Infinity", undefined],
    ["1,5", undefined],
    [" 1", undefined],
    ["0x10", undefined],
    ["1e", undefined],
  ];
  for (const [text, expected] of cases) assert.equal(decimalText(text), expected, text);
});
