import assert from "node:assert/strict";
import { moneyDecimal } from "../../../sources/postgres/money.ts";

Deno.test("an amount is read as any locale writes it", () => {
  const amounts: Readonly<Record<string, string>> = {
    "$1,234.50": "1234.50",
    "-$0.50": "-0.50",
    "$-0.50": "-0.50",
    "($1,234.50)": "-1234.50",
    "$92,233,720,368,547,758.07": "92233720368547758.07",
    "1.234,50 €": "1234.50",
    "-1.234,50 €": "-1234.50",
    "€ 1.234,50-": "-1234.50",
    "1\u202f234,50\u00a0€": "1234.50",
    "Fr. 1’234.50": "1234.50",
    "1 234,50 kr": "1234.50",
    "R$ 0,05": "0.05",
    // India groups by two, and Kuwait has three decimals.
    "₹ 12,34,567.80": "1234567.80",
    "KD 1,234.567": "1234.567",
    "¥500": "500",
    "¥1,234,567": "1234567",
    "12 345 Ft": "12345",
  };
  for (const [text, decimal] of Object.entries(amounts)) {
    assert.equal(moneyDecimal(text), decimal, text);
  }
});

Deno.test("what could be two amounts, or none, is not guessed at", () => {
  for (
    const text of [
      // A thousand in Japan, and little more than one in Kuwait.
      "¥1,234",
      "1.234 KD",
      "$1.5",
      "$1,23,4.50",
      "$1,2345.50",
      "1.234'567,50.10",
      "$1 2 3",
      "$",
      "",
      "5 of 6",
    ]
  ) assert.equal(moneyDecimal(text), undefined, text);
});
