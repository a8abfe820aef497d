import assert from "node:assert/strict";
import { isTimeZone, zoneOffsets } from "../../table/time_zone.ts";

/** Minutes as ICU knows them: another implementation with another copy of the zone data. */
function offsetByIntl(zone: string): (epochSeconds: number) => number {
  const format = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" });
  return (epochSeconds) => {
    const parts = format.formatToParts(epochSeconds * 1000);
    const name = parts.find(({ type }) => type === "timeZoneName")!.value;
    const [, sign, hours, minutes] = /^GMT(?:([+-])(\d\d):(\d\d))?/.exec(name)!;
    return (sign === "-" ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) || 0;
  };
}

Deno.test("offsets agree with Intl, in whatever order they are asked for", () => {
  const zones = ["Asia/Seoul", "America/New_York", "Europe/London", "Australia/Lord_Howe", "UTC"];
  for (const zone of zones) {
    const offset = zoneOffsets(zone);
    const expected = offsetByIntl(zone);
    for (let index = 0; index < 1500; index++) {
      // 1970 to 2026 in a scattered order that is the same in every run.
      const epochSeconds = (index * 7_654_321_987) % 1_767_225_600;
      assert.equal(offset(epochSeconds), expected(epochSeconds), `${zone} ${epochSeconds}`);
    }
  }
});

Deno.test("an offset changes at the very second of its transition", () => {
  const paris = zoneOffsets("Europe/Paris");
  const spring = Date.UTC(2026, 2, 29, 1) / 1000;
  assert.deepEqual([spring, spring - 1, spring + 1, spring].map(paris), [120, 60, 120, 120]);
  const autumn = Date.UTC(2026, 9, 25, 1) / 1000;
  assert.deepEqual([autumn - 1, autumn, autumn + 1].map(paris), [120, 60, 60]);
});

Deno.test("a zone that starts at its transition starts there", () => {
  const berlin = zoneOffsets("Europe/Berlin");
  const spring = Date.UTC(2019, 2, 31, 1) / 1000;
  assert.deepEqual([spring, spring - 1].map(berlin), [120, 60]);
});

Deno.test("a zone's function is made once", () => {
  assert.equal(zoneOffsets("Asia/Tokyo"), zoneOffsets("Asia/Tokyo"));
});

Deno.test("an unknown zone is refused at once, by name", () => {
  assert.throws(() => zoneOffsets("Mars/Olympus"), {
    name: "RangeError",
    message: 'Cannot use time zone "Mars/Olympus": it is not known',
  });
});

Deno.test("isTimeZone refuses what names no zone", () => {
  for (const name of ["Asia/Seoul", "UTC", "+09:00"]) assert.equal(isTimeZone(name), true, name);
  for (const name of ["", "Asia/Atlantis", "Seoul"]) assert.equal(isTimeZone(name), false, name);
});
