/** Durations. */

import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { parseDuration } from "../../catalog/units.ts";

Deno.test("a duration is a whole number and one unit, in milliseconds", () => {
  strictEqual(parseDuration("0s"), 0);
  strictEqual(parseDuration("250ms"), 250);
  strictEqual(parseDuration("25s"), 25_000);
  strictEqual(parseDuration("60m"), 3_600_000);
  strictEqual(parseDuration("24h"), 86_400_000);
  strictEqual(parseDuration("7d"), 604_800_000);
});

Deno.test("anything else is no duration", () => {
  const wrong = [
    "",
    "25",
    "s",
    "1.5s",
    "-1s",
    "+1s",
    "1 s",
    "1S",
    "1m30s",
    "1w",
    " 1s",
    "1s\n",
    "٣s",
  ];
  for (const text of wrong) strictEqual(parseDuration(text), undefined, JSON.stringify(text));
});

Deno.test("a duration is no longer than a timer holds", () => {
  strictEqual(parseDuration("24d"), 2_073_600_000);
  strictEqual(parseDuration("2073600000ms"), 2_073_600_000);
  strictEqual(parseDuration("2073600001ms"), undefined);
  strictEqual(parseDuration("25d"), undefined);
  strictEqual(parseDuration("99999999999999999999d"), undefined);
});

Deno.test("every number of milliseconds up to the longest is read as it is", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2_073_600_000 }), (milliseconds) => {
    strictEqual(parseDuration(`${milliseconds}ms`), milliseconds);
  }));
});
