/** Text as values. */

import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import {
  exactInteger,
  parseBoolean,
  parseDate,
  parseDatetime,
  parseInteger,
  parseNumber,
  parseString,
} from "../../catalog/values.ts";

Deno.test("text is any well-formed UTF-16 without NUL", () => {
  strictEqual(parseString(""), "");
  strictEqual(parseString("'; drop table x --\n\u{1f600}"), "'; drop table x --\n\u{1f600}");
  strictEqual(parseString("a\0b"), undefined);
  strictEqual(parseString("\ud800"), undefined);
});

Deno.test("an integer is exact, within 64 bits", () => {
  strictEqual(parseInteger("0"), 0);
  strictEqual(parseInteger("-0"), 0);
  strictEqual(parseInteger("007"), 7);
  strictEqual(parseInteger("-42"), -42);
  strictEqual(parseInteger("9007199254740991"), 9007199254740991);
  strictEqual(parseInteger("9007199254740992"), 9007199254740992n);
  strictEqual(parseInteger("9007199254740993"), 9007199254740993n);
  strictEqual(parseInteger("9223372036854775807"), 9223372036854775807n);
  strictEqual(parseInteger("-9223372036854775808"), -9223372036854775808n);
  strictEqual(exactInteger(-9007199254740992n), -9007199254740992n);
});

Deno.test("what is not an integer of 64 bits is refused", () => {
  const wrong = [
    ...["", " ", "1 ", "+1", "--1", "-", "1.0", "1e3", "0x10", "1_000", "1n", "NaN", "١"],
    ...["9223372036854775808", "-9223372036854775809", "1".repeat(1_000_000), "1\n"],
  ];
  for (const text of wrong) strictEqual(parseInteger(text), undefined, text.slice(0, 30));
});

Deno.test("every integer of 64 bits comes back as it was printed", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      const parsed = parseInteger(String(value));
      strictEqual(String(parsed), String(value));
      strictEqual(
        typeof parsed,
        value >= -(2n ** 53n) + 1n && value < 2n ** 53n ? "number" : "bigint",
      );
    }),
  );
  fc.assert(fc.property(fc.maxSafeInteger(), (value) => {
    strictEqual(parseInteger(String(value)), value);
  }));
});

Deno.test("a number is a finite double in decimal notation", () => {
  strictEqual(parseNumber("12.50"), 12.5);
  strictEqual(parseNumber("-.5"), -0.5);
  strictEqual(parseNumber("5."), 5);
  strictEqual(parseNumber("1e3"), 1000);
  strictEqual(parseNumber("1E-7"), 1e-7);
  strictEqual(parseNumber("-0"), 0);
  strictEqual(parseNumber("1.7976931348623157e308"), Number.MAX_VALUE);
  const wrong = [
    "",
    ".",
    "-",
    "1e",
    "1e999",
    "Infinity",
    "NaN",
    "0x1",
    "1,5",
    " 1",
    "1 ",
    "+1",
    "1_0",
  ];
  for (const text of wrong) strictEqual(parseNumber(text), undefined, text);
});

Deno.test("every finite double comes back as it was printed", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      strictEqual(parseNumber(String(value)), value + 0);
    }),
  );
});

Deno.test("a boolean is true or false", () => {
  strictEqual(parseBoolean("true"), true);
  strictEqual(parseBoolean("false"), false);
  for (const text of ["", "1", "0", "TRUE", "True", "yes", "on"]) {
    strictEqual(parseBoolean(text), undefined, text);
  }
});

Deno.test("a date is a day that exists", () => {
  for (const day of ["2026-01-31", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"]) {
    strictEqual(parseDate(day), day);
  }
  const wrong = [
    ...["", "2026-02-30", "2026-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-10"],
    ...[
      "2026-01-00",
      "2026-01-32",
      "0000-01-01",
      "2026-1-2",
      "20260102",
      "2026-01-02 ",
      "-2026-01-02",
    ],
    ...["2026-01-02T00:00:00Z", "02.01.2026", "12026-01-02"],
  ];
  for (const text of wrong) strictEqual(parseDate(text), undefined, text);
});

Deno.test("a moment becomes UTC, in the form that databases compare", () => {
  const cases = {
    "2026-01-02": "2026-01-02 00:00:00",
    "2026-01-02T12:04:05Z": "2026-01-02 12:04:05",
    "2026-01-02t12:04:05z": "2026-01-02 12:04:05",
    "2026-01-02 12:04:05": "2026-01-02 12:04:05",
    "2026-01-02T12:04": "2026-01-02 12:04:00",
    "2026-01-02T12:04:05+09:00": "2026-01-02 03:04:05",
    "2026-01-01T00:00:00+09:00": "2025-12-31 15:00:00",
    "2024-02-28T23:30:00-00:30": "2024-02-29 00:00:00",
    "2026-01-02T12:04:05-00:00": "2026-01-02 12:04:05",
    "2026-01-02T12:04:05.123Z": "2026-01-02 12:04:05.123",
    "2026-01-02T12:04:05.120+05:45": "2026-01-02 06:19:05.12",
    "2026-01-02T12:04:05.000Z": "2026-01-02 12:04:05",
    "2026-01-02T12:04:05.123456789": "2026-01-02 12:04:05.123456789",
    "0001-01-01T00:00:00Z": "0001-01-01 00:00:00",
    "9999-12-31T23:59:59.999Z": "9999-12-31 23:59:59.999",
  };
  for (const [text, expected] of Object.entries(cases)) {
    strictEqual(parseDatetime(text), expected, text);
  }
});

Deno.test("what is no moment is refused", () => {
  const wrong = [
    ...["", "2026-02-30T00:00:00Z", "2026-01-02T24:00:00Z", "2026-01-02T12:60:00Z"],
    ...[
      "2026-01-02T12:04:60Z",
      "2026-01-02T12",
      "2026-01-02T12:04:05+9",
      "2026-01-02T12:04:05+0900",
    ],
    ...["2026-01-02T12:04:05+24:00", "2026-01-02T12:04:05 09:00", "2026-01-02T12:04:05.Z"],
    ...["2026-01-02T12:04:05.1234567891Z", "2026-01-02  12:04:05", "2026-02-30", "1767355445"],
    ...["2026-01-02T12:04:05Zx", "2026-01-02T12:04:05 UTC", "now", "abcdefghij"],
    // Within the years of four digits in its own zone, but not in UTC.
    ...["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "0000-12-31T23:59:59-00:01"],
  ];
  for (const text of wrong) strictEqual(parseDatetime(text), undefined, text);
});

Deno.test("moments compare as their texts do, whatever offset they were given with", () => {
  const moment = fc.record({
    time: fc.date({
      min: new Date("0001-01-02T00:00:00Z"),
      max: new Date("9999-12-30T23:59:59.999Z"),
      noInvalidDate: true,
    }).map((date) => date.getTime()),
    minutes: fc.integer({ min: -1439, max: 1439 }),
  });
  fc.assert(fc.property(moment, moment, (one, other) => {
    const [first, second] = [one, other].map(({ time, minutes }) => {
      const local = new Date(time + minutes * 60_000).toISOString().slice(0, -1);
      const [hour, minute] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
      const offset = `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
      return parseDatetime(`${local}${minutes < 0 ? "-" : "+"}${offset}`);
    });
    ok(first !== undefined && second !== undefined);
    strictEqual(Math.sign(one.time - other.time), first < second ? -1 : first > second ? 1 : 0);
  }));
});
