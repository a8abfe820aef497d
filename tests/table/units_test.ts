/** Durations and sizes. */

import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { parseDuration, parseSize } from "../../table/units.ts";

Deno.test("a duration is a whole number and one unit, in milliseconds", () => {
  strictEqual(parseDuration("0s"), 0);
  strictEqual(parseDuration("250ms"), 250);
  strictEqual(parseDuration("25s"), 25_000);
  strictEqual(parseDuration("60m"), 3_600_000);
  strictEqual(parseDuration("24h"), 86_400_000);
  strictEqual(parseDuration("7d"), 604_800_000);
});

Deno.test("text of another form is no duration", () => {
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

Deno.test("a size is a whole number and one binary unit, in bytes", () => {
  strictEqual(parseSize("0B"), 0);
  strictEqual(parseSize("512B"), 512);
  strictEqual(parseSize("64KiB"), 65_536);
  strictEqual(parseSize("8MiB"), 8_388_608);
  strictEqual(parseSize("20GiB"), 21_474_836_480);
  strictEqual(parseSize("2TiB"), 2_199_023_255_552);
});

Deno.test("text of another form is no size", () => {
  const wrong = [
    "",
    "20",
    "20GB",
    "20G",
    "1.5GiB",
    "-1B",
    "1 B",
    "1kib",
    "9007199254740992B",
    "8192TiB",
  ];
  for (const text of wrong) strictEqual(parseSize(text), undefined, JSON.stringify(text));
});
