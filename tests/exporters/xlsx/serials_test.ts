import assert from "node:assert/strict";
import { zoneOffsets } from "../../../table/time_zone.ts";
import {
  dateSerial,
  dateTimeSerial,
  durationSerial,
  hasFraction,
  secondsDurationSerial,
  type Serial,
  timeSerial,
} from "../../../exporters/xlsx/serials.ts";

function check(
  name: string,
  serial: (text: string) => Serial,
  cases: readonly (readonly [text: string, serial: Serial])[],
): void {
  for (const [text, expected] of cases) {
    Deno.test(`${name}: ${text}`, () => assert.equal(serial(text), expected));
  }
}

check("dateSerial", dateSerial, [
  ["1900-03-01", 61],
  ["1900-02-28", "beyond"],
  ["1899-12-31", "beyond"],
  ["0000-01-01", "beyond"],
  ["1970-01-01", 25569],
  ["2000-02-29", 36585],
  ["2026-01-02", 46024],
  ["9999-12-31", 2958465],
  ["infinity", "beyond"],
  ["-infinity", "beyond"],
  ["0044-03-15 BC", "beyond"],
  ["10000-01-01", "beyond"],
  ["5874897-12-31", "beyond"],
  ["+012026-01-01", "beyond"],
  ["-000043-03-15", "beyond"],
  ["0000-00-00", "beyond"],
  ["2026-00-00", "beyond"],
  ["2026-01-00", "beyond"],
  ["2026-02-30", undefined],
  ["2026-01-02T00:00:00", undefined],
  ["soon", undefined],
  ["to infinity", undefined],
  ["before 44 BC", undefined],
]);

check("dateTimeSerial in UTC where there is an offset", dateTimeSerial, [
  ["2026-01-02T21:00:00+09:00", 46024.5],
  ["2026-01-02T00:00:00-12:00", 46024.5],
  ["1900-03-01T00:00:00+01:00", "beyond"],
  ["9999-12-31T23:30:00-01:00", "beyond"],
]);

check("dateTimeSerial as stored", dateTimeSerial, [
  ["2026-01-02T00:00:00Z", 46024],
  ["2026-01-02 12:00", 46024.5],
  ["2026-01-02 03:04:05", 46024.12783564815],
  ["2026-01-02T03:04:05.250Z", 46024.127838541666],
  ["2026-01-02T03:04:05.123456Z", 46024.12783707704],
  ["2026-01-02T03:04:05.123456000Z", 46024.12783707704],
  ["2026-01-02T03:04:05.123456789Z", "beyond"],
  ["1900-03-01T00:00:00Z", 61],
  ["1900-02-28T23:59:59Z", "beyond"],
  ["9999-12-31T23:59:59Z", 2958465.999988426],
  // From 2079-06-05 on, doubles are further apart than microseconds.
  ["2079-06-04 12:00:00.000002", 65535.50000000002],
  ["2079-06-05 12:00:00.000001", 65536.50000000001],
  ["2079-06-05 12:00:00.000002", "beyond"],
  ["2081-03-03 12:00:00.000002", "beyond"],
  ["2081-03-03 12:00:00.002", 66173.50000002315],
  ["infinity", "beyond"],
  ["-infinity", "beyond"],
  ["0044-03-15 00:00:00 BC", "beyond"],
  ["0044-03-15 00:00:00+00:00 BC", "beyond"],
  ["12345-01-02 03:04:05+00:00", "beyond"],
  ["0000-00-00 00:00:00", "beyond"],
  ["2026-01-02", undefined],
  ["2026-01-02T25:00:00Z", undefined],
]);

const seoul = zoneOffsets("Asia/Seoul");
check("dateTimeSerial in Asia/Seoul", (text) => dateTimeSerial(text, seoul), [
  ["2026-01-02T15:00:00Z", 46025],
  ["2026-01-02 15:00:00", 46025],
  ["2026-01-02T15:00:00+09:00", 46024.625],
  ["9999-12-31T15:00:00Z", "beyond"],
]);

check("timeSerial", timeSerial, [
  ["00:00", 0],
  ["12:00:00", 0.5],
  ["03:04:05", 0.12783564814814816],
  ["23:59:59.999", 0.9999999884259259],
  ["23:59:59.9999999", "beyond"],
  // A day or more is a duration, and so is less than nothing.
  ["24:00", 1],
  ["24:00:00", 1],
  ["838:59:59", 34.958321759259256],
  ["36:00:00.5", 1.5000057870370371],
  ["PT36H", 1.5],
  ["PT838H59M59S", 34.958321759259256],
  ["-838:59:59", "beyond"],
  ["-00:00:01", "beyond"],
  ["-PT1H", "beyond"],
  ["23:60", undefined],
  ["12:00 PM", undefined],
  ["1:00", undefined],
  ["noon", undefined],
]);

check("durationSerial", durationSerial, [
  ["PT36H", 1.5],
  ["P1DT12H", 1.5],
  ["PT0S", 0],
  ["P2958466D", "beyond"],
  ["-PT1S", "beyond"],
  ["P1Y", "beyond"],
  ["P1Y2M3DT4H", "beyond"],
  ["-P1Y2M", "beyond"],
  ["P-1Y-2M3D", "beyond"],
  ["PT-1H", "beyond"],
  ["P1DT-12H", 0.5],
  ["PT0.25S", 0.0000028935185185185184],
  ["PT0.0000001S", "beyond"],
  ["PT1.5H", "beyond"],
  ["P", undefined],
  ["PT", undefined],
  ["Pay day", undefined],
]);

/** What a reader who rounds finds in a serial: days, and units of so many a second. */
function readBack(serial: Serial, unitsASecond: number): readonly [days: number, units: number] {
  assert.equal(typeof serial, "number");
  const days = Math.floor(serial as number);
  const units = Math.round(((serial as number) - days) * 86_400 * unitsASecond);
  return units === 86_400 * unitsASecond ? [days + 1, 0] : [days, units];
}

/** Days at which doubles begin to step wider, and the first and last days. */
const BOUNDARY_DAYS: readonly (readonly [date: string, days: number])[] = [
  ["1900-03-01", 61],
  ["1989-09-17", 32_768],
  ["2026-01-02", 46_024],
  ["2079-06-04", 65_535],
  ["2079-06-05", 65_536],
  ["2079-12-31", 65_745],
  ["2081-03-03", 66_173],
  ["9999-12-31", 2_958_465],
];

const FRACTIONS = ["5", "25", "125", "999", "9995", "1234", "00001", "12345", "000001", "123456"]
  .concat("654321", "999499", "999500", "999999");

const CLOCKS: readonly (readonly [clock: string, seconds: number])[] = [
  ["00:00:00", 0],
  ["00:00:01", 1],
  ["12:34:56", 45_296],
  ["23:59:58", 86_398],
  ["23:59:59", 86_399],
];

Deno.test("a datetime comes back from its serial to the digit, or has none", () => {
  for (const [date, days] of BOUNDARY_DAYS) {
    for (const [clock, seconds] of CLOCKS) {
      assert.deepEqual(readBack(dateTimeSerial(`${date} ${clock}`), 1000), [days, seconds * 1000]);
      for (const digits of FRACTIONS) {
        const text = `${date} ${clock}.${digits}`;
        const serial = dateTimeSerial(text);
        // Up to 2079 all have one; milliseconds have one ever.
        const exact = days < 65_536 || digits.length <= 3;
        if (serial === "beyond") {
          assert.equal(exact, false, text);
          continue;
        }
        const microseconds = seconds * 1e6 + Number(digits.padEnd(6, "0"));
        if (digits.length > 3) assert.deepEqual(readBack(serial, 1e6), [days, microseconds], text);
        else assert.deepEqual(readBack(serial, 1000), [days, microseconds / 1000], text);
      }
    }
  }
});

Deno.test("no datetime is the year 10000 to a reader of milliseconds", () => {
  const last = dateTimeSerial("9999-12-31 23:59:59.999");
  assert.deepEqual(readBack(last, 1000), [2_958_465, 86_399_999]);
  for (const digits of ["9999", "99999", "999999", "9995", "9999990"]) {
    assert.equal(dateTimeSerial(`9999-12-31 23:59:59.${digits}`), "beyond", digits);
  }
});

Deno.test("times and durations come back from their serials to the microsecond", () => {
  for (const [clock, seconds] of CLOCKS) {
    for (const digits of FRACTIONS) {
      const wanted = seconds * 1e6 + Number(digits.padEnd(6, "0"));
      assert.deepEqual(readBack(timeSerial(`${clock}.${digits}`), 1e6), [0, wanted], clock);
      for (const days of [0, 1, 34, 65_535]) {
        const text = `P${days}DT${seconds}.${digits}S`;
        assert.deepEqual(readBack(durationSerial(text), 1e6), [days, wanted], text);
      }
    }
  }
  assert.equal(durationSerial("P65536DT12H0.000002S"), "beyond");
  assert.deepEqual(readBack(durationSerial("P65536DT12H0.001S"), 1000), [65_536, 43_200_001]);
});

Deno.test("hasFraction finds what a whole second does not show", () => {
  for (
    const [text, type] of [
      ["2026-01-02 03:04:05.5", "datetime"],
      ["2026-01-02T03:04:05.000001+09:00", "datetime"],
      ["03:04:05.010", "time"],
      ["838:59:59.5", "time"],
      ["PT0.5S", "duration"],
      ["P1DT0,5S", "duration"],
    ] as const
  ) assert.equal(hasFraction(text, type), true, text);
  for (
    const [text, type] of [
      ["2026-01-02 03:04:05", "datetime"],
      ["2026-01-02 03:04", "datetime"],
      ["2026-01-02T03:04:05.000Z", "datetime"],
      ["2026-01-02T03:04:05.000+09:00", "datetime"],
      ["03:04:05", "time"],
      ["03:04:05.0", "time"],
      ["PT5S", "duration"],
      ["PT5.00S", "duration"],
    ] as const
  ) assert.equal(hasFraction(text, type), false, text);
});

Deno.test("secondsDurationSerial counts days, up to the last one that a worksheet shows", () => {
  assert.equal(secondsDurationSerial(43_200), 0.5);
  assert.equal(secondsDurationSerial(-1), "beyond");
  assert.equal(secondsDurationSerial(NaN), "beyond");
  assert.equal(secondsDurationSerial(Infinity), "beyond");
});
