import assert from "node:assert/strict";
import { zoneOffsets } from "../../../exporters/time_zone.ts";
import {
  dateSerial,
  dateTimeSerial,
  durationSerial,
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
  ["2026-02-30", undefined],
  ["2026-01-02T00:00:00", undefined],
  ["soon", undefined],
]);

check("dateTimeSerial as stored", dateTimeSerial, [
  ["2026-01-02T00:00:00Z", 46024],
  ["2026-01-02 12:00", 46024.5],
  ["2026-01-02T03:04:05+09:00", 46024.12783564815],
  ["2026-01-02T03:04:05.250Z", 46024.127838541666],
  ["2026-01-02T03:04:05.123456Z", 46024.12783707704],
  ["2026-01-02T03:04:05.123456000Z", 46024.12783707704],
  ["2026-01-02T03:04:05.123456789Z", "beyond"],
  ["1900-03-01T00:00:00Z", 61],
  ["1900-02-28T23:59:59Z", "beyond"],
  ["9999-12-31T23:59:59Z", 2958465.999988426],
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
  ["24:00", undefined],
]);

check("durationSerial", durationSerial, [
  ["PT36H", 1.5],
  ["P1DT12H", 1.5],
  ["PT0S", 0],
  ["P2958466D", "beyond"],
  ["-PT1S", "beyond"],
  ["P1Y", "beyond"],
  ["P1Y2M3DT4H", "beyond"],
  ["P", undefined],
  ["Pay day", undefined],
]);

Deno.test("secondsDurationSerial", () => {
  assert.equal(secondsDurationSerial(43_200), 0.5);
  assert.equal(secondsDurationSerial(-1), "beyond");
  assert.equal(secondsDurationSerial(NaN), "beyond");
  assert.equal(secondsDurationSerial(Infinity), "beyond");
});
