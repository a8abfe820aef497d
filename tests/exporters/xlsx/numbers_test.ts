import assert from "node:assert/strict";
import { holdDecimal, isExactInteger, isExactNumber } from "../../../exporters/xlsx/numbers.ts";

Deno.test("isExactNumber takes doubles with a fraction, and whole numbers of up to 15 digits", () => {
  for (
    const number of [
      0,
      -0,
      1,
      -1,
      0.1,
      0.1 + 0.2,
      1 / 3,
      999_999_999_999_999,
      1e15,
      1e300,
      2 ** 51 + 0.5,
    ]
  ) {
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

Deno.test("isExactInteger takes integers of up to 15 digits", () => {
  for (const integer of [0n, -5n, 999_999_999_999_999n, 10n ** 20n, -(10n ** 15n)]) {
    assert.equal(isExactInteger(integer), true, String(integer));
  }
  for (const integer of [1_000_000_000_000_001n, -(2n ** 63n), 10n ** 308n]) {
    assert.equal(isExactInteger(integer), false, String(integer));
  }
});

Deno.test("a cell holds a decimal of up to 15 digits, as zeros around them are none", () => {
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
    assert.deepEqual(holdDecimal(decimal), { digits: decimal, rounded: false });
  }
});

Deno.test("a cell holds the nearest number of a longer decimal that has a fraction", () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["3.3333333333333333", "3.3333333333333335", true],
    ["-0.1234567890123456789", "-0.12345678901234568", true],
    ["12345678901234567.89", "12345678901234568", true],
    ["12345678901234567890.5", "12345678901234567000", true],
    ["1.2345678901234567e5", "123456.78901234567", false],
    // The digits of a double are its own.
    ["0.30000000000000004", "0.30000000000000004", false],
  ];
  for (const [decimal, digits, rounded] of cases) {
    assert.deepEqual(holdDecimal(decimal), { digits, rounded }, decimal);
  }
});

Deno.test("a cell holds no whole number of more digits, which is a key, and none that Excel does not read", () => {
  for (
    const decimal of [
      "1234567890123456",
      "-1234567890123456.000",
      "1.2345678901234567e16",
      "1e400",
      "-1e308",
      "1e-400",
      "1e-308",
    ]
  ) {
    assert.equal(holdDecimal(decimal), undefined, decimal);
  }
});
