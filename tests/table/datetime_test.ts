import assert from "node:assert/strict";
import {
  formatDate,
  formatDateTime,
  parseDateTime,
  parseDays,
  parseIsoDuration,
  parseTime,
  toZone,
  zoneOffsets,
} from "../../table/datetime.ts";

Deno.test("parseDays counts days since 1970-01-01", () => {
  const days = {
    "1970-01-01": 0,
    "1970-01-02": 1,
    "1969-12-31": -1,
    "2000-02-29": 11016,
    "2026-01-02": 20455,
    "0000-01-01": -719528,
    "0000-02-29": -719469,
    "9999-12-31": 2932896,
  };
  for (const [text, expected] of Object.entries(days)) {
    assert.equal(parseDays(text), expected, text);
    assert.equal(formatDate(expected), text);
  }
});

Deno.test("parseDays refuses what is no date", () => {
  const texts = [
    "",
    "2026-1-2",
    "2026-02-29",
    "1900-02-29",
    "2026-04-31",
    "2026-00-10",
    "2026-13-01",
    "2026-01-00",
    "2026-01-32",
    "2026/01/02",
    "20260102  ",
    "2026-01-02 ",
    "2026-01-02T",
    "-026-01-02",
    "２026-01-02",
    "+2026-01-02",
  ];
  for (const text of texts) assert.equal(parseDays(text), undefined, text);
});

Deno.test("every day of ten thousand years comes back", () => {
  for (let days = -719528; days <= 2932896; days++) {
    if (parseDays(formatDate(days)) !== days) assert.fail(`${days} is ${formatDate(days)}`);
  }
});

Deno.test("parseTime reads seconds and the digits of the fraction", () => {
  assert.deepEqual(parseTime("00:00"), { seconds: 0, fraction: "" });
  assert.deepEqual(parseTime("03:04"), { seconds: 11040, fraction: "" });
  assert.deepEqual(parseTime("03:04:05"), { seconds: 11045, fraction: "" });
  assert.deepEqual(parseTime("23:59:59.123456789"), { seconds: 86399, fraction: ".123456789" });
  assert.deepEqual(parseTime("23:59:59.500"), { seconds: 86399, fraction: ".500" });
});

Deno.test("parseTime refuses what is no time", () => {
  const texts = [
    "",
    "24:00",
    "12:60",
    "12:00:60",
    "1:00",
    "12",
    "12:0",
    "12:00:",
    "12:00:0",
    "12:00:00.",
    "12:00:00,5",
    "12:00:00.5x",
    "12:00Z",
    "-12:00",
    "12:00 ",
    "12-00",
  ];
  for (const text of texts) assert.equal(parseTime(text), undefined, text);
});

Deno.test("parseDateTime reads every form of a datetime", () => {
  const at = { days: 20455, seconds: 11045, fraction: "" };
  const forms = {
    "2026-01-02T03:04:05": { ...at, offset: undefined },
    "2026-01-02 03:04:05": { ...at, offset: undefined },
    "2026-01-02T03:04": { ...at, seconds: 11040, offset: undefined },
    "2026-01-02T03:04Z": { ...at, seconds: 11040, offset: 0 },
    "2026-01-02 03:04:05.250": { ...at, fraction: ".250", offset: undefined },
    "2026-01-02T03:04:05Z": { ...at, offset: 0 },
    "2026-01-02t03:04:05z": { ...at, offset: 0 },
    "2026-01-02T03:04:05+09:00": { ...at, offset: 540 },
    "2026-01-02T03:04:05.5-03:30": { ...at, fraction: ".5", offset: -210 },
    "2026-01-02 03:04:05+09": { ...at, offset: 540 },
    "2026-01-02 03:04:05-0330": { ...at, offset: -210 },
  };
  for (const [text, expected] of Object.entries(forms)) {
    assert.deepEqual(parseDateTime(text), expected, text);
  }
});

Deno.test("parseDateTime refuses what is no datetime", () => {
  const texts = [
    "",
    "2026-01-02",
    "2026-01-02T",
    "2026-02-30T00:00",
    "2026-01-02_03:04",
    "2026-01-02T24:00",
    "2026-01-02T03:04:60",
    "2026-01-02T03:04:05.",
    "2026-01-02T03:04:05.Z",
    "2026-01-02T03:04:05 Z",
    "2026-01-02T03:04:05Zz",
    "2026-01-02T03:04:05+",
    "2026-01-02T03:04:05+9",
    "2026-01-02T03:04:05+090",
    "2026-01-02T03:04:05+24:00",
    "2026-01-02T03:04:05+09:60",
    "2026-01-02T03:04:05+09:0",
    "2026-01-02T03:04:05+09-00",
    "2026-01-02T03:04:05+09:00:00",
    "2026-01-02T03:04:05 BC",
    "infinity",
  ];
  for (const text of texts) assert.equal(parseDateTime(text), undefined, text);
});

Deno.test("parseIsoDuration reads seconds, rounded down, and the fraction that goes on", () => {
  const cases: Readonly<Record<string, readonly [seconds: number, fraction: string]>> = {
    "PT0S": [0, ""],
    "PT36H5M": [129900, ""],
    "P1DT2.5S": [86402, ".5"],
    "P1DT2,50S": [86402, ".50"],
    "PT2.000S": [2, ""],
    "P2W": [1209600, ""],
    "P1D": [86400, ""],
    "-PT90S": [-90, ""],
    "+PT90S": [90, ""],
    "P0Y0M3D": [259200, ""],
    // Signs within, as PostgreSQL has them.
    "PT-1H": [-3600, ""],
    "P1DT-1H": [82800, ""],
    "-P1DT-1H": [-82800, ""],
    "P1DT-0.5S": [86399, ".5"],
    "PT1M-0.0250S": [59, ".975"],
    "PT-90.25S": [-91, ".75"],
    "-PT0.999999S": [-1, ".000001"],
    "-PT-0.25S": [0, ".25"],
  };
  for (const [text, [seconds, fraction]] of Object.entries(cases)) {
    const read = parseIsoDuration(text)!;
    assert.deepEqual([read.seconds + 0, read.fraction], [seconds, fraction], text);
  }
  const texts = [
    "",
    "P",
    "PT",
    "P1DT",
    "P1Y",
    "P1M",
    "PT1D",
    "1D",
    "PT1S1M",
    "PT1.5H",
    "PT1S ",
    "--PT1S",
    "P-",
    "PT-",
    "P-1Y-2M3D",
  ];
  for (const text of texts) assert.equal(parseIsoDuration(text), undefined, text);
});

/** A datetime as a zone shows it. */
function shown(text: string, zone: string, style: "rfc3339" | "spreadsheet" = "rfc3339") {
  return formatDateTime(toZone(parseDateTime(text)!, zoneOffsets(zone)), style);
}

Deno.test("toZone keeps the instant and shows the zone's wall clock", () => {
  assert.equal(shown("2026-01-02T03:04:05Z", "Asia/Seoul"), "2026-01-02T12:04:05+09:00");
  assert.equal(shown("2026-01-02 03:04:05", "Asia/Seoul"), "2026-01-02T12:04:05+09:00");
  assert.equal(shown("2026-01-02T03:04", "Asia/Seoul"), "2026-01-02T12:04:00+09:00");
  assert.equal(shown("2026-01-02T03:04:05+09:00", "Asia/Seoul"), "2026-01-02T03:04:05+09:00");
  assert.equal(shown("2025-12-31T20:00:00.25Z", "Asia/Kolkata"), "2026-01-01T01:30:00.25+05:30");
  assert.equal(shown("2024-03-01T00:30:00Z", "America/St_Johns"), "2024-02-29T21:00:00-03:30");
  assert.equal(shown("2026-01-02T03:04:05Z", "UTC"), "2026-01-02T03:04:05Z");
  assert.equal(shown("2026-01-02T03:04:05Z", "+05:45"), "2026-01-02T08:49:05+05:45");
  assert.equal(
    shown("2026-01-02T03:04:05.250Z", "Asia/Seoul", "spreadsheet"),
    "2026-01-02 12:04:05.250",
  );
});

Deno.test("toZone follows the zone's transitions to the second", () => {
  const zone = "America/New_York";
  assert.equal(shown("2026-03-08T06:59:59Z", zone), "2026-03-08T01:59:59-05:00");
  assert.equal(shown("2026-03-08T07:00:00Z", zone), "2026-03-08T03:00:00-04:00");
  assert.equal(shown("2026-11-01T05:59:59Z", zone), "2026-11-01T01:59:59-04:00");
  assert.equal(shown("2026-11-01T06:00:00Z", zone), "2026-11-01T01:00:00-05:00");
  assert.equal(shown("2400-07-01T00:00:00Z", zone), "2400-06-30T20:00:00-04:00");
});

Deno.test("local mean time is rounded to the minute, and the instant stays", () => {
  assert.equal(shown("1900-01-01T00:00:00Z", "Asia/Seoul"), "1900-01-01T08:28:00+08:28");
});

Deno.test("a datetime that leaves four-digit years cannot be written", () => {
  assert.equal(shown("9999-12-31T23:00:00Z", "Asia/Seoul"), undefined);
  assert.equal(shown("0000-01-01T00:00:00Z", "America/New_York"), undefined);
  assert.equal(shown("9999-12-31T14:59:59Z", "Asia/Seoul"), "9999-12-31T23:59:59+09:00");
});
